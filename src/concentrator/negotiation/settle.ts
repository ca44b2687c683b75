/** Keeps the tables about IKE SAs in step with the stage of each. */

import { deadlineOf, type IkeSa, spiOf, stageOf } from "../../ike/ike-sa.ts";
import type { Instant } from "../../octets/instant.ts";
import { asIkeSpi, type IkeSpi } from "../../wire/header.ts";
import type { Engine } from "../engine.ts";
import type { Entry } from "./entry.ts";
import { leaveHalfOpen, weighHalfOpen } from "./half-open.ts";

/** IKE SAs that only answer repeats; beyond this many the next one is forgotten at once. */
const LINGERING_MAX = 20_000;

/** The IKE SA as it is after an event; undefined: nothing is left of it. */
export function settle(engine: Engine, entry: Entry, next: IkeSa | undefined): void {
  const { lingering } = engine.negotiation;
  const spi = spiOf(entry.sa);
  const stage = next === undefined ? undefined : stageOf(next);
  const isLingering = stage === "over";
  const others = lingering.size - (lingering.has(spi) ? 1 : 0);
  const isForgotten = next === undefined || (isLingering && others >= LINGERING_MAX);
  if (isForgotten) return removeEntry(engine, entry, spi);
  if (stage === "up") forgetInit(engine, entry);
  if (isLingering) lingering.add(spi);
  entry.sa = next;
  if (stage === "half-open") weighHalfOpen(engine, spi, next);
  else leaveHalfOpen(engine, spi);
  setDeadline(engine, spi, next);
}

/** Nothing is known of it any more. */
export function removeEntry(engine: Engine, entry: Entry, spi: IkeSpi): void {
  const { sas, lingering, deadlines } = engine.negotiation;
  leaveHalfOpen(engine, spi);
  lingering.delete(spi);
  forgetInit(engine, entry);
  sas.delete(spi);
  deadlines.set(spi, undefined);
}

/** No repeat of its IKE_SA_INIT is answered any more. */
function forgetInit(engine: Engine, entry: Entry): void {
  if (entry.initKey !== undefined) engine.negotiation.initRequests.delete(entry.initKey);
  entry.initKey = undefined;
}

/** Sets when the IKE SA gets its next event `deadline`. */
export function setDeadline(engine: Engine, spi: IkeSpi, sa: IkeSa): void {
  engine.negotiation.deadlines.set(spi, deadlineOf(sa));
}

/** The next IKE SA whose deadline has come. */
export function takeDue(engine: Engine): IkeSpi | undefined {
  const spi = engine.negotiation.deadlines.takeDue(engine.now);
  return spi === undefined ? undefined : asIkeSpi(spi);
}

/** The earliest deadline of all IKE SAs. */
export function ikeSasAt({ negotiation }: Engine): Instant | undefined {
  return negotiation.deadlines.next();
}
