/** Why none of a peer's transforms is chosen: both sides in words, and what decided. */

import { isAead } from "../../crypto/esp-algorithm.ts";
import { isLegacy } from "../../crypto/ikev1.ts";
import { keyExchangeFor } from "../../crypto/key-exchange.ts";
import { suiteText, transformName, transformTypeName } from "../../crypto/names.ts";
import type { Suite } from "../../crypto/suite.ts";
import { Ke, TransformType } from "../../crypto/transform.ts";
import {
  DOI_IPSEC,
  Protocol,
  type SaPayload,
  SIT_IDENTITY_ONLY,
  type Transform,
} from "../../wire/v1/message.ts";
import type { Refusal } from "../refusal.ts";
import { type EspOffer, espOfferOf, type IsakmpOffer, isakmpOfferOf } from "./transform.ts";
import { authMethodName, encapsulationModeName, isTransportInUdp } from "./transform-numbers.ts";

/** How many transforms of each side the words show. */
const SHOWN_MAX = 15;
/** How many pairs of a transform and a suite are compared: takes less than two milliseconds. */
const PAIRS_MAX = 256;

/** One point in which a transform and a suite have nothing in common. */
type Difference = {
  readonly what: string;
  readonly offered: string;
  readonly wanted: string;
  /** The offered algorithm is one that an eroute has to allow by name. */
  readonly isLegacy: boolean;
};

type Side = { readonly text: string; readonly differences: readonly Difference[] };

/** None fits for an ISAKMP SA. The suites hold only what IKEv1 can have. */
export function noneChosenIsakmp(
  sa: SaPayload,
  want: {
    readonly suites: readonly Suite[];
    readonly authMethods: readonly number[];
    readonly keOctets: number | undefined;
  },
): Refusal {
  const common = (offer: IsakmpOffer): readonly Difference[] => [
    ...oddity(offer.odd),
    ...methodDifference(offer, want.authMethods),
    ...groupOfKe(offer.ke, want.keOctets),
  ];
  return refusalOf(sa, Protocol.ISAKMP, want.suites, {
    offerOf: isakmpOfferOf,
    textOf: isakmpText,
    differencesOf: (offer, suite) => [
      ...common(offer),
      ...encrDifference(offer.encr, suite),
      ...numberDifference(TransformType.PRF, offer.prf, suite.prf),
      ...numberDifference(TransformType.KE, offer.ke, suite.ke),
    ],
  });
}

/** None fits for an IPsec SA. */
export function noneChosenEsp(
  sa: SaPayload,
  want: {
    readonly suites: readonly Suite[];
    readonly encapsulations: readonly number[];
    readonly keOctets: number | undefined;
  },
): Refusal {
  const common = (offer: EspOffer): readonly Difference[] => [
    ...oddity(offer.odd),
    ...modeDifference(offer.encapsulation, want.encapsulations),
    ...groupOfKe(offer.ke, offer.ke === Ke.NONE ? undefined : want.keOctets),
  ];
  return refusalOf(sa, Protocol.ESP, want.suites, {
    offerOf: espOfferOf,
    textOf: espText,
    differencesOf: (offer, suite) => [
      ...common(offer),
      ...encrDifference(offer.encr, suite),
      ...(isAead(offer.encr)
        ? []
        : numberDifference(TransformType.INTEG, offer.integ, suite.integ)),
      ...numberDifference(TransformType.KE, offer.ke, suite.ke.length === 0 ? [0] : suite.ke),
    ],
  });
}

/** The transforms of an offer of ours for an ISAKMP SA, in words. */
export function offeredIsakmp({ proposals }: SaPayload): readonly string[] {
  const transforms = proposals.flatMap((proposal) => proposal.transforms);
  return transforms.slice(0, SHOWN_MAX).map((one) => isakmpText(isakmpOfferOf(one)));
}

type Comparison<T> = {
  readonly offerOf: (transform: Transform) => T;
  readonly textOf: (offer: T) => string;
  readonly differencesOf: (offer: T, suite: Suite) => readonly Difference[];
};

function refusalOf<T>(
  sa: SaPayload,
  protocol: number,
  suites: readonly Suite[],
  comparison: Comparison<T>,
): Refusal {
  const { offerOf, textOf } = comparison;
  const fitting = sa.proposals.filter((proposal) => proposal.protocol === protocol);
  const transforms = fitting.flatMap((proposal) => proposal.transforms);
  const offers = transforms.slice(0, PAIRS_MAX).map(offerOf);
  const nearest = nearestOf(offers, suites, comparison);
  const texts = offers.slice(0, SHOWN_MAX).map(textOf);
  const more = transforms.length - texts.length;
  const offered = [...new Set(nearest === undefined ? texts : [nearest.text, ...texts])];
  return {
    kind: "no-proposal-chosen",
    decided: decidedBy(sa, protocol, { suites, nearest, isEmpty: offers.length === 0 }),
    offered: more > 0 ? [...offered, `and ${more} more`] : offered,
    wanted: suites.slice(0, SHOWN_MAX).map(suiteText),
  };
}

/** The transform that differs from a suite in the fewest points, with what they are. */
function nearestOf<T>(
  offers: readonly T[],
  suites: readonly Suite[],
  { textOf, differencesOf }: Comparison<T>,
): Side | undefined {
  let nearest: { readonly offer: T; readonly differences: readonly Difference[] } | undefined;
  let pairs = 0;
  for (const offer of offers) {
    for (const suite of suites) {
      if (++pairs > PAIRS_MAX) break;
      const differences = differencesOf(offer, suite);
      const least = nearest?.differences.length ?? Number.POSITIVE_INFINITY;
      if (differences.length < least) nearest = { offer, differences };
    }
  }
  if (nearest === undefined) return undefined;
  return { text: textOf(nearest.offer), differences: nearest.differences };
}

function decidedBy(
  { doi, situation, proposals }: SaPayload,
  protocol: number,
  compared: {
    readonly suites: readonly Suite[];
    readonly nearest: Side | undefined;
    readonly isEmpty: boolean;
  },
): string {
  if (doi !== DOI_IPSEC) return `the site's DOI is ${doi}, needed is ${DOI_IPSEC} (IPsec)`;
  if (situation !== SIT_IDENTITY_ONLY) {
    return `the site's situation is ${situation}, needed is ${SIT_IDENTITY_ONLY} (identity only)`;
  }
  if (compared.isEmpty) {
    const [first] = proposals;
    const there = first === undefined ? "nothing" : protocolName(first.protocol);
    return `the site offers ${there}, needed is ${protocolName(protocol)}`;
  }
  if (compared.suites.length === 0) {
    return "no configured proposal can be used with IKEv1, which has no AEAD for its own messages";
  }
  const { differences } = compared.nearest ?? { differences: [] };
  if (differences.length === 0) {
    return "the site wants several protocols together, or its SPI is not valid";
  }
  const words = differences.map(({ what, offered, wanted }) => {
    return `no common ${what}: the site offers ${offered}, configured: ${wanted}`;
  });
  const old = differences.filter((one) => one.isLegacy).map(({ offered }) => offered);
  const hint = `${old.join(", ")}: weak, accepted only where "legacy" of the eroute allows it`;
  return [...words, ...(old.length > 0 ? [hint] : [])].join("; ");
}

function protocolName(protocol: number): string {
  const found = Object.entries(Protocol).find(([, number]) => number === protocol);
  return found === undefined ? `protocol ${protocol}` : found[0];
}

function oddity(odd: string | undefined): readonly Difference[] {
  if (odd === undefined) return [];
  return [{ what: "attributes", offered: `one ${odd}`, wanted: "none like it", isLegacy: false }];
}

function methodDifference(
  { authMethod }: IsakmpOffer,
  wanted: readonly number[],
): readonly Difference[] {
  if (authMethod !== undefined && wanted.includes(authMethod)) return [];
  const offered = authMethodName(authMethod);
  const names = wanted.map(authMethodName).join(", ");
  return [{ what: "authentication", offered, wanted: names, isLegacy: false }];
}

function modeDifference(
  offered: number | undefined,
  wanted: readonly number[],
): readonly Difference[] {
  if (offered !== undefined && wanted.includes(offered)) return [];
  const names = wanted.map(encapsulationModeName).join(", ");
  const why = isTransportInUdp(offered) ? " (there is no transport mode through a NAT)" : "";
  const name = encapsulationModeName(offered);
  return [{ what: "mode", offered: name, wanted: names + why, isLegacy: false }];
}

/** The KE payload belongs to another group. */
function groupOfKe(group: number, keOctets: number | undefined): readonly Difference[] {
  if (keOctets === undefined || keyExchangeFor(group)?.publicOctets === keOctets) return [];
  const offered = transformName(TransformType.KE, group, undefined);
  const wanted = `a group with ${keOctets} octets, which is what it sent`;
  return [{ what: "group", offered, wanted, isLegacy: false }];
}

function encrDifference(
  { id, keyBits }: IsakmpOffer["encr"],
  { encr }: Suite,
): readonly Difference[] {
  if (encr.some((own) => own.id === id && own.keyBits === keyBits)) return [];
  const type = TransformType.ENCR;
  const wanted = encr.map((own) => transformName(type, own.id, own.keyBits)).join(", ");
  return [difference(type, { id, keyBits }, wanted)];
}

function numberDifference(
  type: number,
  id: number,
  wanted: readonly number[],
): readonly Difference[] {
  if (wanted.includes(id)) return [];
  const names = wanted.map((own) => transformName(type, own, undefined)).join(", ");
  return [difference(type, { id, keyBits: undefined }, names === "" ? "none" : names)];
}

function difference(
  type: number,
  { id, keyBits }: IsakmpOffer["encr"],
  wanted: string,
): Difference {
  const what = transformTypeName(type);
  return { what, offered: nameOf(type, id, keyBits), wanted, isLegacy: isLegacy(type, id) };
}

/** `AES_CBC_128/PRF_HMAC_SHA1/MODP_1024 with RSA signatures`. */
function isakmpText({ encr, prf, ke, authMethod, odd }: IsakmpOffer): string {
  const names = [
    nameOf(TransformType.ENCR, encr.id, encr.keyBits),
    nameOf(TransformType.PRF, prf),
    nameOf(TransformType.KE, ke),
  ];
  return [`${names.join("/")} with ${authMethodName(authMethod)}`, odd].filter(isThere).join(", ");
}

/** `AES_CBC_128/HMAC_SHA1_96/MODP_1024 with tunnel mode`. */
function espText({ encr, integ, ke, encapsulation, odd }: EspOffer): string {
  const names = [nameOf(TransformType.ENCR, encr.id, encr.keyBits)];
  if (integ !== 0) names.push(nameOf(TransformType.INTEG, integ));
  if (ke !== 0) names.push(nameOf(TransformType.KE, ke));
  const mode = encapsulationModeName(encapsulation);
  return [`${names.join("/")} with ${mode}`, odd].filter(isThere).join(", ");
}

function nameOf(type: number, id: number, keyBits?: number): string {
  return id < 0 ? `unknown ${transformTypeName(type)}` : transformName(type, id, keyBits);
}

function isThere(text: string | undefined): text is string {
  return text !== undefined;
}
