/** Where tests that need ESP run: on the host if its own kernel has it, otherwise in a guest. */

import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Job, jobScript } from "./job.ts";
import { bootUml, type Guest, type GuestEnd, umlMissing } from "./uml.ts";

/** How a command gets a kernel with ESP here, or why it cannot. */
export type Ground =
  | { readonly kind: "host" }
  | { readonly kind: "uml" }
  | { readonly kind: "none"; readonly why: string };

/** Looks once for a kernel with ESP. */
export async function findGround(): Promise<Ground> {
  if (await hostHasEsp()) return { kind: "host" };
  const missing = umlMissing();
  return missing === undefined ? { kind: "uml" } : { kind: "none", why: missing };
}

/** A command for a kernel with ESP. */
export type GroundCommand = Omit<Job, "work"> & {
  /** Gets what the command writes, soon after it did. */
  readonly onOutput?: (text: string) => void;
};

/** Where one command after the other is run. */
export type Place = {
  /** Runs a command; `collect` may read its WORK folder before that is removed. */
  run<T>(
    command: GroundCommand,
    collect: (work: string) => Promise<T>,
  ): Promise<{ readonly end: GuestEnd; readonly collected: T }>;
  close(): Promise<void>;
};

/** A guest is booted for the first command, and again for the next if one has brought it down. */
export function openPlace(ground: Ground, memoryMib: number): Place {
  if (ground.kind === "none") throw new Error(`no kernel with ESP: ${ground.why}`);
  let guest: Guest | undefined;
  const runJob = async (job: Job) => {
    if (ground.kind === "host") return await runBesideHost(job);
    if (guest?.isUp() !== true) {
      await guest?.halt();
      guest = await bootUml(memoryMib);
    }
    return await guest.run(job);
  };
  return {
    run: async (command, collect) => {
      const work = await mkdtemp(join(tmpdir(), "erouted-guest-"));
      const follower = follow(join(work, "output"), command.onOutput);
      try {
        const end = await runJob({ ...command, work });
        return { end, collected: await collect(work) };
      } finally {
        follower.stop();
        await rm(work, { recursive: true, force: true });
      }
    },
    close: async () => await guest?.halt(),
  };
}

async function runBesideHost(job: Job): Promise<GuestEnd> {
  const started = performance.now();
  const { work } = job;
  await writeFile(join(work, "job"), jobScript(job));
  const unshare = "unshare --net --mount --pid --fork --kill-child --mount-proc bash";
  const child = Bun.spawn([...unshare.split(" "), join(work, "job")], {
    cwd: job.directory,
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/root", LANG: "C.UTF-8" },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
    timeout: job.secondsMax * 1000,
    killSignal: "SIGKILL",
  });
  const status = await child.exited;
  const output = join(work, "output");
  return {
    status,
    output: existsSync(output) ? readFileSync(output, "utf8") : "",
    console: "",
    timedOut: child.signalCode === "SIGKILL",
    seconds: (performance.now() - started) / 1000,
    cpuSeconds: 0,
  };
}

async function hostHasEsp(): Promise<boolean> {
  const state =
    "ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1001 mode tunnel " +
    "aead 'rfc4106(gcm(aes))' 0x0102030405060708090a0b0c0d0e0f1011121314 128";
  const probe = Bun.spawn(["unshare", "--net", "sh", "-c", state], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
    timeout: 10_000,
  });
  return (await probe.exited) === 0;
}

const FOLLOW_EVERY_MS = 100;

/** Passes on what is added to a file, until it is stopped. */
function follow(path: string, onText: ((text: string) => void) | undefined): { stop(): void } {
  if (onText === undefined) return { stop: () => {} };
  let seen = 0;
  const look = () => {
    const text = existsSync(path) ? readFileSync(path, "utf8") : "";
    if (text.length > seen) onText(text.slice(seen));
    seen = text.length;
  };
  const timer = setInterval(look, FOLLOW_EVERY_MS);
  return {
    stop: () => {
      clearInterval(timer);
      look();
    },
  };
}
