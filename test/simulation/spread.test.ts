/** What a fleet does at the same time, it does not do together again: times are randomised. */

import { expect, test } from "bun:test";
import { DEFAULT_LIFE } from "../../src/eroute/defaults.ts";
import type { NormalEroute } from "../../src/eroute/eroute.ts";
import { asInstant } from "../../src/octets/instant.ts";
import { parseHeader } from "../../src/wire/header.ts";
import { ExchangeType } from "../../src/wire/v2/exchange-type.ts";
import { FLEET_SUBNET, pskOfSite, settingsOfSite, subnetOfSite } from "../bench/fleet.ts";
import { patient } from "../patience.ts";
import { rowOf } from "./database.ts";
import { connect, createSite, receive } from "./initiator.ts";
import {
  BASE_EROUTE,
  CONCENTRATOR,
  endpointOf,
  NORMAL_EROUTE,
  patternOf,
  planOf,
  prefixOfText,
} from "./plan.ts";
import type { SiteOutput } from "./site-state.ts";
import { layTable, type Table } from "./table.ts";
import { toyKeyExchange } from "./toy-key-exchange.ts";

const SITES = 10_000;
const X25519 = 31;
const HOUR_MS = 3_600_000;

/** Keys are replaced in the last fifth of their time: so many a second if spread evenly. */
const SECONDS = 720;
const PER_SECOND = SITES / SECONDS;

const KEYS = {
  "Child SAs": { lifetimeSeconds: 3_600, ikeLifetimeMs: 24 * HOUR_MS },
  "IKE SAs": { lifetimeSeconds: 24 * 3_600, ikeLifetimeMs: HOUR_MS },
};

for (const [whose, { lifetimeSeconds, ikeLifetimeMs }] of Object.entries(KEYS)) {
  test(
    `10,000 sites that connected at once: keys of their ${whose} are replaced in 12 minutes`,
    () => {
      const eroute = {
        ...BASE_EROUTE,
        remoteSubnets: [prefixOfText(FLEET_SUBNET)],
        livenessMs: undefined,
        child: { ...BASE_EROUTE.child, lifetimeSeconds },
        life: { ...DEFAULT_LIFE, ikeLifetimeMs },
      };
      const table = fleetAt(eroute);
      const begun = table.now();
      table.advance(0.8 * HOUR_MS - 1_000);
      expect(table.sent).toEqual([]);
      const perSecond: number[] = new Array(SECONDS + 2).fill(0);
      for (let second = 0; second < perSecond.length; second++) {
        table.advance(1_000);
        perSecond[second] = firstCopies(table);
      }
      expect(table.now()).toBe(begun + HOUR_MS + 1_000);
      expect(perSecond.reduce((sum, count) => sum + count, 0)).toBe(SITES);
      expect(Math.max(...perSecond)).toBeLessThan(3 * PER_SECOND);
      // No minute has much less than its share.
      for (let from = 0; from + 60 <= SECONDS; from += 60) {
        const minute = perSecond.slice(from, from + 60).reduce((sum, count) => sum + count, 0);
        expect(minute).toBeGreaterThan(0.8 * 60 * PER_SECOND);
      }
    },
    patient(60_000),
  );
}

const ALWAYS = 300;

test('R12: 300 eroutes with start = "always" are called calls_max at a time, each in turn', () => {
  const eroutes = Array.from(
    { length: ALWAYS },
    (_, i): NormalEroute => ({
      ...NORMAL_EROUTE,
      name: `lab-${i}`,
      peerid: patternOf(`lab-${i}`),
      peerip: `203.0.113.${i % 250}`,
      life: { ...DEFAULT_LIFE, start: "always" },
    }),
  );
  const psk = new TextEncoder().encode("lab secret");
  const users = eroutes.map(({ name }) => ({ name, psk }));
  const callsMax = 20;
  const table = layTable({ plan: planOf({ callsMax }, { eroutes, users }) });
  const asked = new Set<string>();
  for (let round = 0; round < 100; round++) {
    table.advance(1_000);
    const resolving = table.effects.splice(0).filter((effect) => effect.kind === "resolve");
    expect(resolving.length).toBeLessThanOrEqual(callsMax);
    for (const { resolve } of resolving) {
      // Each site refuses at once, so that another one gets its place.
      table.feed({ kind: "resolved", resolve, result: { ok: false, error: "no such host" } });
    }
  }
  for (const { reason, eroute } of table.journal) {
    if (reason === "resolve" && eroute !== undefined) asked.add(eroute);
  }
  expect(asked.size).toBe(ALWAYS);
});

/** All sites, connected at the same instant, and acting on their own from then on. */
function fleetAt(eroute: typeof BASE_EROUTE): Table {
  const limits = { dynamicEroutesMax: 2 * SITES, cookieAbove: 2 * SITES, halfOpenMax: 2 * SITES };
  const table = layTable({
    plan: planOf({ ...limits, halfOpenPerPrefixMax: 2 * SITES }, { eroutes: [eroute] }),
    keyExchange: toyKeyExchange,
  });
  const path = { local: endpointOf("192.0.2.1", 500), remote: endpointOf(CONCENTRATOR, 500) };
  const random = (count: number) => table.prng.octets(count);
  for (let number = 1; number <= SITES; number++) {
    table.database.put(rowOf(`site-${number}`, pskOfSite(number), subnetOfSite(number)));
    const settings = settingsOfSite(number, X25519, path);
    const site = createSite(settings, { random, keyExchange: toyKeyExchange });
    let outputs: readonly SiteOutput[] = connect(site, asInstant(table.now()));
    while (outputs.length > 0) {
      for (const output of outputs) {
        if (output.kind !== "send") continue;
        table.deliver(output.octets, { local: output.path.remote, remote: output.path.local });
      }
      outputs = table.sent
        .splice(0)
        .flatMap(({ octets }) => receive(site, octets, asInstant(table.now())));
    }
    table.effects.length = 0;
  }
  expect(table.concentrator.snapshot().gauges.childSas).toBe(SITES);
  return table;
}

/** Requests for new keys, without repeats; takes them off the table. */
function firstCopies(table: Table): number {
  const before = seen.size;
  for (const { octets } of table.sent.splice(0)) {
    const header = parseHeader(octets);
    if (!header.ok || header.value.exchangeType !== ExchangeType.CREATE_CHILD_SA) continue;
    seen.add(octets.toHex());
  }
  table.effects.length = 0;
  return seen.size - before;
}

const seen = new Set<string>();
