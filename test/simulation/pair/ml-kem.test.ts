/** ML-KEM as the first key exchange: of IKE_SA_INIT, of both rekeys, called and calling. */

import { expect, test } from "bun:test";
import type { Suite } from "../../../src/crypto/suite.ts";
import { parseSuite, type SuiteKind } from "../../../src/crypto/suite-notation.ts";
import type { End } from "./end.ts";
import { judgeSettled } from "./judge.ts";
import { FINE, layPair, type Pair } from "./pair.ts";

const GCM = "aes128gcm16-prfsha256";

type Proposals = { readonly ike: readonly string[]; readonly esp: readonly string[] };

function pairOf(caller: Proposals, called: Proposals): Pair {
  const pair = layPair({
    ...{ seed: 1, weather: FINE },
    plan: (end, plan) => {
      const { ike, esp } = end === "a" ? caller : called;
      const suites = {
        ike: ike.map((text) => suiteOf(`${GCM}-${text}`, "ike")),
        esp: esp.map((text) => suiteOf(`aes128gcm16-noesn-${text}`, "esp")),
      };
      return { ...plan, eroutes: plan.eroutes.map((one) => ({ ...one, ...suites })) };
    },
  });
  pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
  pair.runUntil(60_000);
  return pair;
}

function suiteOf(text: string, kind: SuiteKind): Suite {
  const parsed = parseSuite(text, kind);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}

/** The algorithms of its only IKE SA and of its only Child SA. */
function algorithmsOf(end: End): readonly string[] {
  const eroutes = end.concentrator.snapshot().eroutes(0, 10);
  return eroutes.flatMap(({ ikeSas, childSas }) =>
    [...ikeSas, ...childSas].map(({ algorithms }) => algorithms),
  );
}

test.each([["mlkem512"], ["mlkem768"], ["mlkem1024"]])(
  "%s: two ends connect, and each rekeys both kinds of SA with it",
  (word) => {
    const both = { ike: [word], esp: [word] };
    const pair = pairOf(both, both);
    const name = word.replace("mlkem", "ML_KEM_");
    const ike = `AES_GCM_16_128/PRF_HMAC_SHA2_256/${name}`;
    // The first Child SA takes the keys of the IKE SA.
    expect(algorithmsOf(pair.a)).toEqual([ike, "AES_GCM_16_128"]);
    let at = 60_000;
    for (const [end, peerId] of [
      [pair.a, "end-b"],
      [pair.b, "end-a"],
    ] as const) {
      for (const of of ["children", "ike"] as const) {
        pair.feed(end, { kind: "rekey", peerId, of });
        at += 60_000;
        pair.runUntil(at);
        for (const one of [pair.a, pair.b]) {
          expect(algorithmsOf(one)).toEqual([ike, `AES_GCM_16_128/${name}`]);
        }
      }
    }
    judgeSettled(pair);
  },
);

test("a call begins again with ML-KEM if the other end asks for it, and without it", () => {
  const [kem, group] = [["mlkem768"], ["x25519"]];
  const either = { ike: ["x25519-mlkem768"], esp: ["x25519-mlkem768"] };
  const onlyKem = pairOf(either, { ike: kem, esp: kem });
  expect(algorithmsOf(onlyKem.b)[0]).toEndWith("/ML_KEM_768");
  const other = { ike: ["mlkem768-x25519"], esp: ["mlkem768-x25519"] };
  const onlyGroup = pairOf(other, { ike: group, esp: group });
  expect(algorithmsOf(onlyGroup.b)[0]).toEndWith("/X25519");
});

test("an end that has ML-KEM alone refuses one that has none, and neither keeps anything", () => {
  const pair = pairOf({ ike: ["x25519"], esp: ["none"] }, { ike: ["mlkem768"], esp: ["none"] });
  expect(algorithmsOf(pair.a)).toEqual([]);
  expect(algorithmsOf(pair.b)).toEqual([]);
});
