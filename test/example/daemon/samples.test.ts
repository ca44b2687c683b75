/** Samples for the charts, and what Child SAs have carried. */

import { expect, test } from "bun:test";
import { COUNTER_NAMES, type Counters } from "../../../src/concentrator/snapshot.ts";
import { createSamples, SAMPLE_MS } from "../../../src/daemon/samples.ts";
import type { TrafficTotals } from "../../../src/status/source.ts";
import { ended } from "../../steps.ts";

const NO_TRAFFIC: TrafficTotals = { octetsIn: 0, octetsOut: 0, packetsIn: 0, packetsOut: 0 };

/** A daemon whose figures a test changes. */
function sampled() {
  const world = { wallMs: 0, handshakes: 0, tunnels: 0, traffic: NO_TRAFFIC };
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
          hasDynamicEroute: () => false,
          overlaps: () => [],
          call: () => undefined,
          peerOf: () => undefined,
        },
        isCalling: () => false,
        redirecting: undefined,
        redirectable: () => ended({ can: 0, cannot: 0 }),
        versions: () => ended({ 1: 0, 2: 0 }),
      }),
    },
    peers: new Map(),
    traffic: async () => world.traffic,
    wallMs: () => world.wallMs,
  });
  const take = async () => {
    world.wallMs += SAMPLE_MS;
    await samples.take();
  };
  return { world, samples, take };
}

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

test("rates of traffic are between two samples; the sum is that of the last one", async () => {
  const { world, samples, take } = sampled();
  expect(samples.traffic()).toEqual(NO_TRAFFIC);
  world.traffic = { ...NO_TRAFFIC, octetsIn: 500 };
  await take();
  world.traffic = { octetsIn: 2_500, octetsOut: 700, packetsIn: 20, packetsOut: 3 };
  await take();
  world.traffic = { ...world.traffic, octetsIn: 2_900 };
  expect(samples.traffic().octetsIn).toBe(2_500);
  await take();
  expect(samples.traffic()).toEqual(world.traffic);
  const { samples: taken } = samples.series("hour");
  expect(taken.map((sample) => [sample.octets_in, sample.octets_out])).toEqual([
    [200, 70],
    [40, 0],
  ]);
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
