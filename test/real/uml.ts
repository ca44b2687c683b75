/** Boots a Linux kernel that has ESP as a process (user-mode-linux), to run one command in it. */

import { existsSync } from "node:fs";
import { readFile, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How a command in a guest ended; `status` undefined: the guest did not get so far. */
export type GuestEnd = {
  readonly status: number | undefined;
  /** What the command wrote. */
  readonly output: string;
  /** What the guest's kernel wrote. */
  readonly console: string;
  readonly timedOut: boolean;
  readonly seconds: number;
};

export type GuestCommand = {
  /** For bash, as root, in `directory`; `$WORK` is a folder that host and guest see. */
  readonly script: string;
  readonly directory: string;
  readonly memoryMib: number;
  readonly secondsMax: number;
  /** Gets what the command writes, soon after it did. */
  readonly onOutput?: (text: string) => void;
};

const UML = "/usr/bin/linux.uml";
const UML_MODULES = "/usr/lib/uml/modules";
const INIT = join(import.meta.dir, "guest/init.sh");

const MODULES = [
  "xfrm_user esp4 esp6 xfrm4_tunnel xfrm6_tunnel tunnel4 tunnel6 udp_tunnel ip6_udp_tunnel ipv6",
  "authenc authencesn gcm seqiv echainiv cbc ctr ccm cmac xcbc hmac ghash_generic",
  "sha512_generic chacha20poly1305 des_generic",
  "veth bridge tun sch_netem iptable_nat iptable_filter xt_MASQUERADE xt_tcpudp",
].join(" ");

/** Why no guest can be booted here, in words; undefined if one can. */
export function umlMissing(): string | undefined {
  for (const path of [UML, UML_MODULES, "/sbin/modprobe"]) {
    if (!existsSync(path)) return `${path} is missing (Debian packages user-mode-linux and kmod)`;
  }
  return undefined;
}

/** Boots, runs the script, halts. The folder `work` has to exist; it is WORK inside. */
export async function runInUml(work: string, command: GuestCommand): Promise<GuestEnd> {
  await writeFile(join(work, "command"), `export WORK=${work}\n${command.script}\n`);
  await writeFile(join(work, "directory"), command.directory);
  await writeFile(join(work, "modules"), MODULES);
  const started = performance.now();
  const guest = Bun.spawn([UML, ...kernelArguments(work, command)], {
    stdin: "ignore",
    stdout: Bun.file(join(work, "console")),
    stderr: Bun.file(join(work, "console.err")),
    env: {
      PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
      HOME: work,
      TMPDIR: await memoryFolder(command.memoryMib),
    },
    detached: true, // a process group of its own: the kernel is many processes, all must end
  });
  const endGroup = () => killGroup(guest.pid);
  process.once("exit", endGroup);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    endGroup();
  }, command.secondsMax * 1000);
  await guest.exited;
  clearTimeout(timer);
  endGroup();
  process.removeListener("exit", endGroup);
  const status = await text(join(work, "status"));
  return {
    status: status.trim() === "" ? undefined : Number(status),
    output: await text(join(work, "output")),
    console: (await text(join(work, "console"))) + (await text(join(work, "console.err"))),
    timedOut,
    seconds: (performance.now() - started) / 1000,
  };
}

/** Where the guest's memory becomes a file: on a tmpfs that is big enough and lets map code. */
async function memoryFolder(memoryMib: number): Promise<string> {
  const mounts = await text("/proc/mounts");
  const options = / \/dev\/shm tmpfs (\S+)/.exec(mounts)?.[1];
  if (options === undefined || options.split(",").includes("noexec")) return tmpdir();
  const space = await statfs("/dev/shm");
  const freeMib = (space.bavail * space.bsize) / 1024 / 1024;
  return freeMib > 2 * memoryMib ? "/dev/shm" : tmpdir();
}

function kernelArguments(work: string, command: GuestCommand): string[] {
  return [
    `mem=${command.memoryMib}M`,
    `umid=${work.slice(-6)}`,
    "rootfstype=hostfs",
    "rootflags=/",
    "rw",
    `init=${INIT}`,
    "con=null",
    "con0=null,fd:1",
    "quiet",
    "selinux=0",
    "random.trust_cpu=1", // else the first user of random numbers waits
    "--",
    work,
  ];
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // gone already: that is what was wanted
  }
}

async function text(path: string): Promise<string> {
  return existsSync(path) ? await readFile(path, "utf8") : "";
}
