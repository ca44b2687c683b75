/** The documents about the commands follow their declarations; the manual page can be read. */

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { CLI_FILE, cliReference, MANUAL_FILE, manualPage } from "../../../build/cli-reference.ts";
import { flattened } from "../../../src/cli/command-tree.ts";
import { declaredCommands } from "../../../src/cli/program.ts";
import { EXIT, EXIT_MEANINGS } from "../../../src/cli/terminal.ts";

test("docs/cli.md and docs/erouted.8 are as `make docs` writes them", () => {
  expect(readFileSync(CLI_FILE, "utf8")).toBe(cliReference());
  expect(readFileSync(MANUAL_FILE, "utf8")).toBe(manualPage());
});

test("every exit code has its meaning, once", () => {
  const codes = EXIT_MEANINGS.map(([code]) => code);
  expect(codes).toEqual(Object.values(EXIT));
});

test("every command, argument and option says what it is for", () => {
  const without = flattened(declaredCommands()).flatMap((info) => {
    const parts = [info, ...info.arguments, ...info.options];
    return parts.some(({ description }) => description === "") ? [info.words.join(" ")] : [];
  });
  expect(without).toEqual([]);
});

test.skipIf(Bun.which("groff") === null)("groff reads the manual page without a warning", () => {
  // Plain text: neither colours nor overstruck letters.
  const plain = ["-P-c", "-P-b", "-P-u"];
  const groff = ["groff", "-ww", "-man", "-Tutf8", ...plain, MANUAL_FILE];
  const formatted = Bun.spawnSync(groff);
  expect([formatted.exitCode, formatted.stderr.toString()]).toEqual([0, ""]);
  const text = formatted.stdout.toString();
  const leaves = flattened(declaredCommands()).filter(({ commands }) => commands.length === 0);
  const names = leaves.map(({ words }) => ["erouted", ...words].join(" "));
  const wanted = [...names, "--with-passwords"];
  expect(wanted.filter((name) => !text.includes(name))).toEqual([]);
});
