/** Why none of a peer's proposals is chosen: both sides in words, and what decided. */

import { isAead } from "../../crypto/esp-algorithm.ts";
import {
  type NamedTransform,
  suiteText,
  suiteTransforms,
  transformName,
  transformTypeName,
} from "../../crypto/names.ts";
import type { Suite } from "../../crypto/suite.ts";
import { isAdditionalKe, TransformType } from "../../crypto/transform.ts";
import { type Proposal, Protocol, type Transform } from "../../wire/v2/message.ts";
import type { Refusal } from "../refusal.ts";
import { proposalText, transformText } from "./proposal-text.ts";

/** What the proposals are for; in IKE_AUTH a Child SA has no key exchange of its own. */
export type Purpose = {
  readonly kind: "ike" | "esp" | "esp-without-ke";
  /** The length of the SPI in each proposal. */
  readonly spiOctets: number;
};

/** How many proposals of each side the words show: more than common peers have. */
const PROPOSALS_SHOWN_MAX = 15;
/** How many transforms of each side one difference names. */
const NAMES_SHOWN_MAX = 8;
/** How many pairs of a proposal and a suite are compared: takes less than two milliseconds. */
const PAIRS_MAX = 1_024;

/** What was offered and configured, with the two that differ least shown in any case. */
export function noneChosen(
  proposals: readonly Proposal[],
  suites: readonly Suite[],
  purpose: Purpose,
): Refusal {
  const nearest = nearestPair(proposals, suites, purpose.kind);
  const types = new Set(nearest.differences.map(({ type }) => type));
  const decided = suites.length === 0 ? NO_SUITE : decidedBy(proposals, nearest, purpose);
  return {
    kind: "no-proposal-chosen",
    decided,
    offered: shownOf(proposals, nearest.offered, (proposal) => textOf(proposal, types, purpose)),
    wanted: shownOf(suites, nearest.wanted, suiteText),
  };
}

/** Then IKE_SA_INIT has no eroute whose proposals it could choose from. */
const NO_SUITE = 'no eroute allows IKEv2: ike_version is "v1"';

/** A type of transform in which two proposals have nothing in common. */
type Difference = {
  readonly type: number;
  readonly offered: readonly Transform[];
  readonly configured: readonly NamedTransform[];
};

type Nearest = {
  /** The places of the two in their lists. */
  readonly offered: number;
  readonly wanted: number;
  readonly differences: readonly Difference[];
};

/** The pair that differs in the fewest types, preferably with the same encryption. */
function nearestPair(
  proposals: readonly Proposal[],
  suites: readonly Suite[],
  kind: Purpose["kind"],
): Nearest {
  const ours = suites.map((suite) => Map.groupBy(suiteTransforms(suite), ({ type }) => type));
  let nearest: Nearest = { offered: 0, wanted: 0, differences: [] };
  let least = Number.POSITIVE_INFINITY;
  let pairs = 0;
  for (const [offered, { transforms }] of proposals.entries()) {
    const theirs = Map.groupBy(transforms, ({ type }) => type);
    for (const [wanted, suite] of ours.entries()) {
      if (++pairs > PAIRS_MAX) return nearest;
      const differences = differencesOf(theirs, suite, kind);
      const isOtherCipher = differences.some(({ type }) => type === TransformType.ENCR);
      const distance = differences.length + (isOtherCipher ? 0.5 : 0);
      if (distance >= least) continue;
      least = distance;
      nearest = { offered, wanted, differences };
    }
  }
  return nearest;
}

type ByType<T> = ReadonlyMap<number, readonly T[]>;

function differencesOf(
  theirs: ByType<Transform>,
  ours: ByType<NamedTransform>,
  kind: Purpose["kind"],
): readonly Difference[] {
  const differences: Difference[] = [];
  const hasIntegrity = agreesOnAead(theirs, ours);
  for (const type of new Set([...ours.keys(), ...theirs.keys()])) {
    if (type === TransformType.INTEG && hasIntegrity) continue;
    if (kind === "esp-without-ke" && (type === TransformType.KE || isAdditionalKe(type))) continue;
    const [offered, configured] = [theirs.get(type) ?? [], ours.get(type) ?? []];
    const isCommon = isForeign(type, kind) ? offered.length === 0 : hasCommon(offered, configured);
    if (!isCommon) differences.push({ type, offered, configured });
  }
  return differences;
}

/** Then integrity algorithms beside it do not count (RFC 5282 §8). */
function agreesOnAead(theirs: ByType<Transform>, ours: ByType<NamedTransform>): boolean {
  const offered = theirs.get(TransformType.ENCR) ?? [];
  const common = (ours.get(TransformType.ENCR) ?? []).find((o) =>
    offered.some((t) => isSame(t, o)),
  );
  return common !== undefined && isAead(common);
}

/** A type that rules out its whole proposal (RFC 7296 §3.3.6). */
function isForeign(type: number, kind: Purpose["kind"]): boolean {
  if (type === (kind === "ike" ? TransformType.ESN : TransformType.PRF)) return true;
  return (
    !(Object.values(TransformType) as readonly number[]).includes(type) && !isAdditionalKe(type)
  );
}

/** To leave a type out means NONE, or no extended sequence numbers: both have the number 0. */
function hasCommon(offered: readonly Transform[], configured: readonly NamedTransform[]): boolean {
  if (offered.length === 0) return configured.length === 0 || configured.some(({ id }) => id === 0);
  if (configured.length === 0) return offered.some((t) => isUsable(t) && t.id === 0);
  return configured.some((ours) => offered.some((t) => isSame(t, ours)));
}

function isSame(theirs: Transform, ours: NamedTransform): boolean {
  return isUsable(theirs) && theirs.id === ours.id && theirs.keyBits === ours.keyBits;
}

function isUsable({ type, keyBits, hasUnknownAttribute }: Transform): boolean {
  return !hasUnknownAttribute && (keyBits === undefined || type === TransformType.ENCR);
}

/** `no common key exchange: the site offers ML_KEM_768, configured are X25519, ECP_256`. */
function decidedBy(
  proposals: readonly Proposal[],
  { offered, differences }: Nearest,
  { kind, spiOctets }: Purpose,
): string {
  const protocol = kind === "ike" ? Protocol.IKE : Protocol.ESP;
  const fitting = proposals.filter((proposal) => proposal.protocol === protocol);
  if (fitting.length === 0) {
    const other = proposals[0] === undefined ? "nothing" : protocolName(proposals[0].protocol);
    return `the site offers ${other}, needed is ${protocolName(protocol)}`;
  }
  if (differences.length > 0) return differences.map(differenceText).join("; ");
  const spi = proposals[offered]?.spi ?? new Uint8Array(0);
  if (spi.length !== spiOctets) return `an SPI of ${spi.length} octets, needed are ${spiOctets}`;
  if (kind !== "ike" && isReserved(spi)) return `the SPI ${spi.toHex()} is reserved`;
  return "every choice would use one key exchange method twice (RFC 9370 §2.2.2)";
}

/** SPIs 0 to 255 (RFC 4303 §2.1). */
function isReserved(spi: Uint8Array): boolean {
  return spi.subarray(0, 3).every((octet) => octet === 0);
}

function differenceText({ type, offered, configured }: Difference): string {
  const [theirs, ours] = [namesOf(offered, transformText), namesOf(configured, nameOf)];
  const [what, there] = [transformTypeName(type), theirs === "" ? "none" : theirs];
  if (ours === "") return `${what}: the site insists on ${there}, none is configured`;
  return `no common ${what}: the site offers ${there}, configured: ${ours}`;
}

function nameOf({ type, id, keyBits }: NamedTransform): string {
  return transformName(type, id, keyBits);
}

function namesOf<T>(all: readonly T[], name: (one: T) => string): string {
  const names = all.slice(0, NAMES_SHOWN_MAX).map(name).join(", ");
  const more = all.length - NAMES_SHOWN_MAX;
  return more > 0 ? `${names} and ${more} more` : names;
}

/** With the protocol before it, if that is what keeps it from being chosen. */
function textOf(proposal: Proposal, first: ReadonlySet<number>, { kind }: Purpose): string {
  const protocol = kind === "ike" ? Protocol.IKE : Protocol.ESP;
  const text = proposalText(proposal, first);
  return proposal.protocol === protocol ? text : `${protocolName(proposal.protocol)}: ${text}`;
}

function protocolName(protocol: number): string {
  const found = Object.entries(Protocol).find(([, number]) => number === protocol);
  return found === undefined ? `protocol ${protocol}` : found[0];
}

/**
 * The first ones as text, and how many more there are. If not all are shown, here or where the last
 * attempts of a site are kept, the nearest leads.
 */
function shownOf<T>(
  all: readonly T[],
  nearest: number,
  text: (one: T) => string,
): readonly string[] {
  const first = all.slice(0, PROPOSALS_SHOWN_MAX);
  const more = all.length - first.length;
  const texts = first.map(text);
  const length = texts.reduce((sum, one) => sum + one.length, 0);
  if (more === 0 && length <= LENGTH_MAX) return texts;
  const best = all.slice(nearest, nearest + 1).map(text);
  const others = nearest < texts.length ? texts.toSpliced(nearest, 1) : texts.slice(0, -1);
  return [...best, ...others, ...(more > 0 ? [`and ${more} more`] : [])];
}

/** The characters that are kept of one side. */
const LENGTH_MAX = 1_500;
