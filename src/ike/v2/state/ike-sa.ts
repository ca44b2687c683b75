/**
 * Codecs for IKE SAs that another process can continue: authenticated ones, and ended ones that
 * still answer repeats. Negotiations are left out: their peers repeat the request or begin anew, as
 * after any lost datagram.
 */

import { assert } from "../../../octets/assert.ts";
import {
  bool,
  byKind,
  type Codec,
  constant,
  list,
  mapped,
  omissible,
  oneOf,
  optional,
  record,
  text,
  u8,
  u16,
  u32,
} from "../../../octets/codec.ts";
import { ok, type Result } from "../../../octets/result.ts";
import { UNANSWERED_ATTEMPTS } from "../../limits.ts";
import {
  childSa,
  datagram,
  datagrams,
  gateway,
  identity,
  ikeAlgorithms,
  ikeSpi,
  instant,
  key,
  method,
  nat,
  path,
  policy,
  retransmission,
  saId,
  settings,
  struggle,
  ticket,
} from "../../state/values.ts";
import type {
  Closing,
  Ended,
  Established,
  Replaced,
  Serving,
  Usage,
} from "../established-phase.ts";
import type { IkeSa } from "../every-phase.ts";
import type { FragmentLimits, Fragments, Reassembly } from "../fragments.ts";
import type { IkeKeys } from "../keys.ts";
import type { Timers } from "../timers.ts";
import type { Inbound, InFlight, Outbound } from "../window.ts";
import { asking, type LaterServing, serving, tasks, unfinished } from "./exchanges.ts";

/** An IKE SA that can be written. */
export type Lasting = Established | Replaced | Closing | Ended;

/** The IKE SA if it can be written. */
export function lastingOf(sa: IkeSa): Lasting | undefined {
  if (sa.phase === "established") return isNegotiating(sa.serving) ? undefined : sa;
  return sa.phase === "replaced" || sa.phase === "closing" || sa.phase === "ended" ? sa : undefined;
}

/** Whether it waits for nothing but time, or for a peer that does not answer. */
export function isQuiet(sa: IkeSa): sa is Established {
  if (sa.phase !== "established") return false;
  const { serving, unfinished, asking, tasks, fragments, outbound, usage, redirected } = sa;
  const { undecidedUntil } = sa;
  const { inFlight } = outbound;
  const isUnanswered =
    asking?.kind === "informational" && (inFlight?.attempts ?? 0) >= UNANSWERED_ATTEMPTS;
  return (
    serving === undefined &&
    unfinished === undefined &&
    (isUnanswered || (asking === undefined && inFlight === undefined)) &&
    tasks.length === 0 &&
    fragments.request === undefined &&
    fragments.response === undefined &&
    usage.ticket === undefined &&
    redirected === undefined &&
    undecidedUntil === undefined
  );
}

/** Whether the peer's IKE_AUTH is unanswered: then the peer does not know yet that it is up. */
function isNegotiating(request: Serving | undefined): boolean {
  return request?.kind === "ike-auth" || request?.kind === "ike-auth-held";
}

const servingLater: Codec<Serving | undefined> = mapped(optional(serving), {
  to(request: Serving | undefined): LaterServing | undefined {
    const isLater = request?.kind !== "ike-auth" && request?.kind !== "ike-auth-held";
    assert(isLater, "a negotiation is not written");
    return request;
  },
  from: (request): Serving | undefined => request,
});

const keys = record<IkeKeys>({
  SK_d: key,
  SK_ai: key,
  SK_ar: key,
  SK_ei: key,
  SK_er: key,
  epoch: u16,
});

const parts: Codec<ReadonlyMap<number, Uint8Array>> = mapped(
  list(
    record<{ readonly number: number; readonly part: Uint8Array }>({
      number: u16,
      part: datagram,
    }),
    65_535,
  ),
  {
    to: (known: ReadonlyMap<number, Uint8Array>) =>
      [...known].map(([number, part]) => ({ number, part })),
    from: (written): ReadonlyMap<number, Uint8Array> =>
      new Map(written.map(({ number, part }) => [number, part])),
  },
);

const reassembly = record<Reassembly>({
  messageId: u32,
  exchangeType: u8,
  total: u16,
  firstInner: u8,
  head: datagram,
  parts,
  octets: u32,
  until: instant,
});

const fragments = record<Fragments>({
  request: optional(reassembly),
  response: optional(reassembly),
  limits: record<FragmentLimits>({ fragmentsMax: u32, octetsMax: u32 }),
  refused: optional(text(1_024)),
});

const inbound = record<Inbound>({ nextId: u32, lastResponse: optional(datagrams), path });

const inFlight = record<InFlight>({
  messageId: u32,
  datagrams,
  attempts: u16,
  attemptsMax: u16,
  retransmitAt: instant,
});

const timers = record<Timers>({
  rekeyAt: optional(instant),
  hardAt: instant,
  reauthAt: optional(instant),
  inactivityAt: optional(instant),
  keepaliveAt: optional(instant),
  childlessAt: optional(instant),
  redundant: optional(
    record<NonNullable<Timers["redundant"]>>({
      at: instant,
      why: oneOf(["redundant", "replaced-by-newer"]),
    }),
  ),
  noticeAt: instant,
});

const established = record<Established>({
  phase: constant("established"),
  id: saId,
  isCaller: bool,
  path,
  nat,
  algorithms: ikeAlgorithms,
  keys,
  usesPpk: bool,
  hasFullTranscript: bool,
  peer: identity,
  otherId: omissible(
    record<NonNullable<Established["otherId"]>>({ expected: text(65_535), ours: text(65_535) }),
  ),
  policy,
  settings,
  children: list(childSa, 65_535),
  childMethod: optional(method),
  struggle: optional(struggle),
  inbound,
  outbound: record<Outbound>({ nextId: u32, inFlight: optional(inFlight) }),
  serving: servingLater,
  unfinished: optional(unfinished),
  asking: optional(asking),
  tasks,
  fragmentOctets: optional(u32),
  fragments,
  mobike: bool,
  redirect: oneOf(["none", "supported", "redirected", "followed"]),
  redirected: optional(
    record<NonNullable<Established["redirected"]>>({ to: gateway, until: instant }),
  ),
  usage: record<Usage>({ movedAt: instant, ticket: optional(ticket) }),
  timers,
  establishedAt: instant,
  heardAt: instant,
  contested: optional(ikeSpi),
  undecidedUntil: optional(instant),
});

const replaced = record<Replaced>({
  phase: constant("replaced"),
  former: established,
  until: instant,
});

const closing = record<Closing>({
  phase: constant("closing"),
  id: saId,
  path,
  algorithms: ikeAlgorithms,
  keys,
  fragmentOctets: optional(u32),
  retransmission,
  inFlight,
});

const ended = record<Ended>({
  phase: constant("ended"),
  id: saId,
  path,
  messageId: u32,
  response: datagrams,
  forgetAt: instant,
});

type Tagged =
  | { readonly kind: "established"; readonly sa: Established }
  | { readonly kind: "replaced"; readonly sa: Replaced }
  | { readonly kind: "closing"; readonly sa: Closing }
  | { readonly kind: "ended"; readonly sa: Ended };

type TaggedOf<K extends Tagged["kind"]> = Extract<Tagged, { readonly kind: K }>;

const tagged = byKind<Tagged>({
  established: record<TaggedOf<"established">>({ kind: constant("established"), sa: established }),
  replaced: record<TaggedOf<"replaced">>({ kind: constant("replaced"), sa: replaced }),
  closing: record<TaggedOf<"closing">>({ kind: constant("closing"), sa: closing }),
  ended: record<TaggedOf<"ended">>({ kind: constant("ended"), sa: ended }),
});

/** An IKE SA as it is, in the epoch of its keys. */
export const lasting: Codec<Lasting> = mapped(tagged, {
  to: tag,
  from: ({ sa }, fail) => (keysFit(sa) ? sa : fail("keys that do not fit the algorithms")),
});

function keysFit(sa: Lasting): boolean {
  if (sa.phase === "ended") return true;
  if (sa.phase === "replaced") return keysFit(sa.former);
  const { algorithms, keys } = sa;
  const [encrOctets, integOctets] = [algorithms.encr.keyOctets, algorithms.integ?.keyOctets ?? 0];
  return (
    keys.SK_d.length === algorithms.prf.keyOctets &&
    [keys.SK_ei, keys.SK_er].every(({ length }) => length === encrOctets) &&
    [keys.SK_ai, keys.SK_ar].every(({ length }) => length === integOctets)
  );
}

function tag(sa: Lasting): Tagged {
  switch (sa.phase) {
    case "established":
      return { kind: "established", sa };
    case "replaced":
      return { kind: "replaced", sa };
    case "closing":
      return { kind: "closing", sa };
    default:
      return { kind: "ended", sa };
  }
}

/** The IKE SA with its keys in the next epoch, or why there is none; without keys as it is. */
export function inEpoch<E>(
  sa: Lasting,
  next: (epoch: number) => Result<number, E>,
): Result<Lasting, E> {
  if (sa.phase === "ended") return ok(sa);
  if (sa.phase === "replaced") {
    const former = keysInEpoch(sa.former, next);
    return former.ok ? ok({ phase: "replaced", former: former.value, until: sa.until }) : former;
  }
  return keysInEpoch<Established | Closing, E>(sa, next);
}

function keysInEpoch<S extends { readonly keys: IkeKeys }, E>(
  sa: S,
  next: (epoch: number) => Result<number, E>,
): Result<S, E> {
  const epoch = next(sa.keys.epoch);
  return epoch.ok ? ok({ ...sa, keys: { ...sa.keys, epoch: epoch.value } }) : epoch;
}
