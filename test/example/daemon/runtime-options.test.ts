/** A daemon starts itself again with the runtime's options, once, and as the same process. */

import { expect, test } from "bun:test";
import { openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { RUNTIME_OPTIONS } from "../../../src/daemon/runtime-options.ts";

const FTL = "BUN_JSC_thresholdForFTLOptimizeAfterWarmUp";

test("it has the options, and what it starts does not get them", async () => {
  const { report, pid, errors } = await run({});
  expect(report.pid).toBe(pid);
  expect(report.started).toContainEqual(expect.stringMatching(new RegExp(`^${FTL}=\\d+$`)));
  expect(report.left).toEqual([]);
  // Bun complains here about options that it does not know.
  expect(errors).toBe("");
});

test("all descriptors that were passed to it stay open", async () => {
  expect((await run({})).report.descriptors).toEqual(PASSED);
});

test("an option that somebody has set is left as it is", async () => {
  const { report } = await run({ [FTL]: "7777777" });
  expect(report.started).toContain(`${FTL}=7777777`);
});

test("a process that was started with all of them stays as it is", async () => {
  const { report } = await run({ ...RUNTIME_OPTIONS });
  const words = Object.entries(RUNTIME_OPTIONS).map(([name, value]) => `${name}=${value}`);
  expect(report.started.toSorted()).toEqual(words.toSorted());
  expect(report.left).toEqual([]);
});

test.each(["packaging/erouted.service", "packaging/openwrt/erouted.init", "image/init"])(
  "%s sets them, so that erouted starts only once",
  (name) => {
    const text = readFileSync(join(import.meta.dir, "../../../build", name), "utf8");
    for (const [option, value] of Object.entries(RUNTIME_OPTIONS)) {
      expect(text).toContain(`${option}=${value}`);
    }
  },
);

test("it is not started again without end", async () => {
  const { report } = await run({ EROUTED_RUNTIME: "1" });
  expect(report).toMatchObject({ started: ["EROUTED_RUNTIME=1"], left: [] });
});

/** What is passed: this file, three times. */
const PASSED = [import.meta.path, import.meta.path, import.meta.path];

async function run(env: Readonly<Record<string, string>>) {
  const program = join(import.meta.dir, "runtime-options-process.ts");
  // As a service manager starts a service (man 3 sd_listen_fds).
  const script = `LISTEN_PID=$$ exec "$@"`;
  const child = Bun.spawn(["sh", "-c", script, "sh", process.execPath, program], {
    env: { PATH: process.env.PATH ?? "", LISTEN_FDS: String(PASSED.length), ...env },
    stdio: ["ignore", "pipe", "pipe", ...PASSED.map((path) => openSync(path, "r"))],
  });
  const [text, errors] = await Promise.all([child.stdout, child.stderr].map(textOf));
  expect(await child.exited).toBe(0);
  return { report: JSON.parse(text ?? ""), errors, pid: child.pid };
}

async function textOf(stream: ReadableStream): Promise<string> {
  return await new Response(stream).text();
}
