/** The router image on an empty disk, operated at its console as docs/image.md says. */

import { join } from "node:path";
import { patient } from "../patience.ts";
import { until } from "./guest/hosts.ts";
import { documentedMachine } from "./router.ts";

export type Console = {
  /** Waits until it shows a text, from the end of the last wait on. */
  shows(text: string): Promise<void>;
  /** Runs a command in its shell; returns the output. */
  run(command: string): Promise<string>;
  /** Only types it: it may be the last command. */
  type(command: string): void;
  /** Everything so far. */
  all(): string;
  readonly exited: Promise<number>;
  stop(): Promise<void>;
};

const SHOWN_MS_MAX = patient(120_000);

/** Boots the image in build/out/image, with an empty disk. */
export async function startConsole(folder: string): Promise<Console> {
  const disk = join(folder, "empty.ext4");
  Bun.spawnSync(["truncate", "-s", "640M", disk]);
  const cables = "-netdev user,id=n -device virtio-net-pci,netdev=n";
  const machine = documentedMachine(cables).replace("file=data.ext4", `file=${disk}`);
  const qemu = Bun.spawn(["sh", "-c", `exec ${machine}`], {
    ...{ cwd: "build/out/image", stdin: "pipe", stdout: "pipe", stderr: "inherit" },
  });
  let all = "";
  let seen = 0;
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const octets of qemu.stdout) all += decoder.decode(octets, { stream: true });
  })();
  const shows = async (text: string) => {
    const isThere = async () => all.indexOf(text, seen) >= 0;
    await until(`the console shows ${text}`, isThere, SHOWN_MS_MAX).catch((cause) => {
      throw new Error(all, { cause });
    });
    seen = all.indexOf(text, seen) + text.length;
  };
  const type = (command: string) => {
    qemu.stdin.write(`${command}\n`);
    qemu.stdin.flush();
  };
  let commands = 0;
  const run = async (command: string) => {
    const number = ++commands;
    const from = seen;
    // The console echoes the command: there the word is in two pieces.
    type(`${command}; echo end"-of-${number}"`);
    await shows(`end-of-${number}`);
    return all.slice(from, seen);
  };
  const stop = async () => {
    qemu.kill("SIGKILL");
    await qemu.exited;
    await reading;
  };
  return { shows, run, type, all: () => all, exited: qemu.exited, stop };
}
