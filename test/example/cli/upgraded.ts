/** A daemon that runs from a copy of the built executable, for tests of `erouted upgrade`. */

import { chmodSync, copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { freeUdpPorts } from "../../free-port.ts";
import { patient } from "../../patience.ts";
import { createFolder, type Folder, IKE_PORT, NAT_PORT } from "./folder.ts";

export const BUILT = process.env.EROUTED_EXECUTABLE ?? "";
export const hasExecutable = existsSync(BUILT);

const ends: (() => void)[] = [];

/** After each test. */
export function endDaemons(): void {
  for (const end of ends.splice(0).reverse()) end();
}

/** A folder with a copy of the executable, and the daemon that runs from it. */
export async function startDaemon() {
  const port = await freeUdpPorts();
  const folder = createFolder(
    [String(IKE_PORT), String(port)],
    [`nat_port = ${NAT_PORT}`, `nat_port = ${port + 1}`],
    ['"127.0.0.1:18080"', '"off"'],
  );
  const executable = folder.path("erouted");
  copyFileSync(BUILT, executable);
  chmodSync(executable, 0o755);
  const daemon = Bun.spawn([executable, "run", "--config", folder.config], {
    env: { ...process.env, RUNTIME_DIRECTORY: folder.path(""), NOTIFY_SOCKET: "" },
    stdio: ["ignore", Bun.file(folder.path("log")), "inherit"],
  });
  ends.push(
    folder.dispose,
    () => endAll(folder),
    () => daemon.kill("SIGKILL"),
  );
  await until("it is ready", () => existsSync(folder.path("run.json")));
  return { folder, executable, daemon };
}

/** Processes that outlive a failed test. */
function endAll(folder: Folder): void {
  for (const name of ["run.json", "holder.json"]) {
    if (!existsSync(folder.path(name))) continue;
    const found = [JSON.parse(readFileSync(folder.path(name), "utf8"))].flat();
    for (const { pid, began } of found) {
      const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, "utf8") : "";
      if (stat.includes(` ${began} `)) process.kill(pid, "SIGKILL");
    }
  }
}

export async function upgrade(folder: Folder, file: string) {
  const child = Bun.spawn(upgradeCommand(folder, file), { stdio: ["ignore", "pipe", "pipe"] });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, out, err };
}

export function upgradeCommand(folder: Folder, file: string): string[] {
  return [BUILT, "upgrade", file, "--folder", folder.path("")];
}

export const recordOf = (folder: Folder) =>
  JSON.parse(readFileSync(folder.path("run.json"), "utf8"));

/** A program that claims to be a later erouted; `run` is what it does instead. */
export function writeProgram(folder: Folder, run: string, check = "true"): string {
  const text = `#!/bin/sh
case $1 in --version) echo 99.0.0;; check) ${check};; *) ${run};; esac
`;
  const file = folder.path("next");
  writeFileSync(file, text, { mode: 0o755 });
  return file;
}

export async function until(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + patient(15_000);
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not in time: ${what}`);
    await Bun.sleep(20);
  }
}
