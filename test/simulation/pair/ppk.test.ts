/** PPKs of both ends, in every combination of keys and rules (RFC 8784 §3). */

import { expect, test } from "bun:test";
import type { ErouteAuth, LocalUser } from "../../../src/eroute/eroute.ts";
import type { PpkRule } from "../../../src/eroute/ppk.ts";
import { TOY_ANCHORS, toyKey } from "../toy-signature.ts";
import type { End } from "./end.ts";
import { judgeEmpty, judgeSettled } from "./judge.ts";
import { FINE, layPair, type Pair } from "./pair.ts";

/** What an end has: no PPK, the common one, its ID with another key, or another PPK. */
const KEYS = { none: undefined, same: ["id", 1], wrong: ["id", 2], other: ["xy", 1] } as const;

type Key = keyof typeof KEYS;
type Side = { readonly rule: PpkRule; readonly key: Key };

const RULES: readonly PpkRule[] = ["if-set", "optional", "required", "off"];
const SIDES: readonly Side[] = RULES.flatMap((rule) =>
  (Object.keys(KEYS) as Key[]).map((key) => ({ rule, key })),
);

function ppkOf(key: Key): LocalUser["ppk"] {
  const known = KEYS[key];
  if (known === undefined) return undefined;
  const [id, octet] = known;
  return { id: new TextEncoder().encode(id), key: new Uint8Array(32).fill(octet) };
}

/** Both ends authenticate by certificate, each with its own. */
function byCertificate(end: "a" | "b"): ErouteAuth {
  return {
    own: { kind: "signature", key: toyKey(`end-${end}`) },
    peer: { kind: "certificate", anchors: TOY_ANCHORS },
  };
}

type Proof = "key" | "certificate";

function callBetween(caller: Side, called: Side, proof: Proof = "key"): Pair {
  const pair = layPair({
    ...{ seed: 1, weather: FINE },
    plan: (end, plan) => {
      const { rule, key } = end === "a" ? caller : called;
      const users = plan.users.map((user) => ({ ...user, ppk: ppkOf(key) }));
      const auth = proof === "key" ? {} : { auth: byCertificate(end) };
      const eroutes = plan.eroutes.map((one) => ({ ...one, ppk: rule, ...auth }));
      return { ...plan, users, eroutes };
    },
  });
  pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
  pair.runUntil(60_000);
  return pair;
}

/** The result according to RFC 8784 §3, stated without the way to it. */
function expected(caller: Side, called: Side): "with" | "without" | "refused" {
  const isMust = ({ rule, key }: Side) =>
    rule === "required" || (rule === "if-set" && key !== "none");
  if ([caller, called].some(({ rule, key }) => rule === "required" && key === "none")) {
    return "refused";
  }
  const says = caller.rule !== "off" && caller.key !== "none" && called.rule !== "off";
  const calledHas = called.rule === "off" ? undefined : KEYS[called.key];
  const isNamed = says && calledHas !== undefined && calledHas[0] === KEYS[caller.key]?.[0];
  if (isNamed) return calledHas[1] === KEYS[caller.key]?.[1] ? "with" : "refused";
  return isMust(caller) || isMust(called) ? "refused" : "without";
}

/** For each of its IKE SAs, whether a PPK is in the keys. */
function ppksOf(end: End): readonly boolean[] {
  const eroutes = end.concentrator.snapshot().eroutes(0, 10);
  return eroutes.flatMap(({ ikeSas }) => ikeSas.map(({ ppk }) => ppk));
}

test.each([["key"], ["certificate"]] as const)(
  "RFC 8784 §3: by %s, both ends with every rule and PPK come to what the RFC says",
  (proof) => {
    const seen: string[] = [];
    const wanted: string[] = [];
    for (const caller of SIDES) {
      for (const called of SIDES) {
        const pair = callBetween(caller, called, proof);
        const who = `${caller.rule}/${caller.key} calls ${called.rule}/${called.key}`;
        const states = [pair.a, pair.b].flatMap((end) => ppksOf(end));
        const isUp = states.length > 0;
        expect([
          who,
          isUp ? judgeSettled({ ...pair, withPpk: states[0] === true }) : judgeEmpty(pair),
        ]).toEqual([who, []]);
        if (isUp) expect([who, states[0]]).toEqual([who, states[1] ?? false]);
        seen.push(`${who}: ${isUp ? (states[0] ? "with" : "without") : "refused"}`);
        wanted.push(`${who}: ${expected(caller, called)}`);
      }
    }
    expect(seen).toEqual(wanted);
  },
);

test("the journal of the end that knows says what went wrong, as exactly as it can", () => {
  const cases: readonly (readonly [Side, Side, readonly string[]])[] = [
    [side("if-set", "none"), side("if-set", "same"), ["ppk-missing"]],
    [side("if-set", "same"), side("if-set", "none"), ["ppk-unknown"]],
    [side("if-set", "same"), side("off", "same"), ["ppk-unsupported"]],
    [side("if-set", "same"), side("if-set", "wrong"), ["wrong-psk-or-ppk"]],
    [side("optional", "same"), side("if-set", "wrong"), ["wrong-ppk"]],
    [side("optional", "other"), side("if-set", "same"), ["ppk-unknown"]],
    [side("required", "none"), side("if-set", "same"), ["no-ppk"]],
    [side("if-set", "same"), side("required", "none"), ["no-ppk"]],
  ];
  for (const [caller, called, reasons] of cases) {
    const pair = callBetween(caller, called);
    for (const reason of reasons) {
      expect([caller, called, [...pair.reasons.keys()]]).toEqual([
        caller,
        called,
        expect.arrayContaining([reason]),
      ]);
    }
  }
});

test("with certificates a wrong PPK looks like a wrong signature, and the journal says so", () => {
  const right = side("if-set", "same");
  const wrong = callBetween(right, side("if-set", "wrong"), "certificate");
  expect(wrong.reasons.get("wrong-signature-or-ppk")).toBe(1);
  expect(judgeEmpty(wrong)).toEqual([]);
});

function side(rule: PpkRule, key: Key): Side {
  return { rule, key };
}
