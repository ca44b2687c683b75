/**
 * Deletes of Child SAs that we send (RFC 2408 §3.15). Nobody answers them, and a peer that misses
 * one sends into nothing until the lifetime of the Child SA is over: each is sent several times.
 */

import type { EspSpi } from "../../inet/esp-spi.ts";
import { type Instant, later } from "../../octets/instant.ts";
import { Writer } from "../../octets/writer.ts";
import { type DeletePayload, DOI_IPSEC, Protocol } from "../../wire/v1/message.ts";
import type { IkeContext } from "../effect.ts";
import type { Established, Farewell } from "./established-phase.ts";
import { sendInformational } from "./send-informational.ts";
import type { IkeEffect, Step } from "./step.ts";

type Said = { readonly sa: Established; readonly effects: readonly IkeEffect[] };

/** A Delete names the SPIs of its sender: those at which we receive. */
export function deleteOf(spisIn: readonly EspSpi[]): DeletePayload {
  const spis = spisIn.map((spi) => new Writer(4).u32(spi).done());
  return { kind: "DELETE", doi: DOI_IPSEC, protocol: Protocol.ESP, spis };
}

/** Tells the peer that these Child SAs are gone here, and again after a while. */
export function sayGone(sa: Established, spis: readonly EspSpi[], context: IkeContext): Said {
  if (spis.length === 0) return { sa, effects: [] };
  const next = repeated({ spis, attempts: 0, againAt: context.now }, context);
  const farewells = next === undefined ? sa.farewells : [...sa.farewells, next];
  const { effects } = sendInformational(sa, [deleteOf(spis)], context);
  return { sa: { ...sa, farewells: farewells.slice(-FAREWELLS_MAX) }, effects };
}

/** Sends what is due once more. */
export function sayAgain(sa: Established, context: IkeContext): Step {
  const due = sa.farewells.filter(({ againAt }) => context.now >= againAt);
  if (due.length === 0) return { sa, effects: [] };
  const farewells = sa.farewells.flatMap((one) => {
    const next = due.includes(one) ? repeated(one, context) : one;
    return next === undefined ? [] : [next];
  });
  const spis = due.flatMap((one) => one.spis);
  return sendInformational({ ...sa, farewells }, [deleteOf(spis)], context);
}

/** What would have been said again. */
export function unsaid({ farewells }: Established): readonly EspSpi[] {
  return farewells.flatMap(({ spis }) => spis);
}

/** When the next copy is due; undefined: there is none. */
export function farewellAt({ farewells }: Established): Instant | undefined {
  let next: Instant | undefined;
  for (const { againAt } of farewells) if (next === undefined || againAt < next) next = againAt;
  return next;
}

function repeated({ spis, attempts }: Farewell, { now }: IkeContext): Farewell | undefined {
  const waitMs = WAITS_MS[attempts];
  if (waitMs === undefined) return undefined;
  return { spis, attempts: attempts + 1, againAt: later(now, waitMs) };
}

/** Apart, because a line that loses one message may lose the next one as well. */
const WAITS_MS = [2_000, 10_000];

/** A site that has so many Child SAs deleted at once needs no further copies of the oldest. */
const FAREWELLS_MAX = 64;
