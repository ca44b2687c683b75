/** A status source of plain data: sites, some failures, and a hostile peer ID. */

import { createJournal } from "../../../src/concentrator/journal/create-journal.ts";
import type { Journal, JournalEntry } from "../../../src/concentrator/journal/journal.ts";
import {
  COUNTER_NAMES,
  type Counters,
  type ErouteView,
} from "../../../src/concentrator/snapshot.ts";
import { asInstant } from "../../../src/octets/instant.ts";
import { err, ok } from "../../../src/octets/result.ts";
import type {
  PeerListing,
  SiteExplanation,
  StateUse,
  StateUses,
  StatusSource,
  TakenOverView,
} from "../../../src/status/source.ts";
import { createAttempts } from "../../../src/why/attempts.ts";
import { createFailureCounts } from "../../../src/why/failure-counts.ts";
import { ended } from "../../steps.ts";

export const HOSTILE_ID = '<script>alert("x")</script>';
export const STARTED_MS = Date.UTC(2026, 0, 5, 8, 0, 0);
export const NOW_MS = STARTED_MS + 3_600_000;

export type SampleSettings = {
  readonly sites: number;
  readonly dataplane?: "xfrm" | "none";
  readonly problems?: readonly string[];
  /** Made from the plain view of each site. */
  readonly adapt?: (view: ErouteView, n: number) => ErouteView;
  /** Instead of the two failures, oldest first; a minute ago. */
  readonly entries?: readonly JournalEntry[];
  readonly explained?: SiteExplanation;
  /** What the database says instead of rows. */
  readonly rowsFault?: string;
  /** The entries of the journal, and the listeners to new ones. */
  readonly journal?: Journal;
  readonly listeners?: Set<() => void>;
  readonly expected?: ReadonlyMap<string, { rows: number; disabled: number }>;
  readonly takenOver?: TakenOverView;
};

/** As many rows as sites, and one more whose site is not connected and has no key. */
function rows(sites: number): readonly PeerListing[] {
  const all = Array.from({ length: sites + 1 }, (_, i) => ({
    ...{ peerid: `site-${i + 1}.customer.example`, hasPassword: i < sites, hasPpk: false },
    ...{ remip: `192.168.${i + 1}.0`, remmsk: "255.255.255.0", peerip: null, bakpeerip: null },
    ...{ ourid: null, isDisabled: i === 2 },
    overlaps: [],
  }));
  return all.toSorted((a, b) => (a.peerid < b.peerid ? -1 : 1));
}

const NOTHING_KNOWN: SiteExplanation = {
  explanation: {
    state: "never-seen",
    summary: "site-1 is not connected: it has not been heard of since erouted started",
    findings: [],
    comparison: undefined,
    advice: [],
  },
  attempts: [],
};

const DRAINING = { spi: 0xc0ffee01, destination: "192.0.2.1", endsAt: asInstant(5_000) };

/** Site n has 192.168.n.0/24; its inbound state has carried n × 1,000,000 octets. */
export function sampleSource(settings: SampleSettings): StatusSource {
  const dataplane = settings.dataplane ?? "xfrm";
  const { adapt = (view) => view, entries = failures() } = settings;
  const views = Array.from({ length: settings.sites }, (_, i) => adapt(erouteView(i + 1), i + 1));
  const dynamic = views.filter(({ kind }) => kind === "dynamic");
  const journal = settings.journal ?? createJournal(1000);
  const attempts = createAttempts();
  for (const entry of entries) attempts.note(journal.add(entry, NOW_MS - 60_000));
  const listeners = settings.listeners ?? new Set();
  const counters = Object.fromEntries(COUNTER_NAMES.map((name, i) => [name, i])) as Counters;
  return {
    snapshot: () => ({
      gauges: {
        dynamicEroutes: dynamic.length,
        dynamicEroutesMax: 4096,
        normalEroutesUp: views.length - dynamic.length,
        ikeSas: views.length,
        halfOpenIkeSas: 2,
        childSas: views.length,
        lookupsWaiting: 0,
        halfOpenOctets: 0,
        halfOpenOctetsMax: 0,
        keyExchangesWaiting: 0,
        signaturesWaiting: 0,
        standingPolicies: 0,
        drainingStates: 1,
      },
      counters,
      algorithms: [
        { sa: "ike", kind: "key_exchange", algorithm: "X25519", count: 3 },
        { sa: "ike", kind: "post_quantum", algorithm: "no", count: 3 },
      ],
      drainingStates: (limit) => [DRAINING].slice(0, limit),
      eroutes: (offset, limit, kind) =>
        views
          .filter((view) => kind === undefined || view.kind === kind)
          .slice(offset, offset + limit),
      walk() {
        const rest = [...views];
        return (limit) => rest.splice(0, limit);
      },
      briefs(kind) {
        const rest = views.filter((view) => kind === undefined || view.kind === kind);
        return (limit) => rest.splice(0, limit);
      },
      site: (peerId) => views.filter((view) => view.peerId === peerId),
      isConnected: (peerId) =>
        views.some((view) => view.peerId === peerId && view.childSas.length > 0),
      hasDynamicEroute: (peerId) =>
        views.some((view) => view.peerId === peerId && view.kind === "dynamic"),
      overlaps: () => [],
      call: () => undefined,
      peerOf: () => undefined,
      isCalling: () => false,
      redirecting: undefined,
      redirectable: () => ended({ can: 0, cannot: 0 }),
      versions: () => ended({ 1: 1, 2: views.length - 1 }),
      erouteCount: views.length,
    }),
    events: (count, after) => journal.recent(count, after),
    eventsAfter: (after, count) => journal.following(after, count),
    onEvent: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    stateUses: async () => uses(dataplane === "none" ? [] : views),
    usesOf: async () => uses(dataplane === "none" ? [] : views),
    traffic: () => ({ octetsIn: 1_000, octetsOut: 2_000, packetsIn: 10, packetsOut: 20 }),
    failures: () => createFailureCounts().counts,
    folded: () => 0,
    loopDelaySeconds: () => 0.002,
    reloads: () => new Map([["ok", 1]]),
    series: (range) => ({
      stepMs: range === "hour" ? 10_000 : 300_000,
      count: 60,
      samples: Array.from({ length: 40 }, (_, i) => ({
        wallMs: NOW_MS - (40 - i) * 10_000,
        tunnels: settings.sites - (i % 3),
        handshakes: i % 7,
        failures: i === 20 ? 3 : 0,
        lookup_ms: 1 + (i % 5) / 2,
        octets_in: 1_000 * i,
        octets_out: 2_500 * (i % 11),
      })),
    }),
    wallMs: (at) => STARTED_MS + at,
    wallMsNow: () => NOW_MS,
    rows: async (egroup, after, limit) => {
      if (settings.rowsFault !== undefined) return err(settings.rowsFault);
      const all = egroup === "sites" ? rows(settings.sites) : [];
      const from = after === undefined ? 0 : all.findIndex(({ peerid }) => peerid > after);
      return ok(from < 0 ? [] : all.slice(from, from + limit));
    },
    expected: () => settings.expected ?? new Map(),
    isSeen: (peerId) => attempts.ofPeer(peerId).length > 0,
    notConnected: () => attempts.notConnected(),
    explain: async () => settings.explained ?? NOTHING_KNOWN,
    facts: {
      version: "1.2.3",
      dataplane,
      startedWallMs: STARTED_MS,
      configFile: "/etc/erouted/erouted.toml",
      listening: ["192.0.2.1:500", "192.0.2.1:4500"],
      eroutes: ["fleet", "lab"],
      egroups: ["sites", "x"],
      takenOver: settings.takenOver,
      keptOctets: settings.takenOver === undefined ? undefined : 4_711,
    },
    problems: () => settings.problems ?? [],
    databases: () => [
      {
        egroup: "sites",
        source: "mysql://erouted@db.example:3306/vpn table eroutes",
        lookups: 7,
        failures: 1,
        waiting: 0,
        lastFault: undefined,
        seconds: [
          { upTo: 0.001, count: 4 },
          { upTo: 0.1, count: 6 },
        ],
        secondsSum: 0.25,
      },
    ],
  };
}

function erouteView(n: number): ErouteView {
  const isBehindNat = n % 3 === 0;
  return {
    kind: "dynamic",
    name: `fleet/site-${n}`,
    baseEroute: "fleet",
    peerId: n === 2 ? HOSTILE_ID : `site-${n}.customer.example`,
    remoteSubnets: [`192.168.${n % 256}.0/24`],
    localSubnets: ["10.0.0.0/16"],
    peerAddress: `198.51.100.${n % 256}`,
    state: "established",
    certificate: undefined,
    createdAt: asInstant(n * 1000),
    ikeSas: [
      {
        spiI: "00000000000000aa",
        spiR: "00000000000000bb",
        version: 2,
        role: "responder",
        algorithms: "AES_GCM_16_256/PRF_HMAC_SHA2_256/X25519",
        ppk: isBehindNat,
        downgradePrevention: !isBehindNat,
        localEndpoint: "192.0.2.1:4500",
        remoteEndpoint: `198.51.100.${n % 256}:4500`,
        nat: isBehindNat ? "remote" : "none",
        establishedAt: asInstant(n * 1000),
        redirectable: true,
      },
    ],
    childSas: [
      {
        spiIn: 0xc000_0000 + n,
        spiOut: 0xd000_0000 + n,
        localAddress: "192.0.2.1",
        remoteAddress: `198.51.100.${n % 256}`,
        mode: "tunnel",
        udpEncapsulation: isBehindNat,
        algorithms: "AES_GCM_16_256",
        localSubnets: ["10.0.0.0/16"],
        remoteSubnets: [`192.168.${n % 256}.0/24`],
        installedAt: asInstant(n * 1000),
      },
    ],
  };
}

function uses(views: readonly ErouteView[]): StateUses {
  const all = new Map<string, StateUse>();
  views.forEach(({ childSas }, i) => {
    for (const { localAddress, remoteAddress, spiIn, spiOut } of childSas) {
      const inbound = { octets: BigInt(i + 1) * 1_000_000n, packets: 1000n };
      all.set(`${localAddress} ${spiIn}`, inbound);
      all.set(`${remoteAddress} ${spiOut}`, { octets: BigInt(i + 1) * 2_000n, packets: 20n });
    }
  });
  return { of: (address, spi) => all.get(`${address} ${spi}`) };
}

/** A site with the wrong key, and one without algorithms in common. */
export function failures(): readonly JournalEntry[] {
  const common = {
    level: "warning",
    step: "IKE_AUTH",
    outcome: "failed",
    eroute: "fleet",
    ikeSa: undefined,
  } as const;
  return [
    {
      ...common,
      reason: "wrong-psk",
      peerId: "site-4711",
      remote: "203.0.113.7:4500",
      detail: "the pre-shared key of the site differs from the one on record",
    },
    {
      ...common,
      eroute: undefined,
      step: "IKE_SA_INIT",
      reason: "no-proposal-chosen",
      peerId: undefined,
      remote: "203.0.113.9:500",
      detail: "no common encryption: the site offers 3DES, configured: AES_GCM_16_256",
      offered: ["AES_CBC_128/PRF_HMAC_SHA1/HMAC_SHA1_96/MODP_1024"],
      wanted: ["AES_GCM_16_256/PRF_HMAC_SHA2_256/X25519"],
    },
  ];
}
