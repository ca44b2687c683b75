/**
 * Ten thousand sites connect, are rekeyed, and leave in three ways; prints what is left as JSON.
 */

import { heapStats } from "bun:jsc";
import { createConcentrator } from "../../src/concentrator/concentrator.ts";
import { asEspSpi } from "../../src/inet/esp-spi.ts";
import { asInstant } from "../../src/octets/instant.ts";
import { ok } from "../../src/octets/result.ts";
import type { XfrmRequest } from "../../src/xfrm/request.ts";
import type { XfrmStateId } from "../../src/xfrm/state.ts";
import { FLEET_SUBNET, pskOfSite, settingsOfSite, subnetOfSite } from "../bench/fleet.ts";
import { rowOf } from "./database.ts";
import { createDriver } from "./driver.ts";
import { ask, connect, createSite, currentSession, receive } from "./initiator.ts";
import { stateKey } from "./kernel.ts";
import { BASE_EROUTE, CONCENTRATOR, endpointOf, planOf, prefixOfText } from "./plan.ts";
import { createPrng } from "./prng.ts";
import type { Site, SiteOutput } from "./site-state.ts";
import { toyKeyExchange } from "./toy-key-exchange.ts";

const SITES = Number(process.argv[2] ?? 10_000);
const X25519 = 31;

const eroute = { ...BASE_EROUTE, remoteSubnets: [prefixOfText(FLEET_SUBNET)] };
const eroutes = [eroute];
const roomy = planOf({ dynamicEroutesMax: 2 * SITES, cookieAbove: 2 * SITES }, { eroutes });
const narrow = planOf({ dynamicEroutesMax: 1, evictBelowFreePercent: 99 }, { eroutes });

const prng = createPrng(1);
const random = (count: number) => prng.octets(count);
let clock = 0;
const concentrator = createConcentrator({ plan: roomy, now: asInstant(0), random });
const states = new Map<string, XfrmStateId>();
const reqids = new Map<string, number>();
const answers: Uint8Array[] = [];

const driver = createDriver(concentrator, {
  now: () => clock,
  onSend: ({ octets }) => answers.push(octets),
  onLookUp({ lookup, by }) {
    const number = by.by === "peerid" ? Number(by.peerid.slice("site-".length)) : 0;
    const row = rowOf(`site-${number}`, pskOfSite(number), subnetOfSite(number));
    return { kind: "peer-rows", lookup, result: ok([row]) };
  },
  onResolve: () => undefined,
  onKeyExchange: ({ request, op }) => ({
    kind: "key-exchange-answer",
    request,
    result: toyKeyExchange(op),
  }),
  kernel(request: XfrmRequest) {
    if (request.op === "new-state") {
      states.set(stateKey(request.state.id), request.state.id);
      reqids.set(stateKey(request.state.id), request.state.reqid);
    }
    if (request.op === "delete-state") forgetState(request.id);
    return ok(undefined);
  },
  delaysAnswer: () => false,
  onJournal: () => {},
  onHandled: () => {},
});

live(Math.ceil(SITES / 2));
const before = liveOctets();
const peak = live(SITES);
const after = liveOctets();
const sizes = concentrator.tableSizes();
const left = Object.entries(sizes).filter(([, size]) =>
  typeof size === "number" ? size > 0 : size.kept + size.counted > 0,
);
const { counters } = concentrator.snapshot();
const { dynamic_eroutes_evicted: evicted, child_sas_rekeyed: rekeyed } = counters;
const { internal_errors: bugs, dynamic_eroutes_created: created } = counters;
const told = { before, peak, after, states: states.size, left, evicted, rekeyed, created, bugs };
console.log(JSON.stringify(told));

/** All of them connect and are rekeyed; live octets are measured; then all of them leave. */
function live(count: number): number {
  driver.feed({ kind: "configuration", plan: roomy });
  const sites = Array.from({ length: count }, (_, i) => bringUp(i + 1));
  const most = liveOctets();
  for (const [i, site] of sites.entries()) {
    if (i % 3 === 0) act(site, ask(site, { kind: "delete-ike" }, asInstant(clock)));
    if (i % 3 === 1) expireStates(site);
  }
  driver.feed({ kind: "configuration", plan: narrow });
  // No site answers any more: Deletes are repeated, then forgotten.
  advance(120_000);
  return most;
}

function bringUp(number: number): Site {
  const path = { local: endpointOf("192.0.2.1", 500), remote: endpointOf(CONCENTRATOR, 500) };
  const sources = { random, keyExchange: toyKeyExchange };
  const site = createSite(settingsOfSite(number, X25519, path), sources);
  act(site, connect(site, asInstant(clock)));
  const spiIn = currentSession(site)?.children[0]?.spiIn ?? 0;
  act(site, ask(site, { kind: "rekey-child", spiIn }, asInstant(clock)));
  act(site, ask(site, { kind: "rekey-ike" }, asInstant(clock)));
  return site;
}

/** Passes messages both ways until none is left. */
function act(site: Site, first: readonly SiteOutput[]): void {
  let outputs = first;
  while (outputs.length > 0) {
    for (const output of outputs) {
      if (output.kind !== "send") continue;
      const { octets, path } = output;
      const seen = { local: path.remote, remote: path.local };
      driver.feed({ kind: "datagram", octets: octets.slice(), path: seen });
    }
    outputs = answers.splice(0).flatMap((octets) => receive(site, octets, asInstant(clock)));
  }
}

/** Its inbound states reach their hard limit: the kernel removes them and reports it. */
function expireStates(site: Site): void {
  for (const { spiOut } of currentSession(site)?.children ?? []) {
    // It sends to an SPI of ours: that of the inbound state here.
    const key = stateKey({ dst: endpointOf(CONCENTRATOR, 0).address, spi: asEspSpi(spiOut) });
    const id = states.get(key);
    if (id === undefined) continue;
    const reqid = reqids.get(key) ?? 0;
    forgetState(id);
    driver.feed({ kind: "expire", expire: { id, reqid, hard: true } });
  }
  answers.length = 0;
}

function forgetState(id: XfrmStateId): void {
  states.delete(stateKey(id));
  reqids.delete(stateKey(id));
}

function advance(ms: number): void {
  const until = clock + ms;
  for (;;) {
    const next = concentrator.nextDeadline();
    if (next === undefined || next > until) break;
    clock = Math.max(clock, next);
    driver.feed({ kind: "deadline" });
    answers.length = 0;
  }
  clock = until;
}

function liveOctets(): number {
  Bun.gc(true);
  Bun.gc(true);
  const { heapSize, extraMemorySize } = heapStats();
  return heapSize + extraMemorySize;
}
