/** How much heap a site takes: the engine alone, in a process of its own. */

import { heapStats } from "bun:jsc";
import { createConcentrator } from "../../src/concentrator/concentrator.ts";
import { performKeyExchange } from "../../src/crypto/key-exchange.ts";
import { Ke } from "../../src/crypto/transform.ts";
import { asInstant } from "../../src/octets/instant.ts";
import { ok } from "../../src/octets/result.ts";
import { rowOf } from "../simulation/database.ts";
import { createDriver } from "../simulation/driver.ts";
import { connect, createSite, receive } from "../simulation/initiator.ts";
import { BASE_EROUTE, CONCENTRATOR, endpointOf, planOf, prefixOfText } from "../simulation/plan.ts";
import { FLEET_SUBNET, pskOfSite, settingsOfSite, subnetOfSite } from "./fleet.ts";

const SITES = 5_000;

const random = (count: number) => crypto.getRandomValues(new Uint8Array(count));

/** Live octets for each site, after garbage collection. */
export function measureHeap(): number {
  const eroute = { ...BASE_EROUTE, remoteSubnets: [prefixOfText(FLEET_SUBNET)] };
  const limits = { dynamicEroutesMax: 2 * SITES, cookieAbove: 2 * SITES };
  const concentrator = createConcentrator({
    plan: planOf(limits, { eroutes: [eroute] }),
    now: asInstant(0),
    random,
  });
  const answers: Uint8Array[] = [];
  const driver = createDriver(concentrator, {
    now: () => 0,
    onSend: ({ octets }) => answers.push(octets),
    onLookUp({ lookup, by }) {
      const number = by.by === "peerid" ? Number(by.peerid.slice("site-".length)) : 0;
      const row = rowOf(`site-${number}`, pskOfSite(number), subnetOfSite(number));
      return { kind: "peer-rows", lookup, result: ok([row]) };
    },

    onResolve: () => undefined,
    onKeyExchange({ request, op }) {
      return { kind: "key-exchange-answer", request, result: performKeyExchange(op) };
    },
    kernel: () => ok(undefined),
    delaysAnswer: () => false,
    onJournal: () => {},
    onHandled: () => {},
  });
  const connectSite = (number: number): void => {
    const path = { local: endpointOf("192.0.2.1", 500), remote: endpointOf(CONCENTRATOR, 500) };
    const sources = { random, keyExchange: performKeyExchange };
    const site = createSite(settingsOfSite(number, Ke.X25519, path), sources);
    let outputs = connect(site, asInstant(0));
    while (outputs.length > 0) {
      for (const output of outputs) {
        if (output.kind !== "send") continue;
        const { octets, path: way } = output;
        const seen = { local: way.remote, remote: way.local };
        driver.feed({ kind: "datagram", octets: octets.slice(), path: seen });
      }
      outputs = answers.splice(0).flatMap((octets) => receive(site, octets, asInstant(0)));
    }
  };
  for (let number = 1; number <= SITES / 5; number++) connectSite(number);
  const before = liveOctets();
  for (let number = SITES / 5 + 1; number <= (SITES * 6) / 5; number++) connectSite(number);
  const after = liveOctets();
  const { childSas } = concentrator.snapshot().gauges;
  if (childSas !== (SITES * 6) / 5) throw new Error(`${childSas} Child SAs`);
  return (after - before) / SITES;
}

function liveOctets(): number {
  Bun.gc(true);
  Bun.gc(true);
  const { heapSize, extraMemorySize } = heapStats();
  return heapSize + extraMemorySize;
}

if (import.meta.main) process.stdout.write(`${measureHeap()}\n`);
