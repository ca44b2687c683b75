/** Offering and choosing algorithms in IKEv1 (RFC 2409 §5, RFC 2407 §4.5). */

import { isOptional } from "../../crypto/additional-key-exchange.ts";
import { isAead } from "../../crypto/esp-algorithm.ts";
import { anyEspEncryptionFor, isakmpEncryptionFor, isakmpPrfFor } from "../../crypto/ikev1.ts";
import { keyExchangeFor } from "../../crypto/key-exchange.ts";
import type { Suite } from "../../crypto/suite.ts";
import { Integ, Ke } from "../../crypto/transform.ts";
import { asEspSpi, type EspSpi } from "../../inet/esp-spi.ts";
import { onceFor } from "../../octets/once-for.ts";
import { Reader } from "../../octets/reader.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { Writer } from "../../octets/writer.ts";
import {
  DOI_IPSEC,
  type Proposal,
  Protocol,
  type SaPayload,
  SIT_IDENTITY_ONLY,
  type Transform,
} from "../../wire/v1/message.ts";
import { anyEspAlgorithmsOf, type EspAlgorithms } from "../algorithms.ts";
import type { Refusal } from "../refusal.ts";
import type { IsakmpAlgorithms } from "./keys.ts";
import { noneChosenEsp, noneChosenIsakmp } from "./none-chosen.ts";
import {
  type EspOffer,
  espOfferOf,
  espTransformOf,
  type IsakmpOffer,
  isakmpOfferOf,
  isakmpTransform,
  type Lifetime,
} from "./transform.ts";
import { INTEGRITY_OF_PRF } from "./transform-numbers.ts";

/** What we accept for an ISAKMP SA. */
export type IsakmpWant = {
  readonly suites: readonly Suite[];
  /** Numbers of IKEv1, best first. */
  readonly authMethods: readonly number[];
  /**
   * Octets of the public value that came with the offer: in Aggressive Mode only its group counts
   * (RFC 2409 §5.2). Undefined in Main Mode.
   */
  readonly keOctets: number | undefined;
};

export type ChosenIsakmp = {
  /** One proposal with one transform, as it was offered: the answer. */
  readonly proposal: Proposal;
  readonly algorithms: IsakmpAlgorithms;
  readonly authMethod: number;
  readonly lifetime: Lifetime;
};

/** What we accept for an IPsec SA. */
export type EspWant = {
  readonly suites: readonly Suite[];
  /** Encapsulation modes: all that fit the NAT that was found. */
  readonly encapsulations: readonly number[];
  /** Octets of the KE payload; undefined if there is none. */
  readonly keOctets: number | undefined;
  /** SHA2-256 has 96 bits, as in old kernels. */
  readonly isSha256Short: boolean;
};

export type ChosenEsp = {
  /** One proposal with one transform, as it was offered, and with the peer's SPI. */
  readonly proposal: Proposal;
  readonly algorithms: EspAlgorithms;
  readonly encapsulation: number;
  readonly lifetime: Lifetime;
  /** The peer's inbound SPI. */
  readonly spi: EspSpi;
};

/** So many transforms of a peer's offer are tried, which is more than any device sends. */
const TRIED_TRANSFORMS_MAX = 256;
/** So many transforms of an offer of ours are sent: more do not fit one datagram. */
const OFFERED_TRANSFORMS_MAX = 24;
/** SPIs 0-255 are reserved (RFC 4303 §2.1). */
const ESP_SPI_MIN = 256;

/** Groups that IKEv1 has numbers for, and that are built in. */
const GROUPS: ReadonlySet<number> = new Set([
  Ke.MODP_1024,
  Ke.MODP_1536,
  Ke.MODP_2048,
  Ke.MODP_3072,
  Ke.MODP_4096,
  Ke.ECP_256,
  Ke.ECP_384,
  Ke.ECP_521,
]);

/** The best offered transform: the order of `suites` decides, then the order within each. */
export function chooseIsakmp(sa: SaPayload, want: IsakmpWant): Result<ChosenIsakmp, Refusal> {
  const usable = { ...want, suites: want.suites.flatMap(isakmpSuite) };
  let tried = 0;
  let best: { readonly rank: Rank; readonly chosen: ChosenIsakmp } | undefined;
  for (const proposal of sa.proposals) {
    if (proposal.protocol !== Protocol.ISAKMP) continue;
    for (const transform of proposal.transforms) {
      if (++tried > TRIED_TRANSFORMS_MAX) break;
      const offer = isakmpOfferOf(transform);
      const rank = isakmpRank(offer, usable);
      if (rank === undefined || (best !== undefined && !isBefore(rank, best.rank))) continue;
      const algorithms = isakmpAlgorithmsOf(offer);
      if (algorithms === undefined || offer.authMethod === undefined) continue;
      const { authMethod, lifetime } = offer;
      const answer = { ...proposal, transforms: [transform] };
      best = { rank, chosen: { proposal: answer, algorithms, authMethod, lifetime } };
    }
  }
  if (best !== undefined) return ok(best.chosen);
  return err(noneChosenIsakmp(sa, usable));
}

/** The same for an IPsec SA. */
export function chooseEsp(sa: SaPayload, want: EspWant): Result<ChosenEsp, Refusal> {
  const usable = { ...want, suites: want.suites.flatMap(espSuite) };
  let tried = 0;
  let best: { readonly rank: Rank; readonly chosen: ChosenEsp } | undefined;
  const counts = Map.groupBy(sa.proposals, ({ number }) => number);
  for (const proposal of sa.proposals) {
    // Several protocols under one number are wanted together (RFC 2408 §4.2).
    const isAlone = counts.get(proposal.number)?.length === 1;
    const spi = isAlone ? espSpiOf(proposal) : undefined;
    if (spi === undefined) continue;
    for (const transform of proposal.transforms) {
      if (++tried > TRIED_TRANSFORMS_MAX) break;
      const offer = espOfferOf(transform);
      const rank = espRank(offer, usable);
      if (rank === undefined || (best !== undefined && !isBefore(rank, best.rank))) continue;
      const algorithms = espAlgorithmsOf(offer, want);
      if (algorithms === undefined || offer.encapsulation === undefined) continue;
      const { encapsulation, lifetime } = offer;
      const answer = { ...proposal, transforms: [transform] };
      best = { rank, chosen: { proposal: answer, algorithms, encapsulation, lifetime, spi } };
    }
  }
  if (best !== undefined) return ok(best.chosen);
  return err(noneChosenEsp(sa, usable));
}

/** An offer for an ISAKMP SA: one proposal, a transform for each combination, best first. */
export function isakmpOffer(
  suites: readonly Suite[],
  offer: {
    readonly authMethod: number;
    readonly lifetime: Lifetime;
    /** The only group, as in Aggressive Mode; undefined: all of the suites. */
    readonly group: number | undefined;
  },
): SaPayload {
  const { authMethod, lifetime, group } = offer;
  const transforms: Transform[] = [];
  for (const { encr, prf, ke } of suites.flatMap(isakmpSuite)) {
    const groups = group === undefined ? ke : ke.filter((id) => id === group);
    for (const cipher of encr) {
      for (const hash of prf) {
        for (const id of groups) {
          const one = { encr: cipher, prf: hash, ke: id, authMethod, lifetime };
          add(transforms, isakmpTransform(transforms.length + 1, one));
        }
      }
    }
  }
  return saOf(Protocol.ISAKMP, NO_SPI, transforms);
}

/** Our offer for an IPsec SA. All transforms have one group, that of the KE payload (§5.5). */
export function espOffer(
  suites: readonly Suite[],
  offer: {
    readonly spi: EspSpi;
    /** 0: without perfect forward secrecy. */
    readonly group: number;
    readonly encapsulation: number;
    readonly lifetime: Lifetime;
  },
): SaPayload {
  const { spi, group, encapsulation, lifetime } = offer;
  const transforms: Transform[] = [];
  for (const { encr, integ, ke } of suites.flatMap(espSuite)) {
    if (!allowsGroup(ke, group)) continue;
    for (const cipher of encr) {
      for (const authentication of isAead(cipher) ? [0] : integ) {
        const one = { encr: cipher, integ: authentication, ke: group, encapsulation, lifetime };
        add(transforms, espTransformOf(transforms.length + 1, one));
      }
    }
  }
  return saOf(Protocol.ESP, spiOctets(spi), transforms);
}

/** The answer to a choice: the proposal as it was offered, with our SPI (§5). */
export function answerOf(chosen: { readonly proposal: Proposal }, spi?: EspSpi): SaPayload {
  const { number, protocol, transforms } = chosen.proposal;
  return saOf(protocol, spi === undefined ? NO_SPI : spiOctets(spi), transforms, number);
}

/**
 * Whether an answer is one proposal with one transform that was offered, no attribute changed,
 * added or left out (§5). Their order and form are forgiven, and the numbers, which some peers
 * count anew.
 */
export function isAnswerTo(offer: SaPayload, answer: SaPayload): boolean {
  const [proposal, ...others] = answer.proposals;
  const [transform, ...more] = proposal?.transforms ?? [];
  if (proposal === undefined || transform === undefined) return false;
  if (others.length > 0 || more.length > 0) return false;
  const said = meaningOf(proposal.protocol, transform);
  return offer.proposals.some(({ protocol, transforms }) => {
    if (protocol !== proposal.protocol) return false;
    return transforms.some((own) => meaningOf(protocol, own) === said);
  });
}

/** The groups of the suites for which IKEv1 has numbers, best first; 0 is none. */
export function groupsOf(suites: readonly Suite[]): readonly number[] {
  const usable = suites.flatMap(({ ke }) => ke.filter((id) => id === Ke.NONE || GROUPS.has(id)));
  return [...new Set(usable)];
}

/** Equal for transforms that mean the same. */
function meaningOf(protocol: number, transform: Transform): string {
  const isIsakmp = protocol === Protocol.ISAKMP;
  return JSON.stringify(isIsakmp ? isakmpOfferOf(transform) : espOfferOf(transform));
}

/** Places in the lists of a suite, and the suite's own first: less is better. */
type Rank = readonly number[];

function isBefore(a: Rank, b: Rank): boolean {
  const at = a.findIndex((place, i) => place !== b[i]);
  return at >= 0 && (a[at] ?? 0) < (b[at] ?? 0);
}

/** The suites of `want` hold only what an ISAKMP SA can have. */
function isakmpRank(offer: IsakmpOffer, want: IsakmpWant): Rank | undefined {
  if (offer.odd !== undefined) return undefined;
  const { keOctets } = want;
  if (keOctets !== undefined && keyExchangeFor(offer.ke)?.publicOctets !== keOctets) {
    return undefined;
  }
  const method = offer.authMethod === undefined ? -1 : want.authMethods.indexOf(offer.authMethod);
  for (const [i, suite] of want.suites.entries()) {
    const encr = placeOfEncr(suite, offer.encr);
    const rank = [method, i, encr, suite.prf.indexOf(offer.prf), suite.ke.indexOf(offer.ke)];
    if (!rank.includes(-1)) return rank;
  }
  return undefined;
}

/** The suites of `want` hold only what an IPsec SA of IKEv1 can have. */
function espRank(offer: EspOffer, want: EspWant): Rank | undefined {
  if (offer.odd !== undefined) return undefined;
  const mode =
    offer.encapsulation === undefined ? -1 : want.encapsulations.indexOf(offer.encapsulation);
  if (mode < 0) return undefined;
  const sent = want.keOctets;
  if (sent !== (offer.ke === 0 ? undefined : keyExchangeFor(offer.ke)?.publicOctets)) {
    return undefined;
  }
  for (const [i, suite] of want.suites.entries()) {
    const encr = placeOfEncr(suite, offer.encr);
    const integ = isAead(offer.encr) ? 0 : suite.integ.indexOf(offer.integ);
    if (encr < 0 || integ < 0 || !allowsGroup(suite.ke, offer.ke)) continue;
    return [i, encr, integ, suite.ke.indexOf(offer.ke), mode];
  }
  return undefined;
}

function placeOfEncr({ encr }: Suite, offered: IsakmpOffer["encr"]): number {
  return encr.findIndex(({ id, keyBits }) => id === offered.id && keyBits === offered.keyBits);
}

/** In an ESP suite without groups there is no perfect forward secrecy. */
function allowsGroup(ke: readonly number[], group: number): boolean {
  return ke.length === 0 ? group === Ke.NONE : ke.includes(group);
}

/**
 * What of a suite an ISAKMP SA can have: CBC, hashes that the suite has both as PRF and as
 * integrity, and groups with numbers of IKEv1; none if that leaves nothing.
 */
const isakmpSuite = onceFor((suite: Suite): readonly Suite[] => {
  if (!hasNoAdditional(suite)) return [];
  const encr = suite.encr.filter((t) => isakmpEncryptionFor(t.id, t.keyBits) !== undefined);
  const prf = suite.prf.filter((id) => suite.integ.includes(INTEGRITY_OF_PRF.get(id) ?? -1));
  const ke = suite.ke.filter((id) => GROUPS.has(id));
  const isEmpty = encr.length === 0 || prf.length === 0 || ke.length === 0;
  return isEmpty ? [] : [{ encr, prf, integ: [], ke, esn: [] }];
});

/** What of a suite an IPsec SA can have: 32-bit sequence numbers. */
const espSuite = onceFor((suite: Suite): readonly Suite[] => {
  if (!hasNoAdditional(suite) || !suite.esn.includes(false)) return [];
  const encr = suite.encr.filter((t) => anyEspEncryptionFor(t.id, t.keyBits) !== undefined);
  const ke = suite.ke.filter((id) => id === Ke.NONE || GROUPS.has(id));
  // Where all groups are unknown to IKEv1, perfect forward secrecy was still asked for.
  if (encr.length === 0 || (ke.length === 0 && suite.ke.length > 0)) return [];
  return [{ encr, prf: [], integ: suite.integ, ke, esn: [] }];
});

function hasNoAdditional({ additional = [] }: Suite): boolean {
  return additional.every(isOptional);
}

function isakmpAlgorithmsOf({ encr, prf, ke }: IsakmpOffer): IsakmpAlgorithms | undefined {
  const cipher = isakmpEncryptionFor(encr.id, encr.keyBits);
  const hash = isakmpPrfFor(prf);
  if (cipher === undefined || hash === undefined) return undefined;
  return { encr: cipher, prf: hash, ke };
}

function espAlgorithmsOf(offer: EspOffer, { isSha256Short }: EspWant): EspAlgorithms | undefined {
  const { encr, ke } = offer;
  const isShort = isSha256Short && offer.integ === Integ.HMAC_SHA2_256_128;
  const integ = isShort ? Integ.HMAC_SHA2_256_96 : offer.integ;
  return anyEspAlgorithmsOf({ encr, integ, prf: 0, ke, esn: false });
}

function espSpiOf({ protocol, spi }: Proposal): EspSpi | undefined {
  if (protocol !== Protocol.ESP || spi.length !== 4) return undefined;
  const value = new Reader(spi, "ESP SPI").u32();
  return value < ESP_SPI_MIN ? undefined : asEspSpi(value);
}

function spiOctets(spi: EspSpi): Uint8Array {
  return new Writer(4).u32(spi).done();
}

function add(transforms: Transform[], one: Transform | undefined): void {
  if (one !== undefined && transforms.length < OFFERED_TRANSFORMS_MAX) transforms.push(one);
}

function saOf(
  protocol: number,
  spi: Uint8Array,
  transforms: readonly Transform[],
  number = 1,
): SaPayload {
  const proposals = [{ number, protocol, spi, transforms }];
  return { kind: "SA", doi: DOI_IPSEC, situation: SIT_IDENTITY_ONLY, proposals };
}

const NO_SPI = new Uint8Array(0);
