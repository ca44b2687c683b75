/**
 * `make bench`: what a site costs the engine. Sites of the simulation connect one after another, in
 * this process; only the concentrator's part is timed: with key exchange, without network, database
 * and kernel.
 */

import { heapStats } from "bun:jsc";
import { type Concentrator, createConcentrator } from "../src/concentrator/concentrator.ts";
import type { Event } from "../src/concentrator/event.ts";
import { performKeyExchange } from "../src/crypto/key-exchange.ts";
import { transformName } from "../src/crypto/names.ts";
import { Ke, TransformType } from "../src/crypto/transform.ts";

import { asInstant } from "../src/octets/instant.ts";
import { ok } from "../src/octets/result.ts";
import { parseIdentity } from "../src/wire/identity.ts";
import { createDriver, type Driver } from "../test/simulation/driver.ts";
import { connect, createSite, receive } from "../test/simulation/initiator.ts";
import {
  BASE_EROUTE,
  CONCENTRATOR,
  endpointOf,
  GCM_ESP,
  GCM_IKE,
  patternOf,
  planOf,
  prefixOfText,
  selectorOf,
} from "../test/simulation/plan.ts";
import type { Site, SiteOutput } from "../test/simulation/site-state.ts";
import { measureHybrid } from "./bench-hybrid.ts";

const WARM_UP = 300;
const SITES = Number(process.env.SITES ?? 3_000);
const GROUPS = [Ke.X25519, Ke.ECP_256, Ke.MODP_2048] as const;
const MIB = 1024 * 1024;

/** Datagrams that a site has not read yet. */
type Bench = {
  readonly concentrator: Concentrator;
  readonly driver: Driver;
  readonly toSite: Uint8Array[];
};

for (const group of GROUPS) measure(group);
await measureHybrid();

function measure(group: number): void {
  const bench = createBench();
  connectAll(bench, group, 0, WARM_UP);
  const before = memory();
  const ms = connectAll(bench, group, WARM_UP, SITES);
  const octets = memory() - before;
  const { ikeSas, childSas } = bench.concentrator.snapshot().gauges;
  if (ikeSas !== WARM_UP + SITES || childSas !== ikeSas) {
    throw new Error(`${ikeSas} IKE SAs and ${childSas} Child SAs, expected ${WARM_UP + SITES}`);
  }
  const name = transformName(TransformType.KE, group, undefined);
  const cost = `${((ms / SITES) * 1000).toFixed(0)} us of CPU a handshake`;
  const rate = `${((SITES / ms) * 1000).toFixed(0)} handshakes/s on this core`;
  const size = `${(octets / SITES / 1024).toFixed(1)} KiB a site`;
  console.log(`${name.padEnd(10)} ${cost}, ${rate}, ${size} (${(octets / MIB).toFixed(0)} MiB)`);
}

function createBench(): Bench {
  const remoteSubnets = [prefixOfText("100.64.0.0/10")];
  const eroute = { ...BASE_EROUTE, peerid: patternOf("site-*"), remoteSubnets };
  const limits = { dynamicEroutesMax: 100_000, halfOpenMax: 100_000, cookieAbove: 100_000 };
  const suites = [{ ...only(eroute.ike), ke: [...GROUPS] }];
  const plan = planOf(limits, { eroutes: [{ ...eroute, ike: suites }], users: [] });
  const concentrator = createConcentrator({ plan, now: asInstant(0), random });
  const toSite: Uint8Array[] = [];
  const driver = createDriver(concentrator, {
    now: () => 0,
    onSend: ({ octets }) => toSite.push(octets),
    onLookUp: ({ lookup, by }) => rowsFor(lookup, by.by === "peerid" ? by.peerid : ""),

    onResolve: () => undefined,
    onKeyExchange: ({ request, op }) => ({
      kind: "key-exchange-answer",
      request,
      result: performKeyExchange(op),
    }),
    kernel: () => ok(undefined),
    delaysAnswer: () => false,
    onJournal: () => {},
    onHandled: () => {},
  });
  return { concentrator, driver, toSite };
}

/** Connects sites; returns the ms that the concentrator's part took. */
function connectAll(bench: Bench, group: number, first: number, count: number): number {
  let ms = 0;
  for (let number = first; number < first + count; number++) {
    const site = siteOf(number, group);
    let outputs = connect(site, asInstant(0));
    while (outputs.length > 0) {
      ms += deliver(bench, outputs);
      outputs = bench.toSite.splice(0).flatMap((octets) => receive(site, octets, asInstant(0)));
    }
  }
  return ms;
}

function deliver({ driver }: Bench, outputs: readonly SiteOutput[]): number {
  const started = performance.now();
  for (const output of outputs) {
    if (output.kind !== "send") continue;
    const { local, remote } = output.path;
    const path = { local: remote, remote: local };
    driver.feed({ kind: "datagram", octets: output.octets.slice(), path });
  }
  return performance.now() - started;
}

function siteOf(number: number, group: number): Site {
  const low = `${number >> 8}.${number & 255}`;
  return createSite(
    {
      identity: parseIdentity(`site-${number}`),
      psk: new TextEncoder().encode(`secret ${number}`),
      path: { local: endpointOf(`10.77.${low}`, 500), remote: endpointOf(CONCENTRATOR, 500) },
      natPort: 4_500,
      ike: GCM_IKE,
      esp: GCM_ESP,
      ke: [group],
      tsI: [selectorOf(`${subnetOf(number)}/24`)],
      tsR: [selectorOf("10.0.0.0/16")],
      initialContact: false,
      deletesReplaced: true,
    },
    { random, keyExchange: performKeyExchange },
  );
}

function rowsFor(lookup: Extract<Event, { kind: "peer-rows" }>["lookup"], peerid: string): Event {
  const number = Number(peerid.slice("site-".length));
  const row = {
    peerid,
    password: `secret ${number}`,
    remip: subnetOf(number),
    remmsk: "255.255.255.0",
    peerip: null,
    bakpeerip: null,
    ourid: null,
  };
  return { kind: "peer-rows", lookup, result: ok([row]) };
}

function subnetOf(number: number): string {
  return `100.${64 + (number >> 8)}.${number & 255}.0`;
}

function memory(): number {
  Bun.gc(true);
  const { heapSize, extraMemorySize } = heapStats();
  return heapSize + extraMemorySize;
}

function random(octets: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(octets));
}

function only<T>(list: readonly T[]): T {
  const [first] = list;
  if (first === undefined) throw new Error("at least one is expected");
  return first;
}
