/** Drives IKE SAs: delivers an event to one, and has its effects carried out. */

import type { IkeEvent } from "../ike/event.ts";
import { factsOf, type IkeEffect, step } from "../ike/ike-sa.ts";
import type { Reason } from "../reason/reason.ts";
import type { IkeSpi } from "../wire/header.ts";
import { noteBug } from "./bug.ts";
import { callOfIkeSa } from "./calls/call-table.ts";
import { onCallLost } from "./calls/dial.ts";
import { changedIkeSa } from "./changes.ts";
import { removeChild } from "./dataplane/install.ts";
import type { Engine } from "./engine.ts";
import { perform } from "./ike-effects.ts";
import { ikeContext } from "./negotiation/context.ts";
import type { Entry } from "./negotiation/entry.ts";
import { forgiveUnlooked } from "./negotiation/guesses.ts";
import { mayGrow } from "./negotiation/half-open.ts";
import { aboutOf, entryAt } from "./negotiation/ike-sas.ts";
import { removeEntry, setDeadline, settle, takeDue } from "./negotiation/settle.ts";
import { standOf } from "./negotiation/stand.ts";
import { leaveEroute, removeLeft, removeOrphan } from "./sites/eroute-end.ts";
import { endIkeSa, forgetIkeSa, ikeSaAt } from "./sites/ike-sas.ts";
import { settleIn } from "./sites/uniqueness.ts";

/** Delivers an event to the IKE SA with this local SPI, if there is one. */
export function deliver(engine: Engine, spi: IkeSpi, event: IkeEvent): void {
  // Once the IKE SA of a Child SA has gone, nothing else would remove the Child SA.
  if (event.kind === "close-child" && removeOrphan(engine, spi, event.spiIn)) return;
  const entry = entryAt(engine, spi);
  if (entry === undefined) return;
  changedIkeSa(engine, spi);
  if (event.kind === "message" && !mayGrow(engine, spi, event.octets.length)) return;
  try {
    if (event.kind === "credentials" && !event.result.ok) {
      forgiveUnlooked(engine, entry, event.result.error);
    }
    const result = step(entry.sa, event, ikeContext(engine));
    settle(engine, entry, result.sa);
    const named = ikeSaAt(engine, spi);
    if (named !== undefined) named.stand = standOf(entry.sa);
    perform(engine, entry, result.effects, start);
    settleIn(engine, spi, result.sa === undefined);
  } catch (fault) {
    onBug(engine, entry, spi, fault);
  }
  if (entryAt(engine, spi) === undefined) forgetIkeSa(engine, spi);
}

/** Carries out the first effects of an IKE SA that was just admitted. */
export function start(engine: Engine, spi: IkeSpi, effects: readonly IkeEffect[]): void {
  const entry = entryAt(engine, spi);
  if (entry === undefined) return;
  changedIkeSa(engine, spi);
  setDeadline(engine, spi, entry.sa);
  try {
    perform(engine, entry, effects, start);
  } catch (fault) {
    onBug(engine, entry, spi, fault);
  }
}

/** Delivers the mail for IKE SAs, and the mail that this causes, until none is left. */
export function drain(engine: Engine): void {
  for (let parcel = engine.inbox.shift(); parcel !== undefined; parcel = engine.inbox.shift()) {
    deliver(engine, parcel.spi, parcel.event);
  }
}

/** Deadlines that are handled in one go; the others stay due. */
const DEADLINES_AT_ONCE = 64;

/** Tells the IKE SAs whose time has come. */
export function runDeadlines(engine: Engine): void {
  for (let handled = 0; handled < DEADLINES_AT_ONCE; handled++) {
    const spi = takeDue(engine);
    if (spi === undefined) return;
    deliver(engine, spi, { kind: "deadline" });
  }
}

/** A bug in one IKE SA costs that IKE SA, its kernel states included; the others go on. */
function onBug(engine: Engine, entry: Entry, spi: IkeSpi, fault: unknown): void {
  noteBug(engine, aboutOf(entry), fault);
  discard(engine, entry, spi, "internal-error");
}

function discard(engine: Engine, entry: Entry, spi: IkeSpi, why: Reason): void {
  removeEntry(engine, entry, spi);
  for (const child of factsOf(entry.sa)?.children.toReversed() ?? []) {
    removeChild(engine, child.spiIn, "discarded");
  }
  const call = callOfIkeSa(engine, spi);
  if (call !== undefined) onCallLost(engine, call);
  const eroute = endIkeSa(engine, spi);
  forgetIkeSa(engine, spi);
  if (eroute === undefined) return;
  removeLeft(engine, eroute.key, spi, why);
  leaveEroute(engine, eroute, spi, why);
}
