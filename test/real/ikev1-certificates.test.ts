/**
 * strongSwan and libreswan call with IKEv1, RSA certificates and fragments. The ISAKMP SA is what
 * counts, so the kernel needs no ESP: `ikev1-certificates.namespace.ts` runs in namespaces of its
 * own.
 */

import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { patient } from "../patience.ts";
import { openPlace } from "./ground.ts";

const PROJECT = join(import.meta.dir, "../..");
const MS_MAX = patient(60_000);
const mayUnshare = Bun.spawnSync(["unshare", "-n", "true"]).exitCode === 0;
const hasStrongSwan = existsSync("/usr/sbin/charon-systemd");

test.skipIf(!mayUnshare || !hasStrongSwan)(
  "IKEv1: strongSwan and libreswan in Main Mode with certificates, in fragments",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "erouted-ikev1-"));
    const erouted = join(folder, "erouted");
    const run = `exec '${process.execPath}' ./src/main.ts "$@"`;
    await Bun.write(erouted, `#!/bin/sh\ncd '${PROJECT}' && ${run}\n`);
    await chmod(erouted, 0o755);
    const tests = "./test/real/ikev1-certificates.namespace.ts";
    const place = openPlace({ kind: "host" }, 0);
    const timeout = `--timeout=${MS_MAX}`;
    const { end } = await place.run(
      {
        script: `EROUTED_EXECUTABLE='${erouted}' '${process.execPath}' test ${timeout} ${tests}`,
        directory: PROJECT,
        secondsMax: (3 * MS_MAX) / 1_000,
      },
      async () => undefined,
    );
    await rm(folder, { recursive: true, force: true });
    expect([end.status, end.output]).toEqual([0, expect.stringContaining(" 0 fail")]);
  },
  4 * MS_MAX,
);
