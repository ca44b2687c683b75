/** Mode Config push between two ends: the one that calls is told its address. */

import { expect, test } from "bun:test";
import type { EroutePlan, IkeVersions } from "../../../src/eroute/eroute.ts";
import { ExchangeType } from "../../../src/wire/v1/header.ts";
import { IKEV1_ESP_SUITE, IKEV1_IKE_SUITE } from "../ikev1-suites.ts";
import { prefixOfText } from "../plan.ts";
import { judgeSettled } from "./judge.ts";
import { FINE, layPair, type Pair, type PairSettings } from "./pair.ts";

const OWN = [prefixOfText("10.0.0.7/32")];

/** End a has one address, and calls; end b tells it. */
function called(mode: "main" | "aggressive", more: Partial<PairSettings> = {}): Pair {
  const subnets = { a: { localSubnets: OWN }, b: { remoteSubnets: OWN } };
  const versions: IkeVersions = {
    v2: false,
    v1: {
      ...{ mode, legacy: false, xauth: false, pushesConfig: true, sha256With96Bits: false },
      ...{ ike: [IKEV1_IKE_SUITE], esp: [IKEV1_ESP_SUITE] },
    },
  };
  const plan = (end: "a" | "b", own: EroutePlan): EroutePlan => ({
    ...own,
    eroutes: own.eroutes.map((eroute) => Object.assign({}, eroute, subnets[end])),
  });
  const pair = layPair({ seed: 1, weather: FINE, eroute: { versions }, plan, ...more });
  pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
  return pair;
}

for (const mode of ["aggressive", "main"] as const) {
  test(`${mode} mode: the end that calls is told its address, whatever is lost`, () => {
    for (let lost = -1; lost < 10; lost++) {
      let seen = 0;
      const pair = called(mode, { loses: () => seen++ === lost });
      pair.runUntil(40_000);
      expect([lost, judgeSettled(pair)]).toEqual([lost, []]);
      expect([lost, pair.reasons.get("inner-address")]).toEqual([lost, 1]);
      expect(pair.reasons.has("mode-config-failed")).toBe(false);
    }
  });
}

test("Phase 1 anew: the end that began it is told again", () => {
  const pair = called("aggressive");
  pair.runUntil(10_000);
  pair.feed(pair.a, { kind: "rekey", peerId: "end-b", of: "ike" });
  pair.runUntil(120_000);
  expect(judgeSettled(pair)).toEqual([]);
  expect(pair.reasons.get("inner-address")).toBe(2);
});

test("an end that never acknowledges it is named, and stays connected", () => {
  let transactions = 0;
  // Each SET is followed by its ACK.
  const loses = (octets: Uint8Array) =>
    octets[18] === ExchangeType.TRANSACTION && ++transactions % 2 === 0;
  const pair = called("aggressive", { loses });
  pair.runUntil(120_000);
  expect(pair.reasons.get("mode-config-failed")).toBe(1);
  expect(judgeSettled(pair)).toEqual([]);
});
