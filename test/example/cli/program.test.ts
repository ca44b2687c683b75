/** The command line: help, mistakes, exit codes. */

import { expect, test } from "bun:test";
import packageJson from "../../../package.json";
import { flattened } from "../../../src/cli/command-tree.ts";
import { declaredCommands, runCli } from "../../../src/cli/program.ts";
import { runWith } from "./terminal.ts";

test("--version prints the version of package.json", async () => {
  expect(await runWith(["--version"])).toEqual({ code: 0, out: packageJson.version, err: "" });
});

test("--help of each command says what it does, and its exit codes", async () => {
  const commands = [
    [],
    ["run"],
    ["check"],
    ["status"],
    ["peers"],
    ["peers", "init"],
    ["peers", "add"],
    ["peers", "list"],
    ["peers", "remove"],
  ];
  for (const command of commands) {
    const { code, out, err } = await runWith([...command, "--help"]);
    expect([command, code, err]).toEqual([command, 0, ""]);
    expect(out).toContain(["Usage: erouted", ...command].join(" "));
    expect(out).toContain("Exit codes: 0 ok, 1 failed, 2 wrong usage, 78 faults in the config");
  }
});

test("no help is wider than a terminal of 80 columns", async () => {
  const all = flattened(declaredCommands()).map(({ words }) => words);
  for (const words of all) {
    const { out } = await runWith([...words, "--help"]);
    const wide = out.split("\n").filter((line) => line.length > 80);
    expect([words, wide]).toEqual([words, []]);
  }
});

test("the default configuration file is named in the help", async () => {
  expect((await runWith(["run", "--help"])).out).toContain("/etc/erouted/erouted.toml");
});

test("no command at all is wrong usage, answered with the help", async () => {
  const { code, err } = await runWith([]);
  expect(code).toBe(2);
  expect(err).toContain("Usage: erouted");
});

test("an unknown command or option is refused with the nearest right one", async () => {
  const cases = [
    { args: ["chekc"], says: "Did you mean check?" },
    { args: ["peers", "lst"], says: "Did you mean list?" },
    { args: ["run", "--confg", "x"], says: "Did you mean --config?" },
    { args: ["status", "--jsno"], says: "Did you mean --json?" },
    { args: ["peers", "add", "--peerdi", "x"], says: "Did you mean --peerid?" },
    { args: ["peers", "add", "--peerid", "x", "--bakpeer", "y"], says: "--bakpeerip" },
  ];
  for (const { args, says } of cases) {
    const { code, out, err } = await runWith(args);
    expect([args, code, out]).toEqual([args, 2, ""]);
    expect(err).toContain(says);
  }
});

test("too many arguments, and missing ones, are wrong usage", async () => {
  for (const args of [
    ["run", "extra"],
    ["check", "--config"],
    ["peers", "remove"],
    ["peers", "remove", "a", "b"],
    ["peers", "add", "--generate"],
    ["peers"],
  ]) {
    const { code, out, err } = await runWith(args);
    expect([args, code, out]).toEqual([args, 2, ""]);
    expect(err).not.toBe("");
  }
});

test("a key on the command line is refused, with the reason", async () => {
  const { code, err } = await runWith(["peers", "add", "--peerid", "x", "--password", "s3cret"]);
  expect(code).toBe(2);
  expect(err).toContain("process list");
  expect(err).not.toContain("s3cret");
});

test("a key has to come from one place", async () => {
  const sources = ["--generate", "--password-stdin"];
  const { code, err } = await runWith(["peers", "add", "--peerid", "x", ...sources]);
  expect(code).toBe(2);
  expect(err).toContain("--password-file FILE, --password-stdin, --generate");
});

test("a command that throws ends with 1 and one line", async () => {
  const terminal = {
    out: () => {
      throw new Error("no space left");
    },
    err: (line: string) => lines.push(line),
    columns: undefined,
    stdin: () => Promise.resolve(new Uint8Array()),
  };
  const lines: string[] = [];
  expect(await runCli(["--version"], terminal)).toBe(1);
  expect(lines).toEqual(["erouted: no space left"]);
});

test("help as a command is the help, also on a command", async () => {
  const help = await runWith(["help"]);
  expect(help).toEqual(await runWith(["--help"]));
  expect(help.code).toBe(0);
  expect(await runWith(["help", "run"])).toEqual(await runWith(["run", "--help"]));
  expect(await runWith(["peers", "help", "add"])).toEqual(
    await runWith(["peers", "add", "--help"]),
  );
});
