/** PPKs in IKE_INTERMEDIATE, in every combination of keys and rules (RFC 9867 §3.1). */

import { expect, test } from "bun:test";
import type { LookupResult } from "../../../src/concentrator/event.ts";
import type { Suite } from "../../../src/crypto/suite.ts";
import { Ke } from "../../../src/crypto/transform.ts";
import type { LocalUser } from "../../../src/eroute/eroute.ts";
import type { PpkRule } from "../../../src/eroute/ppk.ts";
import type { PeerRow } from "../../../src/eroute/row.ts";
import { ExchangeType } from "../../../src/wire/v2/exchange-type.ts";
import { IKE_SUITE } from "../plan.ts";
import type { End } from "./end.ts";
import { judgeEmpty, judgeSettled } from "./judge.ts";
import { FINE, layPair, type Pair, type PairSettings } from "./pair.ts";

/** What an end has: no PPK, the common one, its ID with another key, or another PPK. */
const KEYS = { none: undefined, same: ["id", 1], wrong: ["id", 2], other: ["xy", 1] } as const;
/** What a site may have as well: its peer ID as the PPK_ID, or octets that are no text. */
const MORE_KEYS = { peer: ["end-b", 1], octets: ["\0\xff", 1] } as const;

type Key = keyof typeof KEYS;
type Side = { readonly rule: PpkRule; readonly key: Key };

const RULES: readonly PpkRule[] = ["if-set", "optional", "required", "off"];
const SIDES: readonly Side[] = RULES.flatMap((rule) =>
  (Object.keys(KEYS) as Key[]).map((key) => ({ rule, key })),
);
const SAME: Side = { rule: "if-set", key: "same" };

const ML_KEM: Suite = { ...IKE_SUITE, additional: [[Ke.ML_KEM_768]] };
const TWO: Suite = { ...IKE_SUITE, additional: [[Ke.ML_KEM_768], [Ke.ECP_384]] };

function ppkOf(key: Key | keyof typeof MORE_KEYS): LocalUser["ppk"] {
  const known = { ...KEYS, ...MORE_KEYS }[key];
  if (known === undefined) return undefined;
  const [id, octet] = known;
  return { id: Buffer.from(id, "latin1"), key: new Uint8Array(32).fill(octet) };
}

type Settings = Partial<PairSettings> & {
  readonly suite?: Suite;
  /** The ends that know this way. */
  readonly knownBy?: string;
};

function callBetween(caller: Side, called: Side, settings: Settings = {}): Pair {
  const { suite = IKE_SUITE, knownBy = "ab", ...more } = settings;
  const pair = layPair({
    ...{ seed: 1, weather: FINE, ...more },
    plan: (end, plan) => {
      const { rule, key } = end === "a" ? caller : called;
      const users = plan.users.map((user) => ({ ...user, ppk: ppkOf(key) }));
      const eroutes = plan.eroutes.map((one) => ({ ...one, ppk: rule, ike: [suite] }));
      return { ...plan, users, eroutes, intermediatePpk: knownBy.includes(end) };
    },
  });
  pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
  pair.runUntil(60_000);
  return pair;
}

/** The result, stated without the way to it. */
function expected(caller: Side, called: Side): "with" | "without" | "refused" {
  const isMust = ({ rule, key }: Side) =>
    rule === "required" || (rule === "if-set" && key !== "none");
  if ([caller, called].some(({ rule, key }) => rule === "required" && key === "none")) {
    return "refused";
  }
  const isUsed = ({ rule, key }: Side) => rule !== "off" && key !== "none";
  const [ours, theirs] = [KEYS[caller.key], KEYS[called.key]];
  const isSame = ours?.[0] === theirs?.[0] && ours?.[1] === theirs?.[1];
  if (isUsed(caller) && isUsed(called) && isSame) return "with";
  return isMust(caller) || isMust(called) ? "refused" : "without";
}

/** For each of its IKE SAs, whether a PPK is in the keys. */
function ppksOf(end: End): readonly boolean[] {
  const eroutes = end.concentrator.snapshot().eroutes(0, 10);
  return eroutes.flatMap(({ ikeSas }) => ikeSas.map(({ ppk }) => ppk));
}

function resultOf(pair: Pair): "with" | "without" | "refused" {
  const states = [pair.a, pair.b].flatMap(ppksOf);
  const [first] = states;
  if (first === undefined) {
    expect(judgeEmpty(pair)).toEqual([]);
    return "refused";
  }
  expect(judgeSettled({ ...pair, withPpk: first })).toEqual([]);
  expect(states).toEqual([first, first]);
  return first ? "with" : "without";
}

test.each([
  ["alone", IKE_SUITE],
  ["with ML-KEM in the same exchange", ML_KEM],
])("X-14: %s, both ends with every rule and PPK come to what the RFC says", (_, suite) => {
  const seen: string[] = [];
  const wanted: string[] = [];
  for (const caller of SIDES) {
    for (const called of SIDES) {
      const who = `${caller.rule}/${caller.key} calls ${called.rule}/${called.key}`;
      seen.push(`${who}: ${resultOf(callBetween(caller, called, { suite }))}`);
      wanted.push(`${who}: ${expected(caller, called)}`);
    }
  }
  expect(seen).toEqual(wanted);
});

/** A site calls; the concentrator has its PPK in a row. Returns the pair and whether it is used. */
function rowCall(
  row: Partial<PeerRow>,
  caller: Key | keyof typeof MORE_KEYS,
  more: { fails?: boolean } = {},
) {
  const pair = layPair({
    ...{ seed: 1, weather: FINE, isDynamic: true, withIntermediatePpk: true },
    plan: (end, plan) => {
      const eroutes = plan.eroutes.map((one) => ({ ...one, ppk: "if-set" as const }));
      if (end === "a") return { ...plan, eroutes };
      const users = plan.users.map((user) => ({ ...user, ppk: ppkOf(caller) }));
      return { ...plan, users, eroutes };
    },
  });
  const [before] = rowsIn(pair.a.database.find({ by: "peerid", peerid: "end-b" }));
  if (before === undefined) throw new Error("there is no row");
  pair.a.database.put({ ...before, ...row });
  if (more.fails === true) pair.a.database.fail("unreachable");
  pair.feed(pair.b, { kind: "connect", peerId: "end-a" });
  pair.runUntil(more.fails === true ? 10_000 : 60_000);
  return pair;
}

function rowsIn(result: LookupResult): readonly PeerRow[] {
  return result.ok ? result.value : [];
}

const KEY_1 = `0x${"01".repeat(32)}`;
const KEY_2 = `0x${"02".repeat(32)}`;

test("X-14: the PPK of a row is found by its ppk_id, as text or in hex, or by its peer ID", () => {
  for (const [row, caller, wanted] of [
    [{ ppk: KEY_1, ppk_id: "id" }, "same", "with"],
    [{ ppk: KEY_2, ppk_id: "id" }, "same", "refused"],
    [{ ppk: KEY_1, ppk_id: "xy" }, "same", "refused"],
    [{ ppk: KEY_1, ppk_id: "0x00ff" }, "octets", "with"],
    [{ ppk: KEY_1 }, "peer", "with"],
    [{}, "none", "without"],
  ] as const) {
    const pair = rowCall(row, caller);
    expect([row, caller, resultOf(pair)]).toEqual([row, caller, wanted]);
  }
});

test("X-14: while the database fails, the site is not refused: it is up once it answers", () => {
  const pair = rowCall({ ppk: KEY_1, ppk_id: "id" }, "same", { fails: true });
  expect([...pair.reasons.keys()]).not.toContain("ppk-ignored");
  pair.a.database.fail(undefined);
  pair.runUntil(60_000);
  expect(resultOf(pair)).toBe("with");
});

test("X-14: it is agreed on in the last IKE_INTERMEDIATE, before IKE_AUTH", () => {
  for (const [suite, exchanges] of [
    [IKE_SUITE, 1],
    [ML_KEM, 1],
    [TWO, 2],
  ] as const) {
    const seen = new Set<number>();
    const loses = (octets: Uint8Array): boolean => {
      if (octets[18] === ExchangeType.IKE_INTERMEDIATE) seen.add(octets[23] ?? 0);
      return false;
    };
    expect(resultOf(callBetween(SAME, SAME, { suite, loses }))).toBe("with");
    expect(seen.size).toBe(exchanges);
  }
});

test("X-14: where only one end knows this way, the other way is taken (RFC 8784)", () => {
  for (const knownBy of ["a", "b", ""]) {
    const loses = (octets: Uint8Array): boolean => {
      expect(octets[18]).not.toBe(ExchangeType.IKE_INTERMEDIATE);
      return false;
    };
    expect(resultOf(callBetween(SAME, SAME, { knownBy, loses }))).toBe("with");
  }
});

test("X-14: each message lost once is repeated, whether or not it has brought new keys", () => {
  const without: Side = { rule: "optional", key: "other" };
  const optional: Side = { rule: "optional", key: "same" };
  for (const [called, result] of [
    [optional, "with"],
    [without, "without"],
  ] as const) {
    for (let lost = 0; lost < 2; lost++) {
      let at = 0;
      const loses = (octets: Uint8Array): boolean =>
        octets[18] === ExchangeType.IKE_INTERMEDIATE && at++ === lost;
      expect([lost, resultOf(callBetween(optional, called, { loses }))]).toEqual([lost, result]);
      expect(at).toBeGreaterThan(2);
    }
  }
});

test("X-14: the journal of the called end says what is wrong with the PPK", () => {
  const cases: readonly (readonly [Side, Side, string])[] = [
    [{ rule: "optional", key: "wrong" }, SAME, "wrong-ppk"],
    [{ rule: "optional", key: "other" }, SAME, "ppk-unknown"],
    [SAME, { rule: "optional", key: "other" }, "ppk-ignored"],
  ];
  for (const [caller, called, reason] of cases) {
    const { reasons } = callBetween(caller, called);
    expect([caller, called, [...reasons.keys()]]).toEqual([
      caller,
      called,
      expect.arrayContaining([reason]),
    ]);
  }
});
