/** `make demo`, as a newcomer sees it: it plays to its end and shows what it promises. */

import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { patient } from "../patience.ts";
import { findGround } from "./ground.ts";

const PROJECT = join(import.meta.dir, "../..");
const BUILT = join(PROJECT, "build/out/erouted");
const DEMO_MS_MAX = patient(400_000);

const ground = await findGround();
const missing = ground.kind === "none" ? ground.why : existsSync(BUILT) ? undefined : "not built";
const canPlay = missing === undefined || process.env.CI !== undefined;

test.skipIf(!canPlay)(
  `make demo: three sites connect, one does not, and why${canPlay ? "" : `: ${missing}`}`,
  async () => {
    const demo = Bun.spawn([process.execPath, "build/demo.ts"], {
      ...{ cwd: PROJECT, stdin: "ignore", stdout: "pipe", stderr: "pipe" },
    });
    const [shown, complaints] = await Promise.all([
      new Response(demo.stdout).text(),
      new Response(demo.stderr).text(),
    ]);
    const status = await demo.exited;
    if (status !== 0) console.error(shown);
    expect({ status, complaints }).toEqual({ status: 0, complaints: "" });
    expect(shown).toContain("site-4 is not connected: wrong pre-shared key");
  },
  DEMO_MS_MAX,
);
