/** Samples for the charts, and what Child SAs have carried. */

import { expect, test } from "bun:test";
import { COUNTER_NAMES, type Counters } from "../../../src/concentrator/snapshot.ts";
import { createSamples, SAMPLE_MS } from "../../../src/daemon/samples.ts";
import type { StateUse } from "../../../src/status/source.ts";

/** A daemon whose figures a test changes. */
function sampled() {
  const world = { wallMs: 0, handshakes: 0, tunnels: 0, uses: new Map<string, StateUse>() };
  const counters = () =>
    Object.fromEntries(
      COUNTER_NAMES.map((name) => [name, name === "ike_sas_established" ? world.handshakes : 0]),
    ) as Counters;
  const gauges = () => ({
    ...{ dynamicEroutes: world.tunnels, dynamicEroutesMax: 10, normalEroutesUp: 0, ikeSas: 0 },
    ...{ halfOpenIkeSas: 0, childSas: 0, lookupsWaiting: 0, standingPolicies: 0 },
    ...{ halfOpenOctets: 0, halfOpenOctetsMax: 0 },
    ...{ drainingStates: 0, keyExchangesWaiting: 0, signaturesWaiting: 0 },
  });
  const samples = createSamples({
    concentrator: {
      snapshot: () => ({
        ...{
          gauges: gauges(),
          counters: counters(),
          algorithms: [],
          erouteCount: 0,
          eroutes: () => [],
        },
        ...{
          walk: () => () => [],
          briefs: () => () => [],
          drainingStates: () => [],
          site: () => [],
          isConnected: () => false,
          overlaps: () => [],
          call: () => undefined,
          peerOf: () => undefined,
        },
        isCalling: () => false,
        redirecting: undefined,
        redirectable: () => ({ can: 0, cannot: 0 }),
        versions: () => ({ 1: 0, 2: 0 }),
      }),
    },
    peers: new Map(),
    uses: async () => new Map(world.uses),
    ours: () => new Set(["192.0.2.1"]),
    wallMs: () => world.wallMs,
  });
  const take = async () => {
    world.wallMs += SAMPLE_MS;
    await samples.take();
  };
  return { world, samples, take };
}

const use = (octets: number, packets: number) => ({
  octets: BigInt(octets),
  packets: BigInt(packets),
});

test("rates refer to the time between two samples; the first one only starts", async () => {
  const { world, samples, take } = sampled();
  world.handshakes = 1_000;
  await take();
  expect(samples.series("hour").samples).toEqual([]);
  world.handshakes += 50;
  world.tunnels = 7;
  await take();
  expect(samples.series("hour").samples).toMatchObject([{ tunnels: 7, handshakes: 5 }]);
});

test("removed states take nothing with them: what they carried stays counted", async () => {
  const { world, samples, take } = sampled();
  world.uses.set("192.0.2.1 0x00000001", use(1_000, 10));
  world.uses.set("198.51.100.7 0x00000002", use(5_000, 20));
  await take();
  world.uses.set("192.0.2.1 0x00000001", use(3_000, 30));
  await take();
  // Rekeyed: other states, with their own counts.
  world.uses.clear();
  world.uses.set("192.0.2.1 0x00000003", use(400, 4));
  await take();
  expect(samples.traffic()).toEqual({
    ...{ octetsIn: 2_400, packetsIn: 24, octetsOut: 0, packetsOut: 0 },
  });
  expect(samples.series("hour").samples.map((sample) => sample.octets_in)).toEqual([200, 40]);
});

test("two days of samples: neither ring grows, thirty samples make a coarse one", async () => {
  const { samples, take, world } = sampled();
  for (let n = 0; n < 17_400; n++) {
    world.tunnels = n % 2;
    await take();
  }
  const hour = samples.series("hour");
  const days = samples.series("days");
  expect([hour.samples.length, days.samples.length]).toEqual([360, 576]);
  expect(days.samples[0]?.tunnels).toBe(0.5);
});

test("a clock that is set back makes no sample, and no rate below zero", async () => {
  const { world, samples, take } = sampled();
  await take();
  world.wallMs -= 3_600_000;
  await take();
  expect(samples.series("hour").samples).toEqual([]);
  await take();
  expect(samples.series("hour").samples.length).toBe(1);
});
