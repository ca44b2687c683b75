/** A systemd of its own, for installing packages and running services; the machine is untouched. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { patient } from "../patience.ts";
import { until } from "./guest/hosts.ts";

export type Answer = { readonly code: number; readonly out: string; readonly err: string };

export type Systemd = {
  /** Runs a shell command inside, as root. */
  run(command: string): Answer;
  /** Puts a file there. */
  write(path: string, content: string | Uint8Array): void;
  stop(): Promise<void>;
};

const START_MS_MAX = patient(60_000);

/** It has booted; none of this machine's services runs in it. */
export async function startSystemd(): Promise<Systemd> {
  const folder = mkdtempSync(join(tmpdir(), "erouted-systemd-"));
  const script = join(import.meta.dir, "systemd-init.sh");
  const unshare = Bun.spawn(["bash", script, folder], {
    ...{ stdin: "ignore", stdout: "ignore", stderr: "inherit" },
  });
  const enter = () => ["nsenter", "--target", initOf(unshare.pid), "--all", "--root", "--wdns=/"];
  const run = (command: string): Answer => {
    const child = Bun.spawnSync([...enter(), "bash", "-c", command], { env: ENVIRONMENT });
    return { code: child.exitCode, out: child.stdout.toString(), err: child.stderr.toString() };
  };
  const stop = async () => {
    unshare.kill("SIGKILL");
    await unshare.exited;
    const isEmpty = async () =>
      cgroupsOf(basename(folder)).every((group) => Bun.spawnSync(["rmdir", group]).success);
    await until("its processes are gone", isEmpty);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const isUp = async () => /^(running|degraded)/.test(run("systemctl is-system-running").out);
    await until("systemd has booted", isUp, START_MS_MAX);
  } catch (error) {
    await stop();
    throw error;
  }
  const write = (path: string, content: string | Uint8Array) => {
    const child = Bun.spawnSync([...enter(), "tee", path], { stdin: new Blob([content]) });
    if (!child.success) throw new Error(`${path}: ${child.stderr}`);
  };
  return { run, write, stop };
}

const ENVIRONMENT = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  DEBIAN_FRONTEND: "noninteractive",
  SYSTEMD_PAGER: "",
};

/** The only child of `unshare`; nothing to enter yet is a process that does not exist. */
function initOf(unsharePid: number): string {
  const children = readFileSync(`/proc/${unsharePid}/task/${unsharePid}/children`, "utf8");
  return children.trim() === "" ? "0" : children.trim();
}

/** The control groups that it made, the innermost first. */
function cgroupsOf(name: string): readonly string[] {
  const found = Bun.spawnSync(["findmnt", "-n", "-o", "TARGET", "-t", "cgroup2"]);
  const top = join(found.stdout.toString().split("\n")[0] ?? "", name);
  const all = readdirSync(top, { recursive: true, withFileTypes: true });
  const folders = all.filter((entry) => entry.isDirectory());
  const paths = folders.map(({ parentPath, name: own }) => join(parentPath, own));
  return [top, ...paths].sort((a, b) => b.length - a.length);
}
