/** Additional key exchanges in the first handshake (RFC 9242, RFC 9370 §2.2.2). */

import { expect, test } from "bun:test";
import type { Suite } from "../../../src/crypto/suite.ts";
import { Ke } from "../../../src/crypto/transform.ts";
import type { EroutePlan } from "../../../src/eroute/eroute.ts";
import { ExchangeType } from "../../../src/wire/v2/exchange-type.ts";
import { IKE_SUITE } from "../plan.ts";
import { TOY_ANCHORS, toyKey } from "../toy-signature.ts";
import { judgeSettled } from "./judge.ts";
import { FINE, layPair, type Pair, type PairSettings } from "./pair.ts";

const ML_KEM: Suite = { ...IKE_SUITE, additional: [[Ke.ML_KEM_768]] };
const EITHER: Suite = { ...IKE_SUITE, additional: [[Ke.ML_KEM_768, Ke.NONE]] };
const THREE: Suite = { ...IKE_SUITE, additional: [[Ke.ML_KEM_1024], [Ke.NONE], [Ke.ECP_384]] };

test("RFC 9370: both ends agree on one, two and optional additional key exchanges", () => {
  for (const [suite, methods] of [
    [ML_KEM, "X25519/ML_KEM_768"],
    [EITHER, "X25519/ML_KEM_768"],
    [THREE, "X25519/ML_KEM_1024/ECP_384"],
  ] as const) {
    const pair = connected({ a: [suite], b: [suite] });
    expect([methods, judgeSettled(pair)]).toEqual([methods, []]);
    expect(algorithmsOf(pair)).toEqual([
      expect.stringContaining(methods),
      expect.stringContaining(methods),
    ]);
  }
});

test("RFC 9370: one end that has none is not refused if they are optional, else it is", () => {
  for (const [a, b] of [
    [[EITHER], [IKE_SUITE]],
    [[IKE_SUITE], [EITHER]],
    [[ML_KEM, IKE_SUITE], [IKE_SUITE]],
    [[IKE_SUITE], [ML_KEM, IKE_SUITE]],
  ] as const) {
    const pair = connected({ a, b });
    expect(judgeSettled(pair)).toEqual([]);
    expect(algorithmsOf(pair)[0]).not.toContain("ML_KEM");
  }
  expect(algorithmsOf(connected({ a: [ML_KEM], b: [IKE_SUITE] }))).toEqual([]);
  expect(algorithmsOf(connected({ a: [IKE_SUITE], b: [ML_KEM] }))).toEqual([]);
});

test("RFC 9242: with certificates, PPKs and a NAT, AUTH covers the exchange as well", () => {
  const auth = (end: "a" | "b") =>
    ({
      own: { kind: "signature", key: toyKey(`end-${end}`) },
      peer: { kind: "certificate", anchors: TOY_ANCHORS },
    }) as const;
  for (const settings of [{ auth }, { withPpk: true }, { isNatted: true }]) {
    const pair = connected({ a: [THREE], b: [THREE] }, settings);
    expect(judgeSettled(pair)).toEqual([]);
    expect(algorithmsOf(pair)[0]).toContain("ML_KEM_1024");
  }
});

test("RFC 9242: each message lost once is repeated, and gets the same answer", () => {
  for (let lost = 0; lost < 6; lost++) {
    let at = 0;
    const sent = new Map<string, Set<string>>();
    const loses = (octets: Uint8Array): boolean => {
      const [exchange, response] = [octets[18], ((octets[19] ?? 0) & 0x20) !== 0];
      if (exchange !== ExchangeType.IKE_INTERMEDIATE) return false;
      const key = `${octets[23]} ${response} ${octets[33]}`;
      sent.set(key, (sent.get(key) ?? new Set()).add(octets.toHex()));
      return at++ === lost;
    };
    const pair = connected({ a: [THREE], b: [THREE] }, { loses });
    expect([lost, judgeSettled(pair)]).toEqual([lost, []]);
    expect(algorithmsOf(pair)[0]).toContain("ML_KEM_1024");
    // Two exchanges, the first of them in fragments: each message is sealed once.
    expect([...sent.keys()].length).toBeGreaterThanOrEqual(5);
    expect([...sent.values()].every(({ size }) => size === 1)).toBe(true);
    expect(at).toBeGreaterThan(sent.size);
  }
});

test("RFC 9242: a stranger that stops half way costs no more than its time", () => {
  const loses = (octets: Uint8Array) => octets[18] === ExchangeType.IKE_AUTH;
  const pair = connected({ a: [THREE], b: [THREE] }, { loses });
  pair.feed(pair.a, { kind: "disconnect", peerId: pair.a.peerId });
  pair.runUntil(pair.now() + 120_000);
  const { gauges } = pair.b.concentrator.snapshot();
  expect(gauges.halfOpenOctets).toBe(0);
  expect(pair.b.concentrator.tableSizes().halfOpen.counted).toBe(0);
});

type Suites = { readonly a: readonly Suite[]; readonly b: readonly Suite[] };

/** End a has called end b, a minute ago. */
function connected(ike: Suites, settings: Partial<PairSettings> = {}): Pair {
  const plan = (end: "a" | "b", given: EroutePlan): EroutePlan => ({
    ...given,
    eroutes: given.eroutes.map((eroute) => ({ ...eroute, ike: ike[end] })),
  });
  const pair = layPair({ seed: 1, weather: FINE, plan, ...settings });
  const caller = settings.isNatted === true ? pair.b : pair.a;
  pair.feed(caller, { kind: "connect", peerId: caller.peerId });
  pair.runUntil(60_000);
  return pair;
}

/** What the IKE SA of each end has agreed on. */
function algorithmsOf(pair: Pair): readonly string[] {
  return [pair.a, pair.b].flatMap(({ concentrator }) =>
    concentrator
      .snapshot()
      .eroutes(0, 10)
      .flatMap(({ ikeSas }) => ikeSas.map(({ algorithms }) => algorithms)),
  );
}
