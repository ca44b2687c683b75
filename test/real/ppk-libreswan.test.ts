/**
 * PPKs in IKE_INTERMEDIATE with libreswan 5.2, in both roles (RFC 9867). The IKE SA is what counts,
 * so the kernel needs no ESP: `ppk-libreswan.namespace.ts` runs in namespaces of its own.
 */

import { expect, test } from "bun:test";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { patient } from "../patience.ts";
import { openPlace } from "./ground.ts";
import { newerLibreswanMissing } from "./guest/libreswan.ts";

const PROJECT = join(import.meta.dir, "../..");
const MS_MAX = patient(60_000);
const mayUnshare = Bun.spawnSync(["unshare", "-n", "true"]).exitCode === 0;

test.skipIf(!mayUnshare || newerLibreswanMissing() !== undefined)(
  "X-14: libreswan and we agree on a PPK before IKE_AUTH, whoever calls",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "erouted-ppk-"));
    const erouted = join(folder, "erouted");
    const words = ["exec", process.execPath, "--preload", "./test/real/provisional-numbers.ts"];
    await Bun.write(
      erouted,
      `#!/bin/sh\ncd '${PROJECT}' && ${words.join(" ")} ./src/main.ts "$@"\n`,
    );
    await chmod(erouted, 0o755);
    const tests = "./test/real/ppk-libreswan.namespace.ts";
    const timeout = `--timeout=${MS_MAX}`;
    const place = openPlace({ kind: "host" }, 0);
    const { end } = await place.run(
      {
        script: `EROUTED_EXECUTABLE='${erouted}' '${process.execPath}' test ${timeout} ${tests}`,
        directory: PROJECT,
        secondsMax: (2 * MS_MAX) / 1_000,
      },
      async () => undefined,
    );
    await rm(folder, { recursive: true, force: true });
    expect([end.status, end.output]).toEqual([0, expect.stringContaining(" 0 fail")]);
  },
  3 * MS_MAX,
);
