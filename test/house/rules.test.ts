/** Each rule of the product has at least one test that carries its number in the name. */

import { expect, test } from "bun:test";
import { sourcesIn } from "./source.ts";

/** Rules that hold today; the next number is added together with its code. */
const RULE_LAST = 14;

const tests = sourcesIn("test").filter((source) => /\.(test|guest)\.tsx?$/.test(source.path));

for (let rule = 1; rule <= RULE_LAST; rule++) {
  test(`rule ${rule} of the product is named by a test`, () => {
    const named = new RegExp(`\\b(?:test|it)(?:\\.\\w+)*\\(\\s*["'\`][^"'\`\\n]*\\bR${rule}\\b`);
    expect(tests.some((source) => named.test(source.text))).toBe(true);
  });
}
