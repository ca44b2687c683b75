/** Snapshots: what the tables look like from outside (R8). */

import { espAlgorithmsText, ikeAlgorithmsText } from "../ike/algorithms.ts";
import type { Stage } from "../ike/facts.ts";
import { factsOf, halfOpenOctets, pathOf, stageOf } from "../ike/ike-sa.ts";
import { selectorText } from "../ike/selector-text.ts";
import { formatAddress } from "../inet/address.ts";
import { formatEndpoint } from "../inet/endpoint.ts";
import { formatPrefix } from "../inet/prefix.ts";
import { spi64Hex } from "../octets/hex.ts";
import { parseHeader } from "../wire/header.ts";
import { callOf } from "./calls/call-table.ts";
import type { Draining, Installed } from "./dataplane/installed.ts";
import type { Engine, Entry, ErouteInUse } from "./engine.ts";
import { countOpen } from "./open-requests.ts";
import { erouteKey } from "./sites/eroute-in-use.ts";
import { overlapsOf } from "./sites/overlap.ts";
import type {
  CallView,
  CertificateView,
  ChildSaView,
  DrainingView,
  ErouteView,
  Gauges,
  IkeSaView,
  Snapshot,
  TableSizes,
} from "./snapshot.ts";

/** Numbers at once; eroutes only as far as they are asked for. */
export function snapshotOf(engine: Engine): Snapshot {
  return {
    gauges: gaugesOf(engine),
    counters: { ...engine.counters },
    erouteCount: engine.eroutes.size,
    site: (peerId) => siteViews(engine, peerId),
    isConnected: (peerId) => siteViews(engine, peerId).some(({ childSas }) => childSas.length > 0),
    overlaps: (peerId, claim) => overlapsOf(engine, peerId, claim),
    peerOf: (message) => entryOf(engine, message)?.peerId,
    call: (peerId) => callView(engine, peerId),
    isCalling: (peerId) => (callView(engine, peerId)?.stage ?? "waiting") !== "waiting",
    redirecting: redirectingOf(engine),
    redirectable: () => redirectableOf(engine),
    drainingStates: (limit) => engine.draining.slice(0, limit).map(drainingView),
    eroutes: (offset, limit, kind) => erouteViews(engine, { offset, limit, kind }),
  };
}

/** How full each table is; counts that are kept beside a table stand next to the table's own. */
export function tableSizesOf(engine: Engine): TableSizes {
  const all = [...engine.sas.values()].map((entry) => entry.sa);
  const countOf = (stage: Stage) => all.filter((sa) => stageOf(sa) === stage).length;
  const eroutes = [...engine.eroutes.values()];
  return {
    ikeSas: engine.sas.size,
    halfOpen: { kept: engine.halfOpen, counted: countOf("half-open") },
    halfOpenOctets: {
      kept: engine.halfOpenOctets,
      counted: all.reduce((sum, sa) => sum + halfOpenOctets(sa), 0),
    },
    lingering: {
      kept: engine.lingering,
      counted: countOf("over"),
    },
    dynamicEroutes: {
      kept: engine.dynamicCount,
      counted: eroutes.filter((eroute) => eroute.kind === "dynamic").length,
    },
    eroutes: engine.eroutes.size,
    initRequests: engine.initRequests.size,
    requests: engine.requests.size(),
    openRequests: countOpen(engine),
    lookups: engine.requests.size("identity"),
    rowChecks: rowChecksOf(engine),
    errands: engine.errands.waiting.size,
    keyExchanges: engine.requests.size("key-exchange"),
    signatures: engine.requests.size("signature"),
    kernelRequests: engine.requests.size("child-sa"),
    childSas: engine.installed.size,
    draining: engine.draining.length,
    usageProbes: engine.requests.size("usage"),
    repairs:
      engine.requests.size("repair") + engine.repairs.lost.size + engine.repairs.remakes.size,
    calls: engine.calls.byId.size,
    callsAdrift: callsAdrift(engine),
    halfOpenPrefixes: engine.halfOpenPrefixes.size,
    policies: engine.policies.size,
    reach: engine.reach.bySubnet.size,
    reqids: engine.reqids.size,
    reqidsTaken: engine.reqidsTaken.size,
    deadlines: engine.deadlines.size,
  };
}

function callsAdrift({ calls, sas }: Engine): number {
  const stages = [...calls.byId.values()].map(({ stage }) => stage);
  return stages.filter((stage) => stage.kind === "calling" && !sas.has(stage.spi)).length;
}

function rowChecksOf({ rowChecks }: Engine): number {
  const waiting = [...rowChecks.egroups.values()].map((checks) => checks.waiting.size);
  return waiting.reduce((sum, size) => sum + size, rowChecks.reading.size);
}

function gaugesOf(engine: Engine): Gauges {
  return {
    dynamicEroutes: engine.dynamicCount,
    dynamicEroutesMax: engine.plan.limits.dynamicEroutesMax,
    normalEroutesUp: engine.eroutes.size - engine.dynamicCount,
    ikeSas: engine.sas.size - engine.halfOpen - engine.lingering,
    halfOpenIkeSas: engine.halfOpen,
    halfOpenOctets: engine.halfOpenOctets,
    halfOpenOctetsMax: engine.plan.limits.halfOpenOctetsMax,
    childSas: engine.installed.size,
    standingPolicies: engine.standing.size,
    drainingStates: engine.draining.length,
    lookupsWaiting: engine.requests.size("identity"),
    keyExchangesWaiting: engine.requests.size("key-exchange"),
    signaturesWaiting: engine.requests.size("signature"),
  };
}

function redirectingOf({ redirects }: Engine): Snapshot["redirecting"] {
  const { to, waiting } = redirects;
  return to === undefined ? undefined : { to: to.host, waiting: waiting.length };
}

function redirectableOf(engine: Engine): ReturnType<Snapshot["redirectable"]> {
  let can = 0;
  let cannot = 0;
  for (const { sa } of engine.sas.values()) {
    const ike = factsOf(sa);
    if (ike === undefined || ike.isReplaced) continue;
    if (ike.canBeSentAway) can++;
    else cannot++;
  }
  return { can, cannot };
}

type Wanted = {
  readonly offset: number;
  readonly limit: number;
  readonly kind: ErouteView["kind"] | undefined;
};

function erouteViews(engine: Engine, wanted: Wanted): readonly ErouteView[] {
  const { offset, limit, kind } = wanted;
  const views: ErouteView[] = [];
  let at = 0;
  for (const eroute of engine.eroutes.values()) {
    if (kind !== undefined && eroute.kind !== kind) continue;
    if (at++ < offset) continue;
    if (views.length >= limit) break;
    views.push(erouteView(engine, eroute));
  }
  return views;
}

function siteViews(engine: Engine, peerId: string): readonly ErouteView[] {
  return engine.plan.eroutes.flatMap(({ name }) => {
    const eroute = engine.eroutes.get(erouteKey(name, peerId));
    return eroute === undefined ? [] : [erouteView(engine, eroute)];
  });
}

/** The IKE SA that a message belongs to, by its SPIs. */
export function entryOf({ sas }: Engine, message: Uint8Array): Entry | undefined {
  const header = parseHeader(message);
  if (!header.ok) return undefined;
  const { spiI, spiR } = header.value;
  return sas.get(spiI) ?? sas.get(spiR);
}

function callView(engine: Engine, peerId: string): CallView | undefined {
  for (const { name } of engine.plan.eroutes) {
    const call = callOf(engine, erouteKey(name, peerId));
    if (call === undefined) continue;
    const { stage, why, failures } = call;
    const isDialled = stage.kind === "resolve" || stage.kind === "calling";
    return {
      ...{ stage: stage.kind, why, failures },
      host: isDialled ? stage.target.hosts[stage.host] : undefined,
      waitMs: stage.kind === "waiting" ? Math.max(0, stage.until - engine.now) : 0,
    };
  }
  return undefined;
}

function erouteView(engine: Engine, eroute: ErouteInUse): ErouteView {
  const ikeSas: IkeSaView[] = [];
  const childSas: ChildSaView[] = [];
  let peerAddress = "";
  let isClosing = false;
  for (const spi of eroute.ikeSas) {
    const sa = engine.sas.get(spi)?.sa;
    if (sa === undefined) continue;
    peerAddress = formatAddress(pathOf(sa).remote.address);
    if (stageOf(sa) === "closing") isClosing = true;
    const ike = factsOf(sa);
    if (ike === undefined) continue;
    const { id } = ike;
    ikeSas.push({
      spiI: spi64Hex(id.spiI),
      spiR: spi64Hex(id.spiR),
      role: id.role,
      algorithms: ikeAlgorithmsText(ike.algorithms),
      ppk: ike.usesPpk,
      localEndpoint: formatEndpoint(ike.path.local),
      remoteEndpoint: formatEndpoint(ike.path.remote),
      nat: ike.nat,
      establishedAt: ike.establishedAt,
      redirectable: ike.canBeSentAway,
    });
    for (const child of ike.children) {
      const installed = engine.installed.get(child.spiIn);
      if (installed?.ikeSpi === spi) childSas.push(childView(installed));
    }
  }
  return {
    kind: eroute.kind,
    name: eroute.name,
    baseEroute: eroute.base.name,
    peerId: eroute.peerId,
    remoteSubnets: eroute.remoteSubnets.map(formatPrefix),
    localSubnets: eroute.localSubnets.map(formatPrefix),
    peerAddress,
    state: ikeSas.length > 0 ? "established" : isClosing ? "closing" : "negotiating",
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
    mode: child.mode,
    udpEncapsulation: installed.encapsulated,
    algorithms: espAlgorithmsText(child.algorithms),
    localSubnets: child.local.map(selectorText),
    remoteSubnets: child.remote.map(selectorText),
    installedAt: child.createdAt,
  };
}
