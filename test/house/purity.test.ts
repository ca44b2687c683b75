/** Pure rooms: no clock, randomness, waiting, output or state; `throw` only where it belongs. */

import { expect, test } from "bun:test";
import { roomOf, type SourceFile, sourcesIn, withoutComments, withoutStrings } from "./source.ts";

const ENGINE = ["octets", "inet", "crypto", "wire", "xfrm", "eroute", "ike", "concentrator"];
const PURE = [...ENGINE, "reason", "why"];

const REFUSED: readonly (readonly [RegExp, string])[] = [
  [/\bMath\.random\b/, "randomness is an argument"],
  [/\b(?:crypto\.)?getRandomValues\b|\brandom(?:Bytes|UUID|Int|FillSync)\b/, "randomness"],
  [/\bnew Date\b|\bDate\.|\bperformance\.|\bBun\.nanoseconds\b/, "a clock"],
  [/\bset(?:Timeout|Interval|Immediate)\b|\bqueueMicrotask\b/, "a timer"],
  [/\basync\b|\bawait\b|\bPromise\b/, "waiting"],
  [/\bconsole\.|\bprocess\.|\bBun\./, "the outside world"],
  [/^(?:export )?(?:let|var)\b/, "state of a module: each engine has its own"],
  [/\bBuffer\b/, "Buffer: octets are Uint8Array here"],
];

const pure = sourcesIn("src").filter((source) => PURE.includes(roomOf(source.path)));

test("pure rooms have no clock, randomness, waiting, output", () => {
  expect(pure.flatMap(impurities)).toEqual([]);
});

test("in pure rooms only octets throws: faults are values", () => {
  const throwing = pure
    .filter((source) => roomOf(source.path) !== "octets")
    .filter((source) => /\bthrow\b/.test(code(source)));
  expect(throwing.map((source) => source.path)).toEqual([]);
});

test("the check finds faults in code, and ignores comments and messages", () => {
  const found = (text: string) => impurities({ path: "src/ike/bad.ts", text }).length;
  expect(found("const a = Math.random();")).toBe(1);
  expect(found("const at = Date.now();")).toBe(1);
  expect(found("setTimeout(() => {}, 5);")).toBe(1);
  expect(found("async function f() {}")).toBe(1);
  expect(found('console.log("x");')).toBe(1);
  expect(found("let last: number | undefined;")).toBe(1);
  expect(found("  let last = 0;")).toBe(0);
  expect(found('// console.log("x")\nconst a = "await Date.now()";')).toBe(0);
});

function impurities(source: SourceFile): string[] {
  const lines = code(source).split("\n");
  return lines.flatMap((line, index) =>
    REFUSED.filter(([pattern]) => pattern.test(line)).map(
      ([, what]) => `${source.path}:${index + 1}: ${what}: ${line.trim()}`,
    ),
  );
}

function code(source: SourceFile): string {
  return withoutStrings(withoutComments(source.text));
}
