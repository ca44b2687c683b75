/**
 * First messages of IKEv1 from strangers. There are no cookies to ask for, so each of them costs a
 * look-up and a key exchange: their number is limited, and so are the half-open IKE SAs.
 */

import { type IkeSa, pathOf } from "../../ike/ike-sa.ts";
import { formatEndpoint, type Path } from "../../inet/endpoint.ts";
import { originOf } from "../../inet/origin.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { count, type Engine } from "../engine.ts";
import { noteLimit } from "../journal/limit-notes.ts";
import { roomFor } from "./half-open.ts";

/** The share of all half-open places that strangers with IKEv1 may have. */
const PLACES_SHARE = 0.25;

/** Whether a first message is worked on. */
export function mayBeginIkev1(engine: Engine, path: Path, octets: number): boolean {
  const { ikev1 } = engine.negotiation;
  const prefix = originOf(path.remote.address);
  const isLimited =
    !ikev1.each.of(prefix, engine.now).take(engine.now) ||
    (!isKnown(engine, path) && !ikev1.all.take(engine.now));
  if (isLimited) {
    count(engine, "ikev1_calls_limited");
    const from = formatEndpoint(path.remote);
    const detail = `first messages of IKEv1 are limited, as it has no cookies: one from ${from}`;
    noteLimit(engine, { reason: "half-open-full", step: "IKEv1", detail });
    return false;
  }
  return roomFor(engine, path, octets) !== "none";
}

/**
 * A stranger was let in with IKEv1. If strangers have all their places, the one that came first
 * goes: a site answers within a second, and forged messages are never answered.
 */
export function enterIkev1(engine: Engine, spi: IkeSpi, sa: IkeSa): void {
  if (isKnown(engine, pathOf(sa))) return;
  const { halfOpen } = engine.negotiation.ikev1;
  const max = Math.max(1, Math.floor(engine.plan.limits.halfOpenMax * PLACES_SHARE));
  const [oldest] = halfOpen;
  if (halfOpen.size >= max && oldest !== undefined) {
    halfOpen.delete(oldest);
    count(engine, "half_open_refused");
    engine.inbox.push({ spi: oldest, event: { kind: "drop", why: "half-open-full" } });
  }
  halfOpen.add(spi);
}

function isKnown({ negotiation }: Engine, { remote }: Path): boolean {
  return negotiation.knownPrefixes.has(originOf(remote.address));
}
