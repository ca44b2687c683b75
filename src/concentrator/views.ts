/** Snapshots: what the tables look like from outside (R8). */

import { eroutesFor } from "../eroute/plan-index.ts";
import { espAlgorithmsText, ikeAlgorithmsText } from "../ike/algorithms.ts";
import { selectorText } from "../ike/selector-text.ts";
import { type Address, formatAddress } from "../inet/address.ts";
import { formatEndpoint } from "../inet/endpoint.ts";
import { formatPrefix } from "../inet/prefix.ts";
import { spi64Hex } from "../octets/hex.ts";
import type { IkeSpi } from "../wire/header.ts";
import { callOf } from "./calls/call-table.ts";
import { installedAt } from "./dataplane/child-sas.ts";
import { dataplaneCounts } from "./dataplane/dataplane-counts.ts";
import { drainingStates } from "./dataplane/draining.ts";
import type { Draining, Installed } from "./dataplane/installed.ts";
import type { Engine } from "./engine.ts";
import { entryOf, ikeSaCounts } from "./negotiation/ike-sas.ts";
import { type ErouteInUse, erouteKey } from "./sites/eroute-in-use.ts";
import {
  dynamicCount,
  erouteAt,
  erouteCount,
  eroutesAwake,
  eroutesFrom,
  eroutesOf,
  isDynamicInUse,
  isSiteAtRest,
} from "./sites/eroutes.ts";
import { factsAt, factsOfAwake, ikeSaAt, versionsOf } from "./sites/ike-sas.ts";
import { orphansOf } from "./sites/orphans.ts";
import { overlapsOf } from "./sites/overlap.ts";
import { redirectingOf } from "./sites/redirect.ts";
import type {
  CallView,
  CertificateView,
  ChildSaView,
  DrainingView,
  ErouteBrief,
  ErouteView,
  Gauges,
  IkeSaView,
  Snapshot,
  Walk,
} from "./snapshot.ts";

/** Counts them now; makes views of eroutes only when they are asked for. */
export function snapshotOf(engine: Engine): Snapshot {
  return {
    gauges: gaugesOf(engine),
    counters: { ...engine.counters },
    algorithms: [...engine.algorithms.values()],
    erouteCount: erouteCount(engine),
    site: (peerId) => siteViews(engine, peerId),
    isConnected: (peerId) => isConnected(engine, peerId),
    hasDynamicEroute: (peerId) => hasDynamicEroute(engine, peerId),
    overlaps: (peerId, claim) => overlapsOf(engine, peerId, claim),
    peerOf: (message) => entryOf(engine, message)?.peerId,
    call: (peerId) => callView(engine, peerId),
    isCalling: (peerId) => (callView(engine, peerId)?.stage ?? "waiting") !== "waiting",
    redirecting: redirectingOf(engine),
    redirectable: () => redirectableOf(engine),
    versions: () => versionCounts(engine),
    drainingStates: (limit) => drainingStates(engine, limit).map(drainingView),
    walk: () => erouteWalk(engine, undefined, erouteView),
    briefs: (kind) => erouteWalk(engine, kind, erouteBrief),
    eroutes: (offset, limit, kind) => erouteViews(engine, { offset, limit, kind }),
  };
}

function gaugesOf(engine: Engine): Gauges {
  const ikeSas = ikeSaCounts(engine);
  const kernel = dataplaneCounts(engine);
  const dynamic = dynamicCount(engine);
  return {
    dynamicEroutes: dynamic,
    dynamicEroutesMax: engine.plan.limits.dynamicEroutesMax,
    normalEroutesUp: erouteCount(engine) - dynamic,
    ikeSas: ikeSas.all - ikeSas.halfOpen - ikeSas.lingering,
    halfOpenIkeSas: ikeSas.halfOpen,
    halfOpenOctets: ikeSas.halfOpenOctets,
    halfOpenOctetsMax: engine.plan.limits.halfOpenOctetsMax,
    childSas: kernel.childSas,
    standingPolicies: kernel.standingPolicies,
    drainingStates: kernel.draining,
    lookupsWaiting: engine.requests.size("identity"),
    keyExchangesWaiting: engine.requests.size("key-exchange"),
    signaturesWaiting: engine.requests.size("signature"),
  };
}

/** Looked at in one step. */
const LOOKS_AT_ONCE = 256;

function* redirectableOf(engine: Engine): ReturnType<Snapshot["redirectable"]> {
  const { v1, v2, canBeSentAway } = engine.resting.resters;
  let can = canBeSentAway;
  let cannot = v1 + v2 - canBeSentAway;
  let looks = 0;
  for (const ike of factsOfAwake(engine)) {
    if (++looks % LOOKS_AT_ONCE === 0) yield;
    if (ike.isReplaced) continue;
    if (ike.canBeSentAway) can++;
    else cannot++;
  }
  return { can, cannot };
}

/** A site that has Child SAs and no IKE SA uses IKEv1, where they outlive it. */
function* versionCounts(engine: Engine): ReturnType<Snapshot["versions"]> {
  const { v1, v2 } = engine.resting.resters;
  const counts = { 1: v1, 2: v2 };
  let looks = 0;
  for (const eroute of eroutesAwake(engine)) {
    if (++looks % LOOKS_AT_ONCE === 0) yield;
    counts[versionsOf(engine, eroute).at(-1) ?? 1]++;
  }
  return counts;
}

type Wanted = {
  readonly offset: number;
  readonly limit: number;
  readonly kind: ErouteView["kind"] | undefined;
};

function erouteViews(engine: Engine, wanted: Wanted): readonly ErouteView[] {
  const { offset, limit, kind } = wanted;
  const views: ErouteView[] = [];
  for (const eroute of eroutesFrom(engine, offset, kind)) {
    if (views.length >= limit) break;
    views.push(erouteView(engine, eroute));
  }
  return views;
}

function erouteWalk<T>(
  engine: Engine,
  kind: ErouteView["kind"] | undefined,
  make: (engine: Engine, eroute: ErouteInUse) => T,
): Walk<T> {
  const rest = eroutesFrom(engine, 0, kind);
  return (limit) => {
    const made: T[] = [];
    while (made.length < limit) {
      const { value, done } = rest.next();
      if (done === true) break;
      made.push(make(engine, value));
    }
    return made;
  };
}

function erouteBrief(engine: Engine, eroute: ErouteInUse): ErouteBrief {
  const { name, base, peerId, remoteSubnets, createdAt } = eroute;
  const { peerAddress, state } = standingOf(engine, eroute);
  return {
    name,
    baseEroute: base.name,
    peerId,
    remoteSubnets: remoteSubnets.map(formatPrefix),
    peerAddress,
    state,
    createdAt,
  };
}

/** Where the site is, and how far its SAs are. */
function standingOf(
  engine: Engine,
  eroute: ErouteInUse,
): Pick<ErouteView, "peerAddress" | "state"> {
  let address: Address | undefined;
  let isUp = false;
  let isClosing = false;
  for (const spi of eroute.ikeSas) {
    const stand = ikeSaAt(engine, spi)?.stand;
    if (stand === undefined) continue;
    address = stand.path.remote.address;
    if (stand.stage === "closing") isClosing = true;
    if (stand.facts !== undefined) isUp = true;
  }
  const [orphan] = orphansOf(engine, eroute);
  address ??= orphan?.outbound.dst;
  const state =
    isUp || orphan !== undefined ? "established" : isClosing ? "closing" : "negotiating";
  return { peerAddress: address === undefined ? "" : formatAddress(address), state };
}

function siteViews(engine: Engine, peerId: string): readonly ErouteView[] {
  return eroutesOf(engine, peerId).map((eroute) => erouteView(engine, eroute));
}

function callView(engine: Engine, peerId: string): CallView | undefined {
  for (const { name } of eroutesFor(engine.plan, peerId)) {
    const call = callOf(engine, erouteKey(name, peerId));
    if (call === undefined) continue;
    const { stage, why, failures } = call;
    const isDialled = stage.kind === "resolve" || stage.kind === "calling";
    return {
      stage: stage.kind,
      why,
      failures,
      host: isDialled ? stage.target.hosts[stage.host] : undefined,
      waitMs: stage.kind === "waiting" ? Math.max(0, stage.until - engine.now) : 0,
    };
  }
  return undefined;
}

function isConnected(engine: Engine, peerId: string): boolean {
  return eroutesFor(engine.plan, peerId).some(({ name }) => {
    const key = erouteKey(name, peerId);
    if (isSiteAtRest(engine, key)) return true;
    const eroute = erouteAt(engine, key);
    return eroute !== undefined && hasChildSa(engine, eroute);
  });
}

function hasDynamicEroute(engine: Engine, peerId: string): boolean {
  return eroutesFor(engine.plan, peerId).some(({ name }) =>
    isDynamicInUse(engine, erouteKey(name, peerId)),
  );
}

/** Whether a view of it has a Child SA. */
function hasChildSa(engine: Engine, eroute: ErouteInUse): boolean {
  const carries = (spi: IkeSpi) =>
    factsAt(engine, spi)?.children.some(({ spiIn }) => installedAt(engine, spiIn)?.ikeSpi === spi);
  return eroute.ikeSas.some(carries) || orphansOf(engine, eroute).length > 0;
}

function erouteView(engine: Engine, eroute: ErouteInUse): ErouteView {
  const ikeSas: IkeSaView[] = [];
  const childSas: ChildSaView[] = [];
  for (const spi of eroute.ikeSas) {
    const stand = ikeSaAt(engine, spi)?.stand;
    if (stand === undefined) continue;
    const ike = stand.facts;
    if (ike === undefined) continue;
    const { id } = ike;
    ikeSas.push({
      spiI: spi64Hex(id.spiI),
      spiR: spi64Hex(id.spiR),
      version: ike.version,
      role: id.role,
      algorithms: ikeAlgorithmsText(ike.algorithms),
      ppk: ike.usesPpk,
      downgradePrevention: ike.hasFullTranscript,
      localEndpoint: formatEndpoint(ike.path.local),
      remoteEndpoint: formatEndpoint(ike.path.remote),
      nat: ike.nat,
      establishedAt: ike.establishedAt,
      redirectable: ike.canBeSentAway,
    });
    for (const child of ike.children) {
      const installed = installedAt(engine, child.spiIn);
      if (installed?.ikeSpi === spi) childSas.push(childView(installed));
    }
  }
  childSas.push(...orphansOf(engine, eroute).map(childView));
  const { peerAddress, state } = standingOf(engine, eroute);
  return {
    kind: eroute.kind,
    name: eroute.name,
    baseEroute: eroute.base.name,
    peerId: eroute.peerId,
    remoteSubnets: eroute.remoteSubnets.map(formatPrefix),
    localSubnets: eroute.localSubnets.map(formatPrefix),
    peerAddress,
    state,
    createdAt: eroute.createdAt,
    certificate: certificateView(eroute.proof),
    ikeSas,
    childSas,
  };
}

function certificateView(proof: ErouteInUse["proof"]): CertificateView | undefined {
  if (proof?.kind !== "certificate") return undefined;
  const { subject, issuer, serial, notAfterMs } = proof.holder;
  return { subject, issuer, serial, notAfterMs };
}

function drainingView({ id, until }: Draining): DrainingView {
  return { spi: id.spi, destination: formatAddress(id.dst), endsAt: until };
}

function childView(installed: Installed): ChildSaView {
  const { child } = installed;
  return {
    spiIn: child.spiIn,
    spiOut: child.spiOut,
    localAddress: formatAddress(installed.inbound.dst),
    remoteAddress: formatAddress(installed.outbound.dst),
    mark: installed.mark,
    mode: child.mode,
    udpEncapsulation: installed.encapsulated,
    algorithms: espAlgorithmsText(child.algorithms),
    localSubnets: child.local.map(selectorText),
    remoteSubnets: child.remote.map(selectorText),
    installedAt: child.createdAt,
  };
}
