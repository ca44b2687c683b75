/** strongSwan as an independent peer, Debian's 5.9 or a newer one: a daemon in each host. */

import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { noteDaemon, noteKilled, takeKilled } from "./both-ends.ts";
import { type Host, must, type Running, run, start, until } from "./hosts.ts";
import { inNewerRoot, NEWER_ROOT, newerMissing } from "./newer-root.ts";
import { loadByVici, swanctlConf } from "./swanctl-conf.ts";
import { type Section, type Vici, viciAt } from "./vici.ts";

export type StrongSwanSettings = {
  /** The one of the next Debian release (6.1 or later): see {@link newerStrongSwanMissing}. */
  readonly newer?: boolean;
  readonly version?: 1 | 2;
  readonly aggressive?: boolean;
  readonly localId: string;
  readonly remoteId: string;
  readonly psk: string;
  /** `%any` (default) for a responder. */
  readonly localAddress?: string;
  readonly remoteAddress: string;
  /** In strongSwan's words: `aes128-sha256-x25519`; `default` for its own defaults. */
  readonly ike: string;
  readonly esp: string;
  readonly localSubnet: string;
  readonly remoteSubnet: string;
  readonly encap?: boolean;
  readonly mobike?: boolean;
  readonly fragmentation?: boolean;
  /** Post-quantum key (RFC 8784), in strongSwan's words. */
  readonly ppk?: { readonly id: string; readonly secret: string; readonly required: boolean };
  readonly dpdSeconds?: number;
  /** 0, the default, never rekeys by itself. */
  readonly rekeyIkeSeconds?: number;
  readonly rekeyChildSeconds?: number;
  /** Its kernel plugins; the default is the kernel's own ESP. */
  readonly kernel?: string;
  /** More lines of strongswan.conf's `charon` section. */
  readonly charon?: string;
  /** More lines of the connection, and of its child, in swanctl.conf. */
  readonly connection?: string;
  readonly child?: string;
  /** Lines of `local` and `remote` instead of `auth = psk`. */
  readonly local?: string;
  readonly remote?: string;
  /** Its certificate and key, and the authority that it trusts. */
  readonly certificates?: StrongSwanCertificates;
  /** All of swanctl.conf, as written elsewhere, instead of what follows from these options. */
  readonly swanctlConf?: string;
};

export type StrongSwanCertificates = {
  readonly own: Certified | undefined;
  readonly authorities: readonly Pick<Certified, "certificateFile">[];
  /** Certificates between its own and the root. */
  readonly between?: readonly Pick<Certified, "certificateFile">[];
};

type Certified = { readonly certificateFile: string; readonly keyFile: string };

/** An IKE SA as the daemon lists it. */
export type SwanIkeSa = {
  readonly state: string;
  /** `SPIi_SPIr` in hex. */
  readonly spis: string;
  readonly remoteId: string;
  /** In strongSwan's words: `AES_GCM_16-256/PRF_HMAC_SHA2_256/CURVE_25519`. */
  readonly algorithms: string;
  readonly childSas: readonly { readonly name: string; readonly state: string }[];
};

export type StrongSwan = {
  /** A command of its control socket, for what is not below: `terminate`, `{ child: "net2" }`. */
  control(command: string, settings: Section): Promise<void>;
  /** Closes what is up, and goes on with another connection and other certificates. */
  change(settings: StrongSwanSettings): Promise<void>;
  /** Brings the Child SA up; false if the peer or the daemon refused, the log says why. */
  initiate(secondsMax?: number): Promise<boolean>;
  /** The IKE SA alone, without a Child SA. */
  initiateIke(secondsMax?: number): Promise<boolean>;
  rekeyChild(): Promise<void>;
  rekeyIke(): Promise<void>;
  /** Redirects a peer that has called (RFC 5685). */
  redirect(peerId: string, gateway: string): Promise<void>;
  /** Closes the IKE SA with its Child SAs, and notifies the peer. */
  terminate(): Promise<void>;
  sas(): Promise<readonly SwanIkeSa[]>;
  /** The SPIs of its established IKE SAs, initiator's and responder's. */
  ikeSpis(): Promise<string[]>;
  /** How many Child SAs are installed. */
  childSas(): Promise<number>;
  log(): Promise<string>;
  stop(): Promise<void>;
  /** Its line is cut: the peer is not notified. */
  kill(): Promise<void>;
};

const DAEMON = "/usr/sbin/charon-systemd";

/** Only what these tests need: each plugin costs start time, also in swanctl. */
const PLUGINS = [
  "random nonce aes sha1 sha2 hmac kdf gcm curve25519 openssl pem",
  "x509 constraints pubkey pkcs1 pkcs8 socket-default vici updown",
].join(" ");

/** The running daemon of a host, by its name. */
const daemons = new Map<string, Running>();

/** Starts a daemon with one connection named `net`, loaded but not initiated. */
export async function startStrongSwan(
  host: Host,
  settings: StrongSwanSettings,
): Promise<StrongSwan> {
  const folder = `/run/strongswan-${host.name}`;
  // A daemon that ran here before leaves its socket and its log.
  await rm(folder, { recursive: true, force: true });
  await rm(folder, { recursive: true, force: true }); // a socket of an earlier daemon refuses
  await mkdir(folder, { recursive: true });
  const env = { STRONGSWAN_CONF: `${folder}/strongswan.conf`, SWANCTL_DIR: folder };
  await writeFile(env.STRONGSWAN_CONF, strongswanConf(folder, settings));
  // One left behind by a failed test would hold the ports.
  await daemons.get(host.name)?.stop();
  if (takeKilled(host)) await forgetStates(host);
  const daemon = start(host, settings.newer ? await inNewerRoot([DAEMON]) : [DAEMON], env);
  daemons.set(host.name, daemon);
  noteDaemon(host);
  const vici = viciAt(`${folder}/vici`);
  const load = async (now: StrongSwanSettings) => {
    await layCertificates(folder, now.certificates);
    const conf = now.swanctlConf ?? swanctlConf(now);
    await writeFile(`${folder}/swanctl.conf`, conf);
    // Files from elsewhere, and certificates, are read by strongSwan's own program.
    const isOurs = now.swanctlConf === undefined && now.certificates === undefined;
    if (isOurs) return await loadByVici(vici, conf);
    const program = ["env", ...assignments(env), "swanctl", "--load-all", "--noprompt"];
    const loaded = await run(host, program);
    if (loaded.status !== 0) {
      throw new Error(`swanctl --load-all: ${loaded.out}${loaded.err}\n${await swan.log()}`);
    }
  };
  const swan = controls(host, { folder, daemon, vici, load });
  try {
    await until("strongSwan's control socket", async () => await accepts(`${folder}/vici`));
  } catch (error) {
    throw new Error(await swan.log(), { cause: error });
  }
  await load(settings);
  return swan;
}

/** The daemon's file, a character for each octet. */
export async function strongSwanProgram(newer: boolean): Promise<string> {
  return await readFile(`${newer ? NEWER_ROOT : ""}${DAEMON}`, "latin1");
}

/** Why there is no newer strongSwan here, in words; undefined if there is one. */
export function newerStrongSwanMissing(): string | undefined {
  return newerMissing(DAEMON);
}

/** Where swanctl looks for them: folders with fixed names. */
async function layCertificates(
  folder: string,
  certificates: StrongSwanCertificates | undefined,
): Promise<void> {
  if (certificates === undefined) return;
  const { own, authorities, between = [] } = certificates;
  const lay = async (name: string, files: readonly string[]) => {
    await rm(`${folder}/${name}`, { recursive: true, force: true });
    await mkdir(`${folder}/${name}`, { recursive: true });
    for (const [i, file] of files.entries()) await copyFile(file, `${folder}/${name}/${i}.pem`);
  };
  await lay("x509", own === undefined ? [] : [own.certificateFile]);
  await lay("private", own === undefined ? [] : [own.keyFile]);
  await lay(
    "x509ca",
    [...authorities, ...between].map(({ certificateFile }) => certificateFile),
  );
}

type Daemon = {
  readonly folder: string;
  readonly daemon: Running;
  readonly vici: Vici;
  load(settings: StrongSwanSettings): Promise<void>;
};

function controls(host: Host, { folder, daemon, vici, load }: Daemon): StrongSwan {
  const log = async () =>
    (await readFile(`${folder}/log`, "utf8").catch(() => "")) + (await daemon.output());
  const sas = async () => (await vici.stream("list-sas", "list-sa")).flatMap(ikeSasOf);
  const control = async (command: string, settings: Section) => {
    const { success, errmsg } = await vici.request(command, settings);
    if (success !== "yes") throw new Error(`strongSwan, ${command}: ${errmsg}`);
  };
  const initiate = async (what: Section, secondsMax: number) => {
    const answer = await vici.request("initiate", { ...what, timeout: ms(secondsMax) });
    return answer.success === "yes";
  };
  const terminate = { ike: "net", timeout: ms(10) };
  return {
    control,
    change: async (settings) => {
      await vici.request("terminate", terminate);
      await load(settings);
    },
    initiate: async (secondsMax = 20) => await initiate({ child: "net" }, secondsMax),
    initiateIke: async (secondsMax = 20) => await initiate({ ike: "net" }, secondsMax),
    rekeyChild: async () => await control("rekey", { child: "net" }),
    rekeyIke: async () => await control("rekey", { ike: "net" }),
    redirect: async (peerId, gateway) => await control("redirect", { "peer-id": peerId, gateway }),
    terminate: async () => {
      // An IKE SA that is being rekeyed or deleted "could not be terminated": it is asked again.
      await until("strongSwan has closed its IKE SAs", async () => {
        const { success } = await vici.request("terminate", terminate);
        return success === "yes" || (await sas()).length === 0;
      });
    },
    sas,
    ikeSpis: async () =>
      (await sas()).filter(({ state }) => state === "ESTABLISHED").map(({ spis }) => spis),
    childSas: async () =>
      (await sas()).flatMap(({ childSas }) => childSas).filter(({ state }) => state === "INSTALLED")
        .length,
    log,
    stop: async () => await daemon.stop(),
    kill: async () => {
      noteKilled(host);
      process.kill(daemon.pid, "SIGKILL");
      await daemon.exited;
    },
  };
}

function ms(seconds: number): string {
  return String(seconds * 1_000);
}

/** An event `list-sa` has one section for each IKE SA, named after its connection. */
function ikeSasOf(event: Section): SwanIkeSa[] {
  return Object.values(event)
    .filter(isSection)
    .map((sa) => {
      const word = (key: string) => (typeof sa[key] === "string" ? sa[key] : "");
      const encryption = [word("encr-alg"), word("encr-keysize")].filter((part) => part !== "");
      const algorithms = [
        encryption.join("-"),
        word("integ-alg"),
        word("prf-alg"),
        word("dh-group"),
      ];
      const children = isSection(sa["child-sas"]) ? Object.values(sa["child-sas"]) : [];
      return {
        state: word("state"),
        spis: `${word("initiator-spi")}_${word("responder-spi")}`,
        remoteId: word("remote-id"),
        algorithms: algorithms.filter((part) => part !== "").join("/"),
        childSas: children
          .filter(isSection)
          .map(({ name, state }) => ({ name: String(name), state: String(state) })),
      };
    });
}

function isSection(value: Section[string] | undefined): value is Section {
  return typeof value === "object" && !Array.isArray(value);
}

/** As after a power cut. */
async function forgetStates(host: Host): Promise<void> {
  for (const what of ["state", "policy"]) await must(host, ["ip", "xfrm", what, "flush"]);
}

async function accepts(unix: string): Promise<boolean> {
  const connecting = Bun.connect({ unix, socket: { data: () => {} } });
  return await connecting.then(
    (socket) => {
      socket.end();
      return true;
    },
    () => false,
  );
}

function assignments(env: Readonly<Record<string, string>>): string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}

function strongswanConf(folder: string, settings: StrongSwanSettings): string {
  return `charon-systemd {
  load = ${PLUGINS} ${settings.kernel ?? "kernel-netlink"}
  plugins { vici { socket = unix://${folder}/vici } }
  filelog { file { path = ${folder}/log
    flush_line = yes
    default = 1
    ike = 2
    cfg = 2
    knl = 1 } }
  i_dont_care_about_security_and_use_aggressive_mode_psk = yes
  retransmit_timeout = 2
  retransmit_tries = 4
  ${settings.charon ?? ""}
}
swanctl {
  load = random openssl pem x509 pubkey pkcs1 pkcs8
  socket = unix://${folder}/vici
}
`;
}
