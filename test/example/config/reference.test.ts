/** The documents about the configuration follow the schema. */

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { parse } from "smol-toml";
import { REFERENCE_FILE, reference, sections } from "../../../build/reference.ts";
import { config, FLEET, warned } from "./read.ts";

const EXAMPLE = readFileSync(
  new URL("../../../docs/erouted.example.toml", import.meta.url),
  "utf8",
);

const USER = `
[[user]]
name = "lab-gw"
password_file = "/etc/erouted/lab.secret"
[[eroute]]
name = "lab"
peerid = "lab-gw"
local_subnet = "10.0.0.0/16"
remote_subnet = "172.20.0.0/24"
`;

test("docs/configuration.md is as build/reference.ts writes it (`make docs`)", () => {
  expect(readFileSync(REFERENCE_FILE, "utf8")).toBe(reference());
});

test("every key says what it is for and what is expected, in one line each", () => {
  for (const { name, keys } of sections()) {
    for (const [key, { description, expected }] of keys) {
      expect([name, key, description]).toEqual([name, key, expect.stringMatching(/^[A-Z1].*\.$/)]);
      expect([name, key, expected.length > 5]).toEqual([name, key, true]);
    }
  }
});

test("every key of a section is in the example, at least as a comment", () => {
  const missing: string[] = [];
  for (const { name, keys } of sections()) {
    // Columns are shown by a few of them.
    if (name.includes(".")) continue;
    const parts = EXAMPLE.split(/^(?=\[)/m).filter((part) => part.match(/^\[+(\w+)/)?.[1] === name);
    for (const [key] of keys) {
      const isThere = parts.some((part) => new RegExp(`^(# )?${key} = `, "m").test(part));
      if (!isThere) missing.push(`${name}.${key}`);
    }
  }
  expect(missing).toEqual([]);
});

test("a default in the reference is the value without the key", () => {
  const without = config(FLEET + USER);
  let compared = 0;
  for (const { name, title, keys } of sections()) {
    for (const [key, meta] of keys) {
      const line = `${key} = ${meta.default}`;
      if (meta.default === undefined || name.includes(".") || !isToml(line)) continue;
      const hasOwn = title.startsWith("[[");
      const text = hasOwn
        ? (FLEET + USER).replace(`${title}\n`, `${title}\n${line}\n`)
        : `${title}\n${line}\n${FLEET}${USER}`;
      // The connection stays on this machine, so no certificate is needed.
      if (key === "tls") continue;
      const { sources, warnings } = config(text);
      expect([line, config(text)]).toEqual([line, { ...without, sources, warnings }]);
      compared++;
    }
  }
  expect(compared).toBeGreaterThan(30);
  expect(warned(FLEET)).toEqual([]);
});

function isToml(line: string): boolean {
  try {
    parse(line);
    return true;
  } catch {
    return false;
  }
}
