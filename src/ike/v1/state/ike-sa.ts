/**
 * Codec of an ISAKMP SA that another process can continue: an authenticated one. Negotiations are
 * left out, also Quick Modes that have made nothing yet: their peers repeat the request.
 */

import { assert } from "../../../octets/assert.ts";
import {
  bool,
  byKind,
  type Codec,
  checked,
  constant,
  list,
  mapped,
  oneOf,
  optional,
  record,
  u8,
  u16,
  u32,
} from "../../../octets/codec.ts";
import type { IkeAlgorithms } from "../../algorithms.ts";
import type { ChildSa } from "../../child-sa.ts";
import { UNANSWERED_ATTEMPTS } from "../../limits.ts";
import {
  childSa,
  datagram,
  espSpi,
  identity,
  ikeAlgorithms,
  ikeSpi,
  instant,
  key,
  nat,
  nonce,
  path,
  policy,
  saId,
  settings,
  ticket,
} from "../../state/values.ts";
import type {
  Dpd,
  Established,
  Farewell,
  Heir,
  Push,
  Timers,
  Usage,
} from "../established-phase.ts";
import type { IkeSa } from "../every-phase.ts";
import { ikeAlgorithmsOf } from "../facts.ts";
import type { IsakmpAlgorithms, IsakmpKeys } from "../keys.ts";
import type {
  Answered,
  Copies,
  Granted,
  Held,
  Installing,
  Over,
  QuickMode,
} from "../quick-mode-phase.ts";

/** An ISAKMP SA that can be written. A peer sends all fragments of a message again. */
export type Lasting = Established & { readonly fragments: undefined };

/**
 * The ISAKMP SA as it can be written; undefined for a negotiation. A rekey of ours that was under
 * way is due at once in the next process.
 */
export function lastingOf(sa: IkeSa): Lasting | undefined {
  if (sa.phase !== "established") return undefined;
  const quickModes = sa.quickModes.filter(isWritten);
  const dropped = new Set(sa.quickModes.map(({ messageId }) => messageId));
  for (const { messageId } of quickModes) dropped.delete(messageId);
  const usedIds = sa.usedIds.filter((id) => !dropped.has(id));
  return {
    ...sa,
    fragments: undefined,
    quickModes,
    usedIds,
    children: sa.children.map((one) => dueAgain(one, sa)),
  };
}

/** Whether it waits only for time, or a peer that does not answer; it is written as it is. */
export function isQuiet(sa: IkeSa): sa is Lasting {
  if (sa.phase !== "established") return false;
  const { fragments, quickModes, push, heir, dpd, usage, farewells, children } = sa;
  return (
    fragments === undefined &&
    quickModes.every(({ stage }) => stage === "over") &&
    push?.sent === undefined &&
    heir === undefined &&
    (dpd.asked === undefined || dpd.asked.attempts >= UNANSWERED_ATTEMPTS) &&
    usage.ticket === undefined &&
    farewells.length === 0 &&
    !children.some(isUnderWay)
  );
}

function dueAgain(child: ChildSa, { establishedAt }: Established): ChildSa {
  return isUnderWay(child) ? { ...child, rekeyAt: establishedAt } : child;
}

function isUnderWay({ rekeyAt, redundantUntil }: ChildSa): boolean {
  return rekeyAt === undefined && redundantUntil === undefined;
}

type Written = Installing | Answered | Granted | Over;

function isWritten(exchange: QuickMode): exchange is Written {
  return ["installing", "answered", "granted", "over"].includes(exchange.stage);
}

type Tagged = {
  readonly [S in Written["stage"]]: {
    readonly kind: S;
    readonly exchange: Extract<Written, { readonly stage: S }>;
  };
}[Written["stage"]];

type TaggedOf<K extends Tagged["kind"]> = Extract<Tagged, { readonly kind: K }>;

const COMMON = { messageId: u32, iv: key, digest: key } as const;

const copies = record<Copies>({ octets: datagram, attempts: u8, retransmitAt: instant });

const tagged = byKind<Tagged>({
  installing: record<TaggedOf<"installing">>({
    kind: constant("installing"),
    exchange: record<Installing>({
      ...COMMON,
      stage: constant("installing"),
      ticket,
      child: childSa,
      Ni: nonce,
      Nr: nonce,
      answer: datagram,
    }),
  }),
  answered: record<TaggedOf<"answered">>({
    kind: constant("answered"),
    exchange: record<Answered>({
      ...COMMON,
      stage: constant("answered"),
      spiIn: espSpi,
      Ni: nonce,
      Nr: nonce,
      sent: copies,
    }),
  }),
  granted: record<TaggedOf<"granted">>({
    kind: constant("granted"),
    exchange: record<Granted>({
      ...COMMON,
      stage: constant("granted"),
      ticket,
      child: childSa,
      third: datagram,
      isCommitted: bool,
    }),
  }),
  over: record<TaggedOf<"over">>({
    kind: constant("over"),
    exchange: record<Over>({
      ...COMMON,
      stage: constant("over"),
      last: optional(datagram),
      held: optional(record<Held>({ spiIn: espSpi, until: instant })),
      forgetAt: instant,
    }),
  }),
});

const quickMode: Codec<QuickMode> = mapped(tagged, {
  to: tag,
  from: ({ exchange }): QuickMode => exchange,
});

function tag(exchange: QuickMode): Tagged {
  switch (exchange.stage) {
    case "installing":
      return { kind: "installing", exchange };
    case "answered":
      return { kind: "answered", exchange };
    case "granted":
      return { kind: "granted", exchange };
    default:
      assert(exchange.stage === "over", "a Quick Mode that is not written");
      return { kind: "over", exchange };
  }
}

const algorithms: Codec<IsakmpAlgorithms> = mapped(ikeAlgorithms, {
  to: ikeAlgorithmsOf,
  from({ encr, prf, ke }: IkeAlgorithms, fail): IsakmpAlgorithms {
    return encr.kind === "cbc" ? { encr, prf, ke } : fail("an encryption that IKEv1 has not");
  },
});

const keys = record<IsakmpKeys>({ SKEYID_d: key, SKEYID_a: key, SKEYID_e: key, cipherKey: key });

const timers = record<Timers>({
  rekeyAt: optional(instant),
  hardAt: instant,
  inactivityAt: optional(instant),
  keepaliveAt: optional(instant),
  childlessAt: optional(instant),
  redundant: optional(
    record<NonNullable<Timers["redundant"]>>({
      at: instant,
      why: oneOf(["redundant", "replaced-by-newer"]),
    }),
  ),
});

const dpd = record<Dpd>({
  isSupported: bool,
  sequence: u32,
  asked: optional(record<NonNullable<Dpd["asked"]>>({ attempts: u8, againAt: instant })),
  peerSequence: optional(u32),
});

const established = record<Lasting>({
  version: constant(1),
  phase: constant("established"),
  id: saId,
  path,
  nat,
  natT: oneOf(["none", "rfc", "draft"]),
  algorithms,
  keys,
  lastBlock: key,
  lastOfPhase1: optional(
    record<NonNullable<Established["lastOfPhase1"]>>({ digest: key, octets: datagram }),
  ),
  peer: identity,
  policy,
  settings,
  withFragments: bool,
  fragments: constant(undefined),
  isSha256Short: bool,
  children: list(childSa, 65_535),
  farewells: list(
    record<Farewell>({ spis: list(espSpi, 65_535), attempts: u8, againAt: instant }),
    255,
  ),
  quickModes: list(quickMode, 255),
  takenGroup: optional(u16),
  push: optional(record<Push>({ messageId: u32, iv: key, sent: optional(copies) })),
  usedIds: list(u32, 65_535),
  heir: optional(
    record<Heir>({
      spi: ikeSpi,
      until: instant,
      given: list(record<Heir["given"][number]>({ spiIn: espSpi, spiOut: espSpi }), 65_535),
    }),
  ),
  dpd,
  usage: record<Usage>({ movedAt: instant, ticket: optional(ticket) }),
  establishedAt: instant,
  heardAt: instant,
  timers,
});

/** An ISAKMP SA as it is. */
export const lasting: Codec<Lasting> = checked(established, (sa, fail) =>
  keysFit(sa) ? sa : fail("keys that do not fit the algorithms"),
);

function keysFit({ algorithms: { encr, prf }, keys: own, lastBlock }: Lasting): boolean {
  return (
    own.SKEYID_d.length === prf.outputOctets &&
    own.SKEYID_a.length === prf.outputOctets &&
    own.cipherKey.length === encr.keyOctets &&
    lastBlock.length === encr.ivOctets
  );
}
