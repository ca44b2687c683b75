/**
 * Stored documents of the present version, and the values that they must be read as. If this fails,
 * the format has changed: raise STATE_VERSION, and write new ones with MAKE_GOLDEN=1.
 */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { type Part, part } from "../../../src/concentrator/handover/part.ts";
import { readDocument, STATE_VERSION, writeDocument } from "../../../src/ike/state/document.ts";
import { toHex } from "../../../src/octets/hex.ts";
import { live } from "../../simulation/life.ts";
import { livePair } from "../../simulation/pair/life.ts";

const PLACE = { anchor: { now: 0, wallMs: 1_800_000_000_000 }, generation: 7 };
const MAKE = process.env.MAKE_GOLDEN !== undefined;
const KINDS = [
  "head",
  "site",
  "ike-sas",
  "reach",
  "kernel",
  "end",
] as const satisfies readonly Part["kind"][];

const fileOf = (kind: Part["kind"]) =>
  Bun.file(join(import.meta.dir, "golden", `${STATE_VERSION}-${kind}.json`));

type Golden = { readonly octets: string; readonly reads: unknown };

for (const kind of KINDS) {
  test(`a document "${kind}" of this version reads as it did, and is written so`, async () => {
    if (MAKE) await Bun.write(fileOf(kind), `${JSON.stringify(make(kind), undefined, 1)}\n`);
    const golden: Golden = await fileOf(kind).json();
    const octets = Uint8Array.fromHex(golden.octets);
    const read = readDocument(part, octets, PLACE.anchor);
    if (!read.ok) throw new Error(read.error.detail);
    expect(plain(read.value.value)).toEqual(golden.reads);
    expect(toHex(writeDocument(part, read.value.value, PLACE))).toBe(golden.octets);
  });
}

let parts: readonly Part[] | undefined;

/** Made once for all kinds: it takes long. */
function partsOnce(): readonly Part[] {
  parts ??= partsOfWorlds();
  return parts;
}

/** The longest one from a few worlds. */
function make(kind: Part["kind"]): Golden {
  const known = kind === "reach" ? [REACH] : partsOnce().filter((one) => one.kind === kind);
  const documents = known.map((one) => writeDocument(part, one, PLACE));
  const [octets] = documents.sort((a, b) => b.length - a.length);
  if (octets === undefined) throw new Error(`no world has left a document "${kind}"`);
  const read = readDocument(part, octets, PLACE.anchor);
  if (!read.ok) throw new Error(read.error.detail);
  return { octets: toHex(octets), reads: plain(read.value.value) };
}

const REACH: Part = {
  kind: "reach",
  reach: [{ subnet: { family: 4, value: 0xc0a8_0100n, length: 24 }, keys: ["b", "a"] }],
};

function partsOfWorlds(): readonly Part[] {
  const successions = Array.from({ length: 40 }, (_, at) => [
    live(1 + 3 * at).succession,
    livePair(at + 1).pair.a.succession,
  ]).flat();
  return successions.flatMap((succession) => {
    const { documents = [], place = PLACE } = succession.last() ?? {};
    return documents.map((document) => {
      const read = readDocument(part, document, { ...place.anchor, now: 0 });
      if (!read.ok) throw new Error(read.error.detail);
      return read.value.value;
    });
  });
}

/** As JSON has it: octets and large numbers as text, and of algorithms their numbers alone. */
function plain(value: Part): unknown {
  return JSON.parse(JSON.stringify(value, replacer));
}

function replacer(_: string, value: unknown): unknown {
  if (typeof value === "bigint") return `${value}n`;
  if (value instanceof Uint8Array) return toHex(value);
  if (value instanceof Map) return [...value];
  if (typeof value !== "object" || value === null) return value;
  return "id" in value && typeof value.id === "number" ? { id: value.id } : value;
}
