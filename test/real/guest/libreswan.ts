/** libreswan as an independent peer, Debian's 4.10 or a newer one: a pluto in each host. */

import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Issued } from "../pki.ts";
import { noteDaemon } from "./both-ends.ts";
import { type Host, must, type Running, run, start, until } from "./hosts.ts";
import { inNewerRoot, newerMissing } from "./newer-root.ts";

export type LibreswanSettings = {
  /** The one of the next Debian release (5.2 or later). */
  readonly newer?: boolean;
  /** 2 without it. */
  readonly version?: 1 | 2;
  readonly localId: string;
  readonly remoteId: string;
  readonly psk: string;
  /** All of ipsec.secrets instead of this key. */
  readonly secrets?: string;
  readonly localAddress: string;
  /** `%any` for a responder that anyone may call. */
  readonly remoteAddress: string;
  /** In libreswan's words: `aes128-sha2_256-dh31`; without them it uses its own defaults. */
  readonly ike?: string;
  readonly esp?: string;
  readonly localSubnet: string;
  readonly remoteSubnet: string;
  /** Its certificate instead of the key, and the authority that it trusts. */
  readonly certificates?: {
    readonly own: Issued;
    readonly authority: Issued;
    /** How both ends have to sign: this version supports only one method for both. */
    readonly authby: "ecdsa" | "rsa-sha2" | "rsasig";
  };
  /** More lines of the `conn` section. */
  readonly more?: readonly string[];
  /** Both files as written elsewhere, and the connection's name in them. */
  readonly files?: { readonly name: string; readonly conf: string; readonly secrets: string };
};

export type Libreswan = {
  /** Brings the Child SA up; false if the peer or the daemon refused, the log says why. */
  initiate(): Promise<boolean>;
  rekeyChild(): Promise<void>;
  rekeyIke(): Promise<void>;
  /** Closes the IKE SA with its Child SAs, and notifies the peer. */
  terminate(): Promise<void>;
  /** What `ipsec showstates` shows: a line for each IKE SA and each Child SA. */
  states(): Promise<string>;
  /** How many IKE SAs and Child SAs are established. */
  counts(): Promise<{ readonly ike: number; readonly child: number }>;
  log(): Promise<string>;
  /** Notifies its peers and ends. */
  stop(): Promise<void>;
};

const UNPACKED = join(import.meta.dir, "../../../build/out/libreswan");
/** Where both have their programs; this one's lie below {@link UNPACKED}. */
const PROGRAMS = "/usr/libexec/ipsec";

/** Starts a daemon with one connection named `net`, loaded but not initiated. */
export async function startLibreswan(host: Host, settings: LibreswanSettings): Promise<Libreswan> {
  const { newer = false } = settings;
  if (!newer && !existsSync(`${UNPACKED}${PROGRAMS}/pluto`)) {
    throw new Error(`${UNPACKED} is missing: run build/prepare.sh packages as root`);
  }
  const folder = `/run/libreswan-${host.name}`;
  await rm(folder, { recursive: true, force: true });
  await mkdir(`${folder}/nss`, { recursive: true });
  const { name = "net", conf = ipsecConf(settings) } = settings.files ?? {};
  const secrets = settings.files?.secrets ?? settings.secrets;
  await writeFile(`${folder}/ipsec.conf`, conf);
  const secret = secrets ?? `@${settings.localId} @${settings.remoteId} : PSK "${settings.psk}"\n`;
  await writeFile(`${folder}/ipsec.secrets`, secret, { mode: 0o600 });
  await must(undefined, ["certutil", "-N", "-d", `sql:${folder}/nss`, "--empty-password"]);
  if (settings.certificates !== undefined) await layCertificates(folder, settings.certificates);
  const program = async (file: string, ...words: string[]) => {
    const there = `${PROGRAMS}/${file}`;
    return newer ? await inNewerRoot([there, ...words]) : [UNPACKED + there, ...words];
  };
  const pluto = plutoOptions(folder);
  const daemon = start(host, newer ? await program("pluto", ...pluto) : besideHelpers(pluto));
  noteDaemon(host);
  const whack = async (...words: string[]) =>
    await run(host, await program("whack", "--rundir", folder, ...words));
  const rekeyChild = newer ? "--rekey-child" : "--rekey-ipsec";
  const libreswan = controls(folder, daemon, { name, whack, rekeyChild });
  try {
    await until("pluto answers", async () => (await whack("--status")).status === 0);
    // What its own files make it do at its start: loading them again would end what has begun.
    if (settings.files !== undefined) return libreswan;
    const from = ["--config", `${folder}/ipsec.conf`, "--ctlsocket", `${folder}/pluto.ctl`];
    await must(host, await program("addconn", ...from, name));
    const listening = await whack("--listen");
    if (listening.status !== 0) throw new Error(`whack --listen: ${listening.out}`);
  } catch (error) {
    throw new Error(await libreswan.log(), { cause: error });
  }
  return libreswan;
}

/** Into the NSS database, where pluto looks for certificates and keys by nickname. */
async function layCertificates(
  folder: string,
  { own, authority }: NonNullable<LibreswanSettings["certificates"]>,
): Promise<void> {
  const nss = ["-d", `sql:${folder}/nss`];
  const file = `${folder}/own.p12`;
  const both = ["-in", own.certificateFile, "-inkey", own.keyFile, "-passout", "pass:x"];
  await must(undefined, ["openssl", "pkcs12", "-export", ...both, "-name", "own", "-out", file]);
  await must(undefined, ["pk12util", "-i", file, ...nss, "-W", "x", "-K", ""]);
  const trusted = ["-A", "-n", "ca", "-t", "CT,,", "-i", authority.certificateFile];
  await must(undefined, ["certutil", ...nss, ...trusted]);
}

/** Why there is no newer libreswan here, in words; undefined if there is one. */
export function newerLibreswanMissing(): string | undefined {
  return newerMissing(`${PROGRAMS}/pluto`);
}

type Whack = (...words: string[]) => Promise<{ status: number; out: string; err: string }>;

type Control = { readonly name: string; readonly whack: Whack; readonly rekeyChild: string };

function controls(folder: string, daemon: Running, control: Control): Libreswan {
  const { name, whack, rekeyChild } = control;
  const log = async () =>
    (await readFile(`${folder}/log`, "utf8").catch(() => "")) + (await daemon.output());
  const demand = async (...words: string[]) => {
    const ended = await whack(...words);
    if (ended.status === 0) return;
    throw new Error(`whack ${words.join(" ")}: ${ended.status} ${ended.out}${ended.err}`);
  };
  const states = async () => (await whack("--showstates")).out;
  return {
    initiate: async () => (await whack("--initiate", "--name", name)).status === 0,
    rekeyChild: async () => await demand(rekeyChild, "--name", name),
    rekeyIke: async () => await demand("--rekey-ike", "--name", name),
    terminate: async () => await demand("--terminate", "--name", name),
    states,
    counts: async () => {
      const text = await states();
      const count = (kind: string) => text.match(new RegExp(`ESTABLISHED_${kind}_SA`, "g"));
      return { ike: count("IKE")?.length ?? 0, child: count("CHILD")?.length ?? 0 };
    },
    log,
    stop: async () => {
      await whack("--shutdown");
      await daemon.stop();
    },
  };
}

/** pluto looks for its helpers only under /usr/libexec: it sees a disk where they are there. */
function besideHelpers(options: readonly string[]): string[] {
  const there = `mount --bind ${UNPACKED}/usr/libexec /usr/libexec && exec "$@"`;
  // Its script for routes and addresses is called as `ipsec _updown`.
  const path = `PATH=${UNPACKED}/usr/sbin:/usr/sbin:/usr/bin:/sbin:/bin`;
  const shell = ["env", path, "unshare", "--mount", "sh", "-c", there, "sh"];
  return [...shell, `${PROGRAMS}/pluto`, ...options];
}

function plutoOptions(folder: string): string[] {
  return [
    ...["--nofork", "--config", `${folder}/ipsec.conf`],
    ...["--rundir", folder, "--ipsecdir", folder, "--nssdir", `${folder}/nss`],
    ...["--secretsfile", `${folder}/ipsec.secrets`],
    ...["--logfile", `${folder}/log`, "--log-no-audit", "--log-no-time"],
  ];
}

function authby({ certificates }: LibreswanSettings): string {
  if (certificates === undefined) return "  authby=secret\n";
  const { authby: by } = certificates;
  return `  authby=${by}\n  leftcert=own\n  leftsendcert=always\n  rightca=%same\n`;
}

function line(key: string, value: string | undefined): string {
  return value === undefined ? "" : `  ${key}=${value}\n`;
}

function ipsecConf(settings: LibreswanSettings): string {
  return `${settings.version === 1 ? "config setup\n  ikev1-policy=accept\n" : ""}conn net
  auto=ignore
${authby(settings)}  ikev2=${settings.version === 1 ? "no" : "insist"}
${line("ike", settings.ike)}${line("esp", settings.esp)}  left=${settings.localAddress}
  leftid=@${settings.localId}
  leftsubnet=${settings.localSubnet}
  leftupdown=%disabled
  right=${settings.remoteAddress}
  rightid=@${settings.remoteId}
  rightsubnet=${settings.remoteSubnet}
  keyingtries=1
${(settings.more ?? []).map((line) => `  ${line}\n`).join("")}`;
}
