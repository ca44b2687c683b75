/** Boots a Linux kernel that has ESP as a process (user-mode-linux), to run commands in it. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rename, rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Job, jobScript } from "./job.ts";

/** How a command in a guest ended; `status` undefined: the guest did not get that far. */
export type GuestEnd = {
  readonly status: number | undefined;
  /** What the command wrote. */
  readonly output: string;
  /** What the guest's kernel wrote. */
  readonly console: string;
  readonly timedOut: boolean;
  readonly seconds: number;
  /** Processor time of the guest's kernel and all its processes; 0 if it is not known. */
  readonly cpuSeconds: number;
};

const PROJECT = join(import.meta.dir, "../..");
/** Debian 12's kernel takes five times as long: build/prepare.sh gets a newer one. */
const NEWER = "build/out/uml";
const newerLibraries = `${NEWER}/usr/lib/x86_64-linux-gnu`;
const UML = existsSync(join(PROJECT, NEWER, "linux"))
  ? {
      command: ["env", `LD_LIBRARY_PATH=${newerLibraries}`, `${NEWER}/linux`],
      path: join(PROJECT, NEWER, "linux"),
      modules: join(PROJECT, NEWER, "usr/lib/uml/modules"),
    }
  : {
      command: ["/usr/bin/linux.uml"],
      path: "/usr/bin/linux.uml",
      modules: "/usr/lib/uml/modules",
    };
const INIT = join(import.meta.dir, "guest/init.sh");

const MODULES = [
  "xfrm_user esp4 esp6 xfrm4_tunnel xfrm6_tunnel tunnel4 tunnel6 udp_tunnel ip6_udp_tunnel ipv6",
  "authenc authencesn gcm seqiv echainiv cbc ctr ccm cmac xcbc hmac ghash_generic",
  "sha512_generic chacha20poly1305 des_generic",
  "veth bridge tun sch_netem sch_ingress cls_flower cls_basic em_meta em_cmp act_gact act_skbedit",
  "act_ct nf_nat nf_conntrack_netlink",
].join(" ");

/** Why no guest can be booted here, in words; undefined if one can. */
export function umlMissing(): string | undefined {
  for (const path of [UML.path, UML.modules, "/sbin/modprobe"]) {
    if (!existsSync(path)) return `${path} is missing (Debian packages user-mode-linux and kmod)`;
  }
  return undefined;
}

/** A guest that is up. */
export type Guest = {
  readonly isUp: () => boolean;
  /** Processor time of the guest's kernel and all its processes so far. */
  readonly cpuSeconds: () => number;
  /** Runs a job to its end, one at a time; a guest that hangs or dies has ended with it. */
  run(job: Job): Promise<GuestEnd>;
  halt(): Promise<void>;
};

/** A kernel takes so long to stop; what does not is killed. */
const HALT_MS_MAX = 5_000;
const LOOK_EVERY_MS = 50;

/** Boots; the first job waits until that is done. */
export async function bootUml(memoryMib: number): Promise<Guest> {
  const folder = await mkdtemp(join(tmpdir(), "erouted-uml-"));
  await writeFile(join(folder, "modules"), MODULES);
  const command = [...UML.command, ...kernelArguments(folder, memoryMib)];
  const kernel = Bun.spawn([...WITH_ITS_PARENT, ...command], {
    cwd: PROJECT, // the newer one's loader is found from here
    stdin: "ignore",
    stdout: Bun.file(join(folder, "console")),
    stderr: Bun.file(join(folder, "console.err")),
    env: {
      PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
      HOME: folder,
      TMPDIR: await memoryFolder(memoryMib),
    },
  });
  let isUp = true;
  const end = () => kernel.kill("SIGTERM");
  process.once("exit", end);
  const exited = kernel.exited.then(() => {
    isUp = false;
    process.removeListener("exit", end);
  });
  let jobs = 0;
  return {
    isUp: () => isUp,
    cpuSeconds: () => cpuSecondsOf(kernel.pid),
    run: async (job) => {
      const started = performance.now();
      const cpuBefore = cpuSecondsOf(kernel.pid);
      const number = jobs++;
      await hand(folder, number, job);
      const statusFile = join(folder, `status-${number}`);
      const msMax = job.secondsMax * 1_000;
      while (isUp && !existsSync(statusFile) && performance.now() - started < msMax) {
        await Bun.sleep(LOOK_EVERY_MS);
      }
      const status = (await text(statusFile)).trim();
      const cpuSeconds = Math.max(0, cpuSecondsOf(kernel.pid) - cpuBefore);
      const timedOut = status === "" && isUp;
      if (timedOut) end();
      if (status === "") await exited;
      return {
        status: status === "" ? undefined : Number(status),
        output: await text(join(job.work, "output")),
        console: (await text(join(folder, "console"))) + (await text(join(folder, "console.err"))),
        timedOut,
        seconds: (performance.now() - started) / 1000,
        cpuSeconds,
      };
    },
    halt: async () => {
      await writeFile(join(folder, "halt"), "");
      const hard = setTimeout(end, HALT_MS_MAX);
      await exited;
      clearTimeout(hard);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The guest takes a job as soon as its file is there, so that comes last, and at once. */
async function hand(folder: string, number: number, job: Job): Promise<void> {
  await writeFile(join(folder, `time-${number}`), new Date().toISOString());
  const file = join(folder, `job-${number}`);
  await writeFile(`${file}.new`, jobScript(job));
  await rename(`${file}.new`, file);
}

/**
 * The kernel is a process group of its own, with a process for each of the guest's. This shell ends
 * all of them when it is told to, or when its parent dies: they would take half of the machine.
 */
const WITH_ITS_PARENT = [
  ...["setpriv", "--pdeathsig", "TERM", "bash", "-c"],
  `trap 'kill -KILL -- -$kernel' TERM EXIT; "$0" "$@" & kernel=$!; wait $kernel`,
];

/** As {@link https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html} counts. */
const TICKS_PER_SECOND = 100;

/**
 * Processor time of the process group that the shell with this PID has started, in seconds. Each of
 * a guest's processes is a child of its kernel, which gets the time of those that have ended.
 */
function cpuSecondsOf(shell: number): number {
  const stats = readdirSync("/proc").flatMap((pid) => {
    try {
      const stat = /^\d/.test(pid) ? readFileSync(`/proc/${pid}/stat`, "utf8") : "";
      return stat === ""
        ? []
        : [
            stat
              .slice(stat.lastIndexOf(")") + 2)
              .split(" ")
              .map(Number),
          ];
    } catch {
      return []; // it has ended in the meantime
    }
  });
  const [, , kernelGroup] = stats.find(([, parent]) => parent === shell) ?? [];
  const ticks = stats
    .filter(([, , group]) => group === kernelGroup)
    .flatMap((fields) => fields.slice(11, 15))
    .reduce((sum, more) => sum + more, 0);
  return ticks / TICKS_PER_SECOND;
}

/**
 * Where the guest's memory becomes a file: on a tmpfs that is large enough and allows executable
 * maps.
 */
async function memoryFolder(memoryMib: number): Promise<string> {
  return (await sharedMemoryMib()) > 2 * memoryMib ? "/dev/shm" : tmpdir();
}

/** How many guests there is memory for, if each takes all of its own. */
export async function guestsThatFit(memoryMib: number): Promise<number> {
  const available = /^MemAvailable: +(\d+) kB/m.exec(await text("/proc/meminfo"))?.[1];
  const mib = Math.min(Number(available ?? 0) / 1024, await sharedMemoryMib());
  return Math.floor(mib / memoryMib);
}

/** What is free on such a tmpfs; 0 if there is none. */
async function sharedMemoryMib(): Promise<number> {
  const mounts = await text("/proc/mounts");
  const options = / \/dev\/shm tmpfs (\S+)/.exec(mounts)?.[1];
  if (options === undefined || options.split(",").includes("noexec")) return 0;
  const space = await statfs("/dev/shm");
  return (space.bavail * space.bsize) / 1024 / 1024;
}

function kernelArguments(folder: string, memoryMib: number): string[] {
  return [
    `mem=${memoryMib}M`,
    `umid=${folder.slice(-6)}`,
    "rootfstype=hostfs",
    "rootflags=/",
    "rw",
    `init=${INIT}`,
    "con=null",
    "con0=null,fd:1",
    "quiet",
    "selinux=0",
    "seccomp=on", // instead of ptrace, from 6.16 on
    "random.trust_cpu=1", // otherwise the first reader of random numbers waits
    "--",
    folder,
    UML.modules,
  ];
}

async function text(path: string): Promise<string> {
  return existsSync(path) ? await readFile(path, "utf8") : "";
}
