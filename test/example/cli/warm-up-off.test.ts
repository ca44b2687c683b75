/**
 * `ike.warm_up`: a daemon warms up although messages of connected sites come all the time; with
 * false it leaves the processor alone.
 */

import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { freeUdpPorts } from "../../free-port.ts";
import { patient } from "../../patience.ts";
import { createFolder, IKE_PORT, NAT_PORT } from "./folder.ts";
import { BUILT, hasExecutable } from "./upgraded.ts";

const TEST_MS_MAX = patient(120_000);
/** The warm-up takes up to 3 s of the processor; a start that is over takes next to nothing. */
const WARM_UP_MS = 500;

/** As from a site whose IKE SA another process had: INFORMATIONAL, encrypted. */
const PROBE = new Uint8Array(80).fill(7);
PROBE.set([0x2e, 0x20, 0x25, 0x08, 0, 0, 0, 1, 0, 0, 0, PROBE.length], 16);

test.skipIf(!hasExecutable)(
  "one warms up after its start, whatever connected sites send, and the other one does not",
  async () => {
    const [on, off] = [await startIdle(true), await startIdle(false)];
    const site = await Bun.udpSocket({ hostname: "127.0.0.1" });
    const sends = setInterval(() => {
      for (const { port } of [on, off]) site.send(PROBE, port, "127.0.0.1");
    }, 20);
    try {
      const end = performance.now() + TEST_MS_MAX;
      while (on.spentMs() < WARM_UP_MS) {
        if (performance.now() > end) throw new Error(`only ${on.spentMs()} ms of warm-up`);
        await Bun.sleep(100);
      }
      expect(off.spentMs()).toBeLessThan(WARM_UP_MS / 2);
    } finally {
      clearInterval(sends);
      site.close();
      for (const daemon of [on, off]) await daemon.stop();
    }
  },
  TEST_MS_MAX,
);

/** `spentMs` is the processor's time since it became ready. */
async function startIdle(warmsUp: boolean) {
  const port = await freeUdpPorts();
  const folder = createFolder(
    [`port = ${IKE_PORT}`, `port = ${port}\nwarm_up = ${warmsUp}`],
    [`nat_port = ${NAT_PORT}`, `nat_port = ${port + 1}`],
    ['"127.0.0.1:18080"', '"off"'],
  );
  const daemon = Bun.spawn([BUILT, "run", "--config", folder.config], {
    env: { ...process.env, RUNTIME_DIRECTORY: folder.path(""), NOTIFY_SOCKET: "" },
    stdio: ["ignore", Bun.file(folder.path("log")), "inherit"],
  });
  while (!existsSync(folder.path("run.json"))) {
    if (daemon.exitCode !== null) throw new Error(readFileSync(folder.path("log"), "utf8"));
    await Bun.sleep(20);
  }
  const ready = cpuMs(daemon.pid);
  return {
    port,
    spentMs: () => cpuMs(daemon.pid) - ready,
    async stop() {
      daemon.kill("SIGTERM");
      await daemon.exited;
      folder.dispose();
    },
  };
}

/** Of all its threads, in user and kernel mode; the kernel counts in hundredths of a second. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return 10 * (Number(fields[11]) + Number(fields[12]));
}
