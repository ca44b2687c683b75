/**
 * A stored ISAKMP SA of the present version, and the value that it must be read as. If this fails,
 * the format has changed: raise STATE_VERSION, and write a new one with MAKE_GOLDEN=1.
 */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { STATE_VERSION } from "../../../src/ike/state/document.ts";
import { readIkeSa, writeIkeSa } from "../../../src/ike/state/written-ike-sa.ts";
import { toHex } from "../../../src/octets/hex.ts";
import { calledWithChild } from "../../simulation/ikev1-end.ts";

const PLACE = { anchor: { now: 0, wallMs: 1_800_000_000_000 }, generation: 7 };
const FILE = Bun.file(join(import.meta.dir, "golden", `${STATE_VERSION}-isakmp-sa.json`));

test("a stored ISAKMP SA reads as it did, and is written so", async () => {
  if (process.env.MAKE_GOLDEN !== undefined) {
    const { end } = calledWithChild();
    const made = end.sa === undefined ? undefined : writeIkeSa(end.sa, PLACE);
    if (made === undefined) throw new Error("an established ISAKMP SA can be written");
    await Bun.write(
      FILE,
      `${JSON.stringify({ octets: toHex(made), reads: plain(made) }, undefined, 1)}\n`,
    );
  }
  const golden: { readonly octets: string; readonly reads: unknown } = await FILE.json();
  const octets = Uint8Array.fromHex(golden.octets);
  expect(plain(octets)).toEqual(golden.reads);
  const read = readIkeSa(octets, PLACE);
  if (!read.ok) throw new Error(read.error.detail);
  expect(toHex(writeIkeSa(read.value, PLACE) ?? new Uint8Array(0))).toBe(golden.octets);
});

/** As JSON has it: octets and large numbers as text, and of algorithms their numbers alone. */
function plain(document: Uint8Array): unknown {
  const read = readIkeSa(document, PLACE);
  if (!read.ok) throw new Error(read.error.detail);
  return JSON.parse(JSON.stringify(read.value, replacer));
}

function replacer(_: string, value: unknown): unknown {
  if (typeof value === "bigint") return `${value}n`;
  if (value instanceof Uint8Array) return toHex(value);
  if (typeof value !== "object" || value === null) return value;
  return "id" in value && typeof value.id === "number" ? { id: value.id } : value;
}
