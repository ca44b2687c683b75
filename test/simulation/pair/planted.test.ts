/** Faults planted in a copy of the sources: a simulation that does not find them proves nothing. */

import { afterAll, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { patient } from "../../patience.ts";

const PROJECT = join(import.meta.dir, "../../..");

/** Worlds in which each of them must be found. */
const SEEDS = 600;
const MS_MAX = patient(60_000);

type Fault = {
  readonly file: string;
  readonly right: string;
  readonly wrong: string;
  /** The test that finds it; without one, the seeds do. */
  readonly foundBy?: string;
};

const FAULTS: Readonly<Record<string, Fault>> = {
  "of two rekeys at once each end takes its own for redundant": {
    file: "src/ike/v2/collision.ts",
    right: "return compareOctets(ours, rivals) < 0;",
    wrong: "return true || compareOctets(ours, rivals) < 0;",
  },
  "a Child SA that was rekeyed is never deleted": {
    file: "src/ike/v2/create-child-sa-request.ts",
    right: "effects: [down, note, ...counted] };",
    wrong: "effects: [note, ...counted] };",
  },
  "a repeated request is not answered again": {
    file: "src/ike/v2/known-peer-message.ts",
    right: "if (header.messageId === inbound.nextId - 1 &&",
    wrong: "if (header.messageId === inbound.nextId - 2 &&",
  },
  "a request is repeated once only": {
    file: "src/ike/v2/request.ts",
    right: "if (attempts >= enough) return undefined;",
    wrong: "if (attempts >= 2) return undefined;",
  },
  "what was on its way before a rekey is not taken any more": {
    file: "src/concentrator/dataplane/draining.ts",
    right: "const DRAIN_MS = 5_000;",
    wrong: "const DRAIN_MS = 0;",
  },
  "calls of both ends: each keeps the one that came last": {
    file: "src/concentrator/sites/uniqueness.ts",
    right: "return a.stand.id.spiI > b.stand.id.spiI;",
    wrong: "return false;",
    // In most worlds an end calls again before all is settled.
    foundBy: "pair.test.ts",
  },
  "the Delete of what a site had before does not wait for the answer to its call": {
    file: "src/concentrator/sites/uniqueness.ts",
    right: 'return isAnew ? { kind: "redundant", why }',
    wrong: 'return !isAnew ? { kind: "redundant", why }',
    foundBy: "renewal.test.ts",
  },
  "a NAT that rebinds is not followed": {
    file: "src/ike/v2/mobike.ts",
    right: 'return { sa: { ...sa, path }, effects: [{ kind: "moved" }] };\n}\n\n/** The kernel',
    wrong: "return { sa: { ...sa, path }, effects: [] };\n}\n\n/** The kernel",
  },
};

const folder = mkdtempSync(join(tmpdir(), "erouted-planted-"));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

for (const [name, fault] of Object.entries(FAULTS)) {
  test(
    `planted: ${name}`,
    async () => {
      const copy = join(folder, name.replaceAll(/[^a-z]+/g, "-"));
      cpSync(join(PROJECT, "src"), join(copy, "src"), { recursive: true });
      cpSync(join(PROJECT, "test/simulation"), join(copy, "test/simulation"), { recursive: true });
      cpSync(join(PROJECT, "package.json"), join(copy, "package.json"));
      symlinkSync(join(PROJECT, "node_modules"), join(copy, "node_modules"));
      const path = join(copy, fault.file);
      const text = readFileSync(path, "utf8");
      expect(text).toContain(fault.right);
      writeFileSync(path, text.replace(fault.right, fault.wrong));
      expect(await findings(copy, fault.foundBy)).toMatch(/complaints|^\(fail\)/m);
    },
    MS_MAX,
  );
}

/** What the seeds say of a copy, or a test. */
async function findings(copy: string, foundBy: string | undefined): Promise<string> {
  const here = "./test/simulation/pair";
  const words =
    foundBy === undefined
      ? [`${here}/seeds-worker.ts`, "1", String(SEEDS)]
      : ["test", `${here}/${foundBy}`];
  const stdio = { stdin: "ignore", stdout: "pipe", stderr: "pipe" } as const;
  const worker = Bun.spawn([process.execPath, ...words], { cwd: copy, ...stdio });
  const [out, said] = await Promise.all([
    new Response(worker.stdout).text(),
    new Response(worker.stderr).text(),
  ]);
  await worker.exited;
  // bun's test runner writes to standard error; so do worlds that print their whole log.
  return foundBy === undefined ? out : said;
}
