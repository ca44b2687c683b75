/**
 * The kernel contract: the simulation's model, and this machine's kernel in a namespace of its own
 * (without ESP, which it may lack: `test/real/guest/xfrm.guest.ts` runs the same with ESP).
 */

import { expect, test } from "bun:test";
import { patient } from "../patience.ts";
import { createKernel } from "../simulation/kernel.ts";
import { kernelContract } from "./kernel.ts";

kernelContract(
  "model of the simulation",
  async () => ({ perform: createKernel(() => undefined).perform, close: () => {} }),
  { esp: true },
);

const NAMESPACE_MS_MAX = patient(30_000);
const TIMEOUT = `--timeout=${patient(10_000)}`;
const mayUnshare = Bun.spawnSync(["unshare", "-n", "true"]).exitCode === 0;

test.skipIf(!mayUnshare).each([
  ["Linux keeps the contract in a network namespace of its own", "linux-kernel"],
  ["leftover routes are removed among very many others", "many-routes"],
])(
  "%s",
  (_, name) => {
    const suite = `./test/contract/${name}.namespace.ts`;
    const run = Bun.spawnSync(["unshare", "-n", process.execPath, "test", TIMEOUT, suite], {
      cwd: `${import.meta.dir}/../..`,
      timeout: NAMESPACE_MS_MAX,
    });
    expect(run.exitCode, run.stderr.toString()).toBe(0);
  },
  NAMESPACE_MS_MAX,
);
