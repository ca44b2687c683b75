/** From the ID that a site presents to its key: match, look-up, dynamic eroute (R1-R4, R6). */

import { suiteText } from "../../crypto/names.ts";
import { type ConfiguredMatch, matchConfigured } from "../../eroute/configured-match.ts";
import { type DynamicEroute, dynamicErouteOf } from "../../eroute/dynamic-eroute.ts";
import type { Eroute, IkeMajor, LocalUser, NormalEroute } from "../../eroute/eroute.ts";
import { type PeerId, peerKey } from "../../eroute/peer-id.ts";
import { egroupNamed } from "../../eroute/plan-index.ts";
import { suitesWith } from "../../eroute/row-options.ts";
import { acceptsIke, type IkeAlgorithms, ikeAlgorithmsText } from "../../ike/algorithms.ts";
import type { IdentifyingExchange } from "../../ike/effect.ts";
import type { Credentials } from "../../ike/event.ts";
import type { Refusal } from "../../ike/refusal.ts";
import type { Ticket } from "../../ike/ticket.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { wipe } from "../../octets/secret.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { ask } from "../ask.ts";
import { count, type Engine, inMs } from "../engine.ts";
import type { LookupId, LookupResult } from "../event.ts";
import { nameEroute } from "../negotiation/ike-sas.ts";
import type { Stand } from "../negotiation/stand.ts";
import type { IdentityLookUp } from "../requests.ts";
import { dynamicInUse, missingPpk, normalInUse } from "./candidate.ts";
import { credentialsFor, type SiteKeys } from "./credentials.ts";
import { type ErouteInUse, erouteKey } from "./eroute-in-use.ts";
import { dynamicCount, erouteAt } from "./eroutes.ts";
import { expectedAt } from "./expected-id.ts";
import { ikeSaAt, nameIkeSa } from "./ike-sas.ts";
import { refuseOverlap } from "./overlap.ts";
import type { SiteIkeSa } from "./site-ike-sa.ts";
import { type Denial, isFaultOfOurs, isSilent } from "./unanswered.ts";
import { obstacleOf } from "./uniqueness.ts";
import { isUserKnownAt } from "./xauth.ts";

/** IDs without a row that are remembered at the same time; the oldest is forgotten first. */
const UNKNOWN_IDS_MAX = 4096;

/** An IKE SA asks who its peer is. */
export type Question = {
  readonly spi: IkeSpi;
  readonly ticket: Ticket;
  readonly peerId: PeerId;
  /** Undefined: they are chosen once the eroute is known. */
  readonly algorithms: IkeAlgorithms | undefined;
  readonly exchange: IdentifyingExchange;
  readonly stand: Stand;
  /** Why the attempt is refused unread; undefined: it is not. */
  readonly tooEarly: Denial | undefined;
};

/** Finds out who a site is. The answer comes at once, or with the rows of its look-up. */
export function identify(engine: Engine, asked: Question): void {
  const { spi, ticket, peerId } = asked;
  const ikeSa = nameIkeSa(engine, spi, asked);
  const waiting = { spi, ticket };
  const major = majorOf(asked.exchange);
  const match = matchConfigured(engine.plan, peerId, major);
  if (asked.tooEarly !== undefined) {
    deny(engine, waiting, asked.tooEarly, match.kind === "refused" ? undefined : match.eroute);
    return;
  }
  if (match.kind === "refused") {
    deny(engine, waiting, unmatched(match, peerId, major), undefined);
    return;
  }
  const denial =
    algorithmsRefused(match.eroute, asked.algorithms) ?? modeRefused(match.eroute, asked.exchange);
  if (denial !== undefined) {
    deny(engine, waiting, denial, match.eroute);
    return;
  }
  if (match.kind === "local") {
    useLocal(engine, ikeSa, { ...waiting, major }, match);
    return;
  }
  if (isUnknown(engine, peerId)) {
    deny(engine, waiting, rememberedFault(peerId), match.eroute);
    return;
  }
  const { algorithms } = asked;
  const base = match.eroute;
  const waiter = { kind: "identity", spi, ticket, peerId, base, major, algorithms } as const;
  count(engine, "lookups_started");
  const egroup = match.egroup.name;
  const by = { by: "peerid", peerid: peerId } as const;
  ask(engine, waiter, (lookup) => ({ kind: "look-up", lookup, egroup, by }));
}

/** The rows are there, or the reason why not (R2, R6). */
export function onIdentityRows(
  engine: Engine,
  waiting: IdentityLookUp,
  { lookup, result }: { readonly lookup: LookupId; readonly result: LookupResult },
): void {
  const ikeSa = ikeSaAt(engine, waiting.spi);
  if (ikeSa === undefined) {
    count(engine, "late_answers");
    return;
  }
  if (!result.ok) {
    count(engine, "lookups_failed");
    // While the database fails, an ID must not be refused because it had no row a moment ago.
    engine.sites.unknownIds.clear();
    const { kind, detail } = result.error;
    deny(engine, waiting, { reason: `database-${kind}`, detail }, waiting.base);
    return;
  }
  const egroup = egroupNamed(engine.plan, waiting.base.egroup);
  if (egroup === undefined) {
    const detail = `egroup ${waiting.base.egroup} is no longer configured`;
    deny(engine, waiting, { reason: "no-egroup", detail }, waiting.base);
    return;
  }
  const made = dynamicErouteOf(waiting.base, egroup, waiting.peerId, result.value);
  if (!made.ok) {
    if (made.error.kind === "no-row") rememberUnknown(engine, waiting.peerId);
    const { kind: reason, detail } = made.error;
    deny(engine, waiting, { reason, detail }, waiting.base);
    return;
  }
  const refused = demandRefused(made.value, waiting.algorithms);
  if (refused !== undefined) {
    wipe(made.value.psk, made.value.ppk?.key);
    deny(engine, waiting, refused, waiting.base);
    return;
  }
  const { spi, ticket, major } = waiting;
  useDynamic(engine, ikeSa, { spi, ticket, major, lookup }, made.value);
}

/** From now on every ID is looked up again, also those that had no row. */
export function forgetUnknownIds({ sites }: Engine): void {
  sites.unknownIds.clear();
}

/** Ends a look-up whose answer would be of no use any more. */
export function refuseLookUp(engine: Engine, lookup: LookupId, denial: Denial): void {
  const waiting = engine.requests.giveUp("peer-rows", lookup);
  if (waiting?.kind === "identity") deny(engine, waiting, denial, waiting.base);
}

type Waiting = { readonly spi: IkeSpi; readonly ticket: Ticket };

/** `byAddress`: its key is chosen before it says who it is (Main Mode of IKEv1). */
type Known = Waiting & { readonly major: IkeMajor; readonly byAddress?: true };

/** The version of IKE that an exchange belongs to. */
function majorOf(exchange: IdentifyingExchange): IkeMajor {
  return exchange === "IKE_AUTH" ? 2 : 1;
}

function reply(engine: Engine, to: Waiting, result: Result<Credentials, Refusal>): void {
  engine.inbox.push({
    spi: to.spi,
    event: { kind: "credentials", ticket: to.ticket, result },
  });
}

/** Refuses an IKE SA its credentials. `eroute`: the one that the ID matches; undefined: none. */
export function deny(
  engine: Engine,
  to: Waiting,
  denial: Denial,
  eroute: Eroute | undefined,
): void {
  const isUnanswered = isFaultOfOurs(denial.reason) || isSilent(engine, eroute);
  reply(engine, to, err({ kind: "no-credentials", ...denial, isUnanswered }));
}

/** A site has its row: its dynamic eroute, unless that may not be. */
export function useDynamic(
  engine: Engine,
  ikeSa: SiteIkeSa,
  waiting: Known & { readonly lookup: LookupId },
  made: DynamicEroute,
): void {
  const key = erouteKey(made.base.name, made.peerId);
  const isNew = erouteAt(engine, key) === undefined;
  if (isNew && dynamicCount(engine) >= engine.plan.limits.dynamicEroutesMax) {
    count(engine, "dynamic_eroutes_refused_full");
    const max = engine.plan.limits.dynamicEroutesMax;
    const detail = `all ${max} dynamic eroutes are in use: raise dynamic_eroutes.max`;
    deny(engine, waiting, { reason: "table-full", detail }, made.base);
    return;
  }
  const candidate = propose(engine, ikeSa, dynamicInUse(engine, made, waiting.lookup));
  const overlap = refuseOverlap(engine, candidate);
  if (overlap !== undefined) {
    wipe(made.psk, made.ppk?.key);
    deny(engine, waiting, overlap, made.base);
    return;
  }
  reply(engine, waiting, credentialsOf(engine, ikeSa, { eroute: candidate, waiting }, made));
  wipe(made.ppk?.key);
}

/** A site of a normal eroute: its key is that of the local user. */
export function useLocal(
  engine: Engine,
  ikeSa: SiteIkeSa,
  waiting: Known,
  match: { readonly eroute: NormalEroute; readonly user: LocalUser | undefined },
): void {
  const { eroute, user } = match;
  const detail = missingPpk(eroute, user);
  if (detail !== undefined) {
    deny(engine, waiting, { reason: "no-ppk", detail }, eroute);
    return;
  }
  const candidate = propose(engine, ikeSa, normalInUse(engine, eroute, ikeSa.peerId));
  const overlap = refuseOverlap(engine, candidate);
  if (overlap !== undefined) {
    deny(engine, waiting, overlap, eroute);
    return;
  }
  // A copy: the IKE SA wipes what it is given, and the user's key has to stay.
  const keys = { psk: user?.psk.slice(), ppk: user?.ppk };
  reply(engine, waiting, credentialsOf(engine, ikeSa, { eroute: candidate, waiting }, keys));
}

/** What the eroute of an IKE SA will be, once its peer has proved who it is. */
function propose(engine: Engine, ikeSa: SiteIkeSa, candidate: ErouteInUse): ErouteInUse {
  ikeSa.candidate = candidate;
  nameEroute(engine, ikeSa.spi, candidate.name);
  return candidate;
}

function credentialsOf(
  engine: Engine,
  { stand }: SiteIkeSa,
  { eroute, waiting }: { readonly eroute: ErouteInUse; readonly waiting: Known },
  keys: SiteKeys,
): Result<Credentials, Refusal> {
  const ourAddress = stand.path.local.address;
  const { major, byAddress } = waiting;
  const made = credentialsFor(engine, eroute, keys, { ourAddress, major });
  const { ikev1 } = made;
  const isUserKnown = isUserKnownAt(engine, eroute, stand.path.remote);
  const expected = byAddress === undefined ? undefined : expectedAt(eroute.peerId);
  const credentials =
    ikev1 === undefined ? made : { ...made, ikev1: { ...ikev1, isUserKnown, expected } };
  const obstacle = obstacleOf(engine, eroute, stand.path);
  return ok(obstacle === undefined ? credentials : { ...credentials, obstacle });
}

/** IKE_SA_INIT was answered before the eroute was known: its own algorithms count now. */
function algorithmsRefused(
  eroute: Eroute,
  algorithms: IkeAlgorithms | undefined,
): Denial | undefined {
  if (algorithms === undefined || acceptsIke(eroute.ike, algorithms)) return undefined;
  const wanted = eroute.ike.map(suiteText);
  const agreed = ikeAlgorithmsText(algorithms);
  const all = wanted.join(", or ");
  const detail = `IKE_SA_INIT agreed on ${agreed}; eroute ${eroute.name} wants ${all}`;
  return { reason: "algorithms-of-eroute", detail, offered: [agreed], wanted };
}

/** The row may demand more of the IKE SA than its eroute does. IKEv1 cannot give it. */
export function demandRefused(
  { name, base, own }: DynamicEroute,
  algorithms: IkeAlgorithms | undefined,
): Denial | undefined {
  if (!own.postQuantum) return undefined;
  const suites = suitesWith(base.ike, own);
  if (algorithms !== undefined && acceptsIke(suites, algorithms)) return undefined;
  const agreed = algorithms === undefined ? "IKEv1" : ikeAlgorithmsText(algorithms);
  const detail = `it came with ${agreed}; its row (${name}) demands a post-quantum key exchange`;
  const wanted = suites.map(suiteText);
  return { reason: "algorithms-of-eroute", detail, offered: [agreed], wanted };
}

/** The eroute may not allow the exchange with which an IKE SA of IKEv1 begins. */
function modeRefused(eroute: Eroute, exchange: IdentifyingExchange): Denial | undefined {
  const mode = eroute.versions.v1?.mode ?? "both";
  const wanted = exchange === "Aggressive Mode" ? "aggressive" : "main";
  if (exchange === "IKE_AUTH" || mode === "both" || mode === wanted) return undefined;
  const detail = `it calls in ${exchange}, but ikev1_mode of eroute ${eroute.name} is "${mode}"`;
  return { reason: "ikev1-mode", detail };
}

function unmatched(
  match: Extract<ConfiguredMatch, { kind: "refused" }>,
  peerId: PeerId,
  major: IkeMajor,
): Denial {
  const closest =
    match.closest === undefined ? "" : `; the closest configured pattern is ${match.closest}`;
  const details = {
    "no-eroute": `no eroute's peerid matches ${peerId}${closest}`,
    "user-without-eroute": `there is a local user ${peerId}, but no eroute's peerid matches it`,
    "ike-version": `it calls with IKEv${major}, which eroute ${match.closest} does not allow`,
    "eroute-without-user": `a normal eroute matches ${peerId}, but no local user has that name`,
  };
  return { reason: match.reason, detail: details[match.reason] };
}

function rememberedFault(peerId: PeerId): Denial {
  return {
    reason: "no-row",
    detail: `no row for ${peerId} a moment ago: the database was not asked again`,
  };
}

function isUnknown(engine: Engine, peerId: PeerId): boolean {
  const key = peerKey(peerId);
  const until = engine.sites.unknownIds.get(key);
  if (until === undefined) return false;
  if (engine.now < until) return true;
  engine.sites.unknownIds.delete(key);
  return false;
}

function rememberUnknown(engine: Engine, peerId: PeerId): void {
  count(engine, "lookups_without_row");
  const { unknownIdMs } = engine.plan.limits;
  if (unknownIdMs === 0) return;
  if (engine.sites.unknownIds.size >= UNKNOWN_IDS_MAX) {
    const [oldest] = engine.sites.unknownIds.keys();
    if (oldest !== undefined) engine.sites.unknownIds.delete(oldest);
  }
  engine.sites.unknownIds.set(peerKey(peerId), inMs(engine, unknownIdMs));
}
