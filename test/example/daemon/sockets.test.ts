/** Runs the tests of the IKE sockets where addresses may come and go: in a network namespace. */

import { expect, test } from "bun:test";
import { patient } from "../../patience.ts";

const NAMESPACE_MS_MAX = patient(60_000);
const mayUnshare = Bun.spawnSync(["unshare", "-n", "true"]).exitCode === 0;

test.skipIf(!mayUnshare)(
  "IKE sockets come and go with the addresses of this host",
  () => {
    const suite = "./test/example/daemon/sockets.namespace.ts";
    const run = Bun.spawnSync(["unshare", "-n", process.execPath, "test", suite], {
      cwd: `${import.meta.dir}/../../..`,
      timeout: NAMESPACE_MS_MAX,
    });
    expect(run.exitCode, run.stderr.toString()).toBe(0);
  },
  NAMESPACE_MS_MAX,
);
