/** Choosing one proposal and one transform of each type (RFC 7296 §2.7, §3.3; RFC 5282 §8). */

import { isOptional, TRIES_MAX, type Tries } from "../../crypto/additional-key-exchange.ts";
import { isAead } from "../../crypto/esp-algorithm.ts";
import type { EncrTransform, Suite } from "../../crypto/suite.ts";
import { isAdditionalKe, Ke, TransformType } from "../../crypto/transform.ts";
import { asEspSpi, type EspSpi } from "../../inet/esp-spi.ts";
import { Reader } from "../../octets/reader.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { type Proposal, Protocol, type Transform } from "../../wire/v2/message.ts";
import {
  type EspAlgorithms,
  espAlgorithmsOf,
  type IkeAlgorithms,
  ikeAlgorithmsOf,
  type TransformChoice,
} from "../algorithms.ts";
import type { Refusal } from "../refusal.ts";
import {
  additionalAnswer,
  additionalOffer,
  chooseKeyExchanges,
  formsOf,
  type Offered,
  strictFirst,
  type Want,
} from "./additional.ts";
import { type Choice, type Choices, choiceOf, offeredOf, type Wish } from "./choices.ts";
import { noneChosen } from "./none-chosen.ts";

export type ChosenIke = {
  readonly number: number;
  readonly choice: TransformChoice;
  readonly algorithms: IkeAlgorithms;
  /** In a rekey the peer's SPI of the new IKE SA; empty in IKE_SA_INIT. */
  readonly spi: Uint8Array;
};

export type ChosenEsp = {
  readonly number: number;
  readonly choice: TransformChoice;
  readonly algorithms: EspAlgorithms;
  /** The peer's inbound SPI. */
  readonly spi: EspSpi;
};

/** SPIs 0-255 are reserved (RFC 4303 §2.1). */
const ESP_SPI_MIN = 256;

/**
 * The best IKE proposal: the order of `suites` decides, then the order within each. A key exchange
 * method for which the peer already sent its public value (`sentKe`) goes before others.
 */
export function chooseIke(
  proposals: readonly Proposal[],
  suites: readonly Suite[],
  want: {
    readonly spiOctets: 0 | 8;
    readonly sentKe: number | undefined;
    /** False: the peer lacks the exchange for additional key exchanges (RFC 9242). */
    readonly withAdditional?: boolean;
  },
): Result<ChosenIke, Refusal> {
  const fitting = proposals.filter(
    ({ protocol, spi }) => protocol === Protocol.IKE && spi.length === want.spiOctets,
  );
  const offers = offersOf(fitting, "ike");
  const { sentKe, withAdditional = true } = want;
  const wish: Wish = { want: { kind: "ike", sentKe, withAdditional }, tries: { left: TRIES_MAX } };
  for (const suite of candidates(suites, offers, withAdditional)) {
    for (const { proposal, transforms } of offers) {
      const chosen = choiceOf(ikeChoices, transforms, suite, wish, ikeChoice);
      if (chosen === undefined) continue;
      const { choice, algorithms } = chosen;
      return ok({ number: proposal.number, choice, algorithms, spi: proposal.spi });
    }
  }
  return err(noneChosen(proposals, suites, { kind: "ike", spiOctets: want.spiOctets }));
}

function ikeChoice(
  transforms: Offered,
  suite: Suite,
  wish: Wish,
): Choice<IkeAlgorithms> | undefined {
  const choice = chooseTransforms(transforms, suite, wish.want, wish.tries);
  const algorithms = choice === undefined ? undefined : ikeAlgorithmsOf(choice);
  return choice && algorithms && { choice, algorithms };
}

function espChoice(
  transforms: Offered,
  suite: Suite,
  wish: Wish,
): Choice<EspAlgorithms> | undefined {
  const choice = chooseTransforms(transforms, suite, wish.want, wish.tries);
  const algorithms = choice === undefined ? undefined : espAlgorithmsOf(choice);
  return choice && algorithms && { choice, algorithms };
}

const ikeChoices: Choices<IkeAlgorithms> = new WeakMap();
const espChoices: Choices<EspAlgorithms> = new WeakMap();

/** The suites to try: without those that demand an additional key exchange which nobody offers. */
function candidates(
  suites: readonly Suite[],
  offers: readonly { readonly transforms: Offered }[],
  withAdditional: boolean,
): readonly Suite[] {
  if (withAdditional && offers.some(offersAdditionalKe)) return suites.flatMap(strictFirst);
  return suites.every(demandsNoMore) ? suites : suites.filter(demandsNoMore);
}

function offersAdditionalKe({ transforms }: { readonly transforms: Offered }): boolean {
  for (const type of transforms.keys()) if (isAdditionalKe(type)) return true;
  return false;
}

function demandsNoMore({ additional }: Suite): boolean {
  return additional === undefined || additional.every(isOptional);
}

/** The best ESP proposal. In IKE_AUTH there is no key exchange of its own: `withKe` is false. */
export function chooseEsp(
  proposals: readonly Proposal[],
  suites: readonly Suite[],
  want: { readonly withKe: boolean; readonly sentKe: number | undefined },
): Result<ChosenEsp, Refusal> {
  const kind = want.withKe ? "esp" : "esp-without-ke";
  const fitting = proposals.filter(
    ({ protocol, spi }) => protocol === Protocol.ESP && spi.length === 4,
  );
  const offers = offersOf(fitting, kind);
  const { sentKe, withKe: withAdditional } = want;
  const wish: Wish = { want: { kind, sentKe, withAdditional }, tries: { left: TRIES_MAX } };
  for (const suite of suites.flatMap(strictFirst)) {
    for (const { proposal, transforms } of offers) {
      const spi = new Reader(proposal.spi, "ESP SPI").u32();
      if (spi < ESP_SPI_MIN) continue;
      const chosen = choiceOf(espChoices, transforms, suite, wish, espChoice);
      if (chosen === undefined) continue;
      const { choice, algorithms } = chosen;
      return ok({ number: proposal.number, choice, algorithms, spi: asEspSpi(spi) });
    }
  }
  return err(noneChosen(proposals, suites, { kind, spiOctets: 4 }));
}

/**
 * The suites for a rekey, those with the PRF of the IKE SA first, so that it stays if both ends
 * allow it. After a change RFC 7296 §2.18 makes the keys with the new PRF, strongSwan with the old.
 */
export function suitesWithPrfFirst(suites: readonly Suite[], prf: number): readonly Suite[] {
  const has = (suite: Suite) => suite.prf.includes(prf);
  const first = suites.filter(has).map((suite) => {
    return { ...suite, prf: [prf, ...suite.prf.filter((id) => id !== prf)] };
  });
  return [...first, ...suites.filter((suite) => !has(suite))];
}

/** The answer to a choice: the same proposal number, one transform of each type (§3.3). */
export function chosenProposal(
  protocol: number,
  chosen: { readonly number: number; readonly choice: TransformChoice },
  spi: Uint8Array,
): Proposal {
  const { number, choice } = chosen;
  const isIke = protocol === Protocol.IKE;
  const known = (isIke ? ikeAnswers : espAnswers).get(choice);
  const transforms = known ?? transformsOf(choice, isIke);
  if (known === undefined) (isIke ? ikeAnswers : espAnswers).set(choice, transforms);
  return { number, protocol, spi, transforms };
}

/** Sites that offered the same share their choice, so the answer to it is made once. */
const ikeAnswers = new WeakMap<TransformChoice, readonly Transform[]>();
const espAnswers = new WeakMap<TransformChoice, readonly Transform[]>();

function transformsOf(choice: TransformChoice, isIke: boolean): readonly Transform[] {
  const transforms: Transform[] = [
    transform(TransformType.ENCR, choice.encr.id, choice.encr.keyBits),
  ];
  if (isIke) transforms.push(transform(TransformType.PRF, choice.prf));
  if (choice.integ !== 0) transforms.push(transform(TransformType.INTEG, choice.integ));
  if (choice.ke !== Ke.NONE) transforms.push(transform(TransformType.KE, choice.ke));
  if (!isIke) transforms.push(transform(TransformType.ESN, choice.esn ? 1 : 0));
  transforms.push(...additionalAnswer(choice.additional));
  return transforms;
}

/** What our offer contains beside the algorithms. */
export type Offer = {
  readonly protocol: typeof Protocol.IKE | typeof Protocol.ESP;
  readonly spi: Uint8Array;
  /** Whether a Child SA has a key exchange of its own; an IKE SA always has. */
  readonly withKe: boolean;
};

/**
 * Suites as proposals, numbered from 1 in their order. AEADs and other encryption are never in the
 * same proposal (RFC 7296 §3.3; RFC 5282 §8).
 */
export function proposalsOf(suites: readonly Suite[], offer: Offer): readonly Proposal[] {
  const isIke = offer.protocol === Protocol.IKE;
  const lists: Transform[][] = [];
  for (const suite of suites.flatMap(formsOf)) {
    for (const encr of [suite.encr.filter(isAead), suite.encr.filter((t) => !isAead(t))]) {
      const [first] = encr;
      if (first === undefined) continue;
      const transforms = encr.map((t) => transform(TransformType.ENCR, t.id, t.keyBits));
      if (isIke) transforms.push(...suite.prf.map((id) => transform(TransformType.PRF, id)));
      if (!isAead(first)) {
        transforms.push(...suite.integ.map((id) => transform(TransformType.INTEG, id)));
      }
      const groups = isIke || offer.withKe ? suite.ke : [];
      transforms.push(...groups.map((id) => transform(TransformType.KE, id)));
      if (isIke || offer.withKe) transforms.push(...additionalOffer(suite));
      if (!isIke) {
        transforms.push(...suite.esn.map((esn) => transform(TransformType.ESN, esn ? 1 : 0)));
      }
      lists.push(transforms);
    }
  }
  const { protocol, spi } = offer;
  return lists.map((transforms, i) => ({ number: i + 1, protocol, spi, transforms }));
}

/** The group to begin with: the first of the best suite; NONE if it has no group. */
export function firstMethod(suites: readonly Suite[]): number {
  return suites[0]?.ke[0] ?? Ke.NONE;
}

/** Whether it offers additional key exchanges, which need IKE_INTERMEDIATE (RFC 9242). */
export function offersAdditional(offer: readonly Proposal[]): boolean {
  return offer.some(({ transforms }) => transforms.some(({ type }) => isAdditionalKe(type)));
}

/** Whether any suite allows this group. */
export function allowsMethod(suites: readonly Suite[], method: number): boolean {
  return suites.some((suite) => suite.ke.includes(method));
}

/**
 * Whether an answer is valid: one proposal with one transform of each type, all of them offered
 * under its number (§3.3).
 */
export function isAnswerTo(offered: readonly Proposal[], answer: readonly Proposal[]): boolean {
  const [only] = answer;
  if (only === undefined || answer.length !== 1) return false;
  const own = offered.find((proposal) => proposal.number === only.number);
  if (own === undefined) return false;
  const types = new Set(only.transforms.map((t) => t.type));
  return (
    types.size === only.transforms.length &&
    only.transforms.every(
      (t) =>
        isNone(t) ||
        own.transforms.some((o) => o.type === t.type && o.id === t.id && o.keyBits === t.keyBits),
    )
  );
}

/** NONE may be given or left out. */
function isNone({ type, id }: Transform): boolean {
  const mayBeNone =
    type === TransformType.KE || type === TransformType.INTEG || isAdditionalKe(type);
  return id === 0 && mayBeNone;
}

/** Leaves out proposals with a transform of an unknown type (§3.3.6). */
function offersOf(
  proposals: readonly Proposal[],
  kind: Want["kind"],
): readonly { readonly proposal: Proposal; readonly transforms: Offered }[] {
  const offers: { readonly proposal: Proposal; readonly transforms: Offered }[] = [];
  for (const proposal of proposals) {
    const transforms = offeredOf(proposal.transforms, kind === "ike");
    if (transforms !== undefined) offers.push({ proposal, transforms });
  }
  return offers;
}

function chooseTransforms(
  transforms: Offered,
  suite: Suite,
  want: Want,
  tries: Tries,
): TransformChoice | undefined {
  const isIke = want.kind === "ike";
  const offered = (type: number) => transforms.get(type) ?? [];
  const encr = chooseEncr(offered(TransformType.ENCR), suite.encr);
  if (encr === undefined) return undefined;
  const integ = chooseInteg(offered(TransformType.INTEG), suite, encr);
  const prf = isIke ? firstCommon(suite.prf, offered(TransformType.PRF)) : 0;
  const esn = isIke ? false : chooseEsn(transforms.get(TransformType.ESN), suite.esn);
  if (integ === undefined || prf === undefined || esn === undefined) return undefined;
  const exchanges = chooseKeyExchanges(transforms, suite, want, tries);
  if (exchanges === undefined) return undefined;
  return { encr: { id: encr.id, keyBits: encr.keyBits }, integ, prf, esn, ...exchanges };
}

function chooseEncr(
  offered: readonly Transform[],
  wanted: readonly EncrTransform[],
): EncrTransform | undefined {
  return wanted.find((w) => offered.some((t) => t.id === w.id && t.keyBits === w.keyBits));
}

/**
 * Beside an AEAD no integrity algorithm is chosen (RFC 5282 §8). A sender must not offer one, but
 * it does no harm: it is ignored, as in strongSwan.
 */
function chooseInteg(
  offered: readonly Transform[],
  suite: Suite,
  encr: EncrTransform,
): number | undefined {
  if (isAead(encr)) return 0;
  return firstCommon(suite.integ, offered);
}

/** A proposal without the type ESN means no ESN. */
function chooseEsn(
  offered: readonly Transform[] | undefined,
  wanted: readonly boolean[],
): boolean | undefined {
  const ids = offered === undefined ? [0] : offered.map((t) => t.id);
  return wanted.find((esn) => ids.includes(esn ? 1 : 0));
}

function firstCommon(wanted: readonly number[], offered: readonly Transform[]): number | undefined {
  return wanted.find((id) => offered.some((t) => t.id === id));
}

function transform(type: number, id: number, keyBits?: number): Transform {
  return { type, id, keyBits, hasUnknownAttribute: false };
}
