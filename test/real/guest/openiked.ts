/** OpenIKED (PF_KEY) as an independent peer, Debian's 7.2 or a newer one: an iked in each host. */

import { mkdir, rm, writeFile } from "node:fs/promises";
import { patient } from "../../patience.ts";
import { noteDaemon } from "./both-ends.ts";
import { type Host, type Running, run, start, until } from "./hosts.ts";
import { inNewerRoot, newerMissing } from "./newer-root.ts";

export type OpenikedSettings = {
  /** The one of the next Debian release (7.4 or later). */
  readonly newer?: boolean;
  readonly localId: string;
  readonly remoteId: string;
  readonly psk: string;
  readonly localAddress: string;
  readonly remoteAddress: string;
  /**
   * In OpenIKED's words: `enc aes-128 prf hmac-sha2-256 auth hmac-sha2-256 group curve25519`;
   * without them it takes its own defaults.
   */
  readonly ike?: string;
  readonly esp?: string;
  readonly localSubnet: string;
  readonly remoteSubnet: string;
  readonly rekeyIkeSeconds?: number;
  readonly rekeyChildSeconds?: number;
  /** Waits to be called; otherwise it waits until it is told to initiate. */
  readonly called?: boolean;
  /** More lines of global settings: `set fragmentation`. */
  readonly more?: readonly string[];
};

export type Openiked = {
  /** Brings the Child SA up; false if it does not come up, the log says why. */
  initiate(): Promise<boolean>;
  /** Both wait until the daemon has rekeyed by itself: there is no command for it. */
  rekeyChild(): Promise<void>;
  rekeyIke(): Promise<void>;
  /** Closes the IKE SA with its Child SAs, the peer told. */
  terminate(): Promise<void>;
  /** What `ikectl show sa` shows. */
  sas(): Promise<string>;
  log(): Promise<string>;
  stop(): Promise<void>;
};

/** What it prints about the last setting that its parent process sends. */
const LAST_SETTING = "config_getstatic: no stickyaddress";

const PROGRAMS = "/usr/sbin";

/** It makes a key pair first, and its processes take turns: ten seconds in an idle guest. */
const START_MS_MAX = patient(60_000);
const REKEY_MS_MAX = patient(40_000);
/** Not 0, which is "never": as responder it then answers with empty traffic selectors. */
const HOUR = 3_600;

/** Starts a daemon with one policy named `net`; nothing is initiated yet. */
export async function startOpeniked(host: Host, settings: OpenikedSettings): Promise<Openiked> {
  const folder = `/run/openiked-${host.name}`;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await writeFile(`${folder}/iked.conf`, ikedConf(settings), { mode: 0o600 });
  const socket = `${folder}/iked.sock`;
  const quiet = settings.called ? [] : ["-S"];
  const options = ["-dvv", ...quiet, "-f", `${folder}/iked.conf`, "-s", socket];
  const program = async (file: string, ...words: string[]) =>
    settings.newer ? await inNewerRoot([`${PROGRAMS}/${file}`, ...words]) : [file, ...words];
  const control = async (...words: string[]) =>
    await run(host, await program("ikectl", "-s", socket, ...words));
  const daemon = start(host, await program("iked", ...options));
  let ended: number | undefined;
  void daemon.exited.then((status) => {
    ended = status;
  });
  noteDaemon(host);
  const openiked = controls(daemon, control);
  try {
    // It answers before it has its sockets, and forgets what arrives before it has its settings.
    const isReady = async () => {
      if (ended !== undefined) throw new Error(`iked has ended with status ${ended}`);
      return (await daemon.output()).includes(LAST_SETTING);
    };
    await until("iked has its settings", isReady, START_MS_MAX);
    await until("iked answers", async () => (await control("show", "sa")).status === 0);
  } catch (error) {
    throw new Error(await openiked.log(), { cause: error });
  }
  return openiked;
}

/** Why there is no newer OpenIKED here, in words; undefined if there is one. */
export function newerOpenikedMissing(): string | undefined {
  return newerMissing(`${PROGRAMS}/iked`);
}

/** As it tells itself. */
export async function openikedVersion(newer: boolean): Promise<string> {
  const program = newer ? await inNewerRoot([`${PROGRAMS}/iked`]) : ["iked"];
  const told = await run(undefined, [...program, "-V"]);
  return /OpenIKED (\S+)/.exec(told.out + told.err)?.[1] ?? "unknown";
}

type Control = (...words: string[]) => Promise<{ status: number; out: string; err: string }>;

function controls(daemon: Running, control: Control): Openiked {
  const sas = async () => (await control("show", "sa")).out;
  const changed = async (spi: RegExp) => {
    const of = async () => spi.exec(await sas())?.[1];
    const before = await of();
    const isNew = async () => ![before, undefined].includes(await of());
    await until(`OpenIKED has another SPI than ${before}`, isNew, REKEY_MS_MAX);
  };
  const demand = async (...words: string[]) => {
    const ended = await control(...words);
    if (ended.status === 0) return;
    throw new Error(`ikectl ${words.join(" ")}: ${ended.status} ${ended.out}${ended.err}`);
  };
  return {
    initiate: async () => {
      await demand("active");
      const isUp = async () => /^ *sa_childsas: .* in /m.test(await sas());
      return await until("OpenIKED has a Child SA", isUp).then(
        () => true,
        () => false,
      );
    },
    rekeyChild: async () => await changed(/^ *sa_childsas: .* (0x\w{8}) in /m),
    rekeyIke: async () => await changed(/^iked_sas: .* (ispi 0x\w{16}) .* ESTABLISHED /m),
    terminate: async () => {
      await demand("passive");
      await demand("reset", "sa");
    },
    sas,
    log: async () => await daemon.output(),
    stop: async () => await daemon.stop(),
  };
}

function line(key: string, value: string | undefined): string {
  return value === undefined ? "" : `  ${key} ${value} \\\n`;
}

function ikedConf(settings: OpenikedSettings): string {
  return `${(settings.more ?? []).map((line) => `${line}\n`).join("")}
ikev2 "net" ${settings.called ? "passive" : "active"} esp \\
  from ${settings.localSubnet} to ${settings.remoteSubnet} \\
  local ${settings.localAddress} peer ${settings.remoteAddress} \\
${line("ikesa", settings.ike)}${line("childsa", settings.esp)}\
  srcid ${settings.localId} dstid ${settings.remoteId} \\
  ikelifetime ${settings.rekeyIkeSeconds ?? HOUR} lifetime ${settings.rekeyChildSeconds ?? HOUR} \\
  psk "${settings.psk}"
`;
}
