/**
 * Phase 1 anew whose last message the other end never gets: that end knows of no new ISAKMP SA, and
 * the former one has to stay.
 */

import { expect, test } from "bun:test";
import { DEFAULT_LIFE } from "../../../src/eroute/defaults.ts";
import type { IkeVersions, Ikev1Rule } from "../../../src/eroute/eroute.ts";
import { parseHeader } from "../../../src/wire/header.ts";
import { ExchangeType } from "../../../src/wire/v1/header.ts";
import { IKEV1_ESP_SUITE, IKEV1_IKE_SUITE } from "../ikev1-suites.ts";
import { judgeSettled } from "./judge.ts";
import { FINE, layPair, type Pair } from "./pair.ts";
import { startTraffic } from "./traffic.ts";

const MODES = ["main", "aggressive"] as const;

/** Datagrams before the last one of Phase 1, which its sender takes to be over. */
const BEFORE_LAST = { main: 5, aggressive: 2 } as const;

function versions(mode: Ikev1Rule["mode"]): IkeVersions {
  const suites = { ike: [IKEV1_IKE_SUITE], esp: [IKEV1_ESP_SUITE] };
  const rest = { legacy: false, xauth: false, pushesConfig: false, sha256With96Bits: false };
  return { v2: false, v1: { mode, ...rest, ...suites } };
}

/** Up since ten seconds; from now on only so many datagrams of Phase 1 arrive. */
function upWith(mode: (typeof MODES)[number], livenessMs: number | undefined) {
  let left = Number.POSITIVE_INFINITY;
  const isLost = (octets: Uint8Array): boolean => {
    const header = parseHeader(octets);
    const type = header.ok ? header.value.exchangeType : undefined;
    const isPhase1 = type === ExchangeType.MAIN_MODE || type === ExchangeType.AGGRESSIVE_MODE;
    return isPhase1 && left-- <= 0;
  };
  const eroute = { versions: versions(mode), livenessMs, life: DEFAULT_LIFE };
  const pair = layPair({ seed: 5, weather: FINE, eroute, loses: isLost });
  pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
  pair.runUntil(10_000);
  expect(judgeSettled(pair)).toEqual([]);
  const passes = (count: number): void => {
    left = count;
  };
  return { pair, passes };
}

const ikeSaOf = ({ a }: Pair) => a.concentrator.snapshot().site("end-b")[0]?.ikeSas.at(-1)?.spiI;

for (const mode of MODES) {
  test.each([5_000, 30_000, undefined])(
    `${mode} mode: the former ISAKMP SA stays, with its Child SA, liveness %p`,
    (livenessMs) => {
      const { pair, passes } = upWith(mode, livenessMs);
      const [former, states] = [ikeSaOf(pair), [...pair.a.kernel.states.keys()]];
      const traffic = startTraffic(pair, 500, 250_000);
      passes(BEFORE_LAST[mode]);
      pair.feed(pair.a, { kind: "rekey", peerId: "end-b", of: "ike" });
      pair.runUntil(300_000);
      expect(judgeSettled(pair)).toEqual([]);
      expect(ikeSaOf(pair)).toBe(former);
      expect([...pair.a.kernel.states.keys()]).toEqual(states);
      expect(pair.reasons.has("peer-silent")).toBe(false);
      expect(traffic.lost + traffic.blocked).toBe(0);
    },
  );

  test(`${mode} mode: it comes late: the new ISAKMP SA takes the Child SA over`, () => {
    const { pair, passes } = upWith(mode, 5_000);
    const [former, states] = [ikeSaOf(pair), [...pair.a.kernel.states.keys()]];
    passes(BEFORE_LAST[mode]);
    pair.feed(pair.a, { kind: "rekey", peerId: "end-b", of: "ike" });
    pair.runUntil(16_000);
    passes(Number.POSITIVE_INFINITY);
    pair.runUntil(120_000);
    expect(judgeSettled(pair)).toEqual([]);
    expect(ikeSaOf(pair)).not.toBe(former);
    expect([...pair.a.kernel.states.keys()]).toEqual(states);
  });

  test(`${mode} mode: Child SAs have new keys at once, in the new ISAKMP SA`, () => {
    const { pair } = upWith(mode, 5_000);
    pair.feed(pair.a, { kind: "rekey", peerId: "end-b", of: "ike" });
    for (let ms = 0; ms < 40; ms++) {
      pair.runUntil(pair.now() + 1);
      pair.feed(ms % 2 === 0 ? pair.a : pair.b, { kind: "rekey", peerId: "end-b", of: "children" });
    }
    const traffic = startTraffic(pair, 100, 60_000);
    pair.runUntil(120_000);
    expect(judgeSettled(pair)).toEqual([]);
    expect(traffic.lost + traffic.blocked).toBe(0);
  });
}
