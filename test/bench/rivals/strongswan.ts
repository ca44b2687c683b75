/**
 * strongSwan as a responder: Debian's, and the one of the next Debian release in a root of its own.
 * Its states are acknowledged without being made (silent-xfrm.c), because kernels without ESP would
 * refuse them.
 */

import { existsSync, readFileSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { loadByVici } from "../../real/guest/swanctl-conf.ts";
import { viciAt } from "../../real/guest/vici.ts";
import { LOAD_OUR_ID, LOAD_PSK, loadId } from "./generator.ts";
import type { Line } from "./line.ts";
import { type Responder, startPinned, whenUp } from "./process.ts";

export type StrongSwanKind = {
  /** Debian's own, or the one unpacked below build/out. */
  readonly root: string | undefined;
  /** A secret for each of so many sites; 0: one secret for all of them. */
  readonly secrets: number;
};

const DAEMON = "/usr/sbin/charon-systemd";
const VICI_MS_MAX = 20_000;
const PLUGINS = [
  "random nonce openssl aes sha1 sha2 hmac kdf gcm curve25519 pem",
  "socket-default kernel-netlink vici",
].join(" ");

/** `strongSwan 6.1.0`, read from the program: to ask the daemon, it would have to be started. */
export function versionOf(root = ""): string {
  const text = readFileSync(`${root}${DAEMON}`, "latin1");
  return `strongSwan ${/\0(\d+\.\d+\.\d+)\0/.exec(text)?.[1] ?? "?"}`;
}

/** Starts it with one connection for all sites, and waits until it is loaded. */
export async function startStrongSwan(
  kind: StrongSwanKind,
  preload: string,
  line: Line,
): Promise<Responder> {
  // Below /run, which the other root sees as well.
  const folder = `/run/erouted-bench-${process.pid}`;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const library = join(folder, "silent-xfrm.so");
  await Bun.write(library, Bun.file(preload));
  const conf = join(folder, "strongswan.conf");
  await Bun.write(conf, strongswanConf(folder));
  // Also for the programs that start it, which send no XFRM requests.
  const env = { STRONGSWAN_CONF: conf, LD_PRELOAD: library };
  const { namespace } = line.responder;
  const child = startPinned(namespace, commandOf(kind.root), { cwd: "/", env });
  const responder = await whenUp(child, "strongSwan");
  const stop = async () => {
    await responder.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    for (let waited = 0; !existsSync(join(folder, "vici")) && waited < VICI_MS_MAX; waited += 10) {
      await Bun.sleep(10);
    }
    await loadByVici(viciAt(join(folder, "vici")), swanctlConf(kind.secrets));
  } catch (error) {
    const log = await Bun.file(join(folder, "log")).text();
    await stop();
    throw new Error(log, { cause: error });
  }
  return { cpu: responder.cpu, residentOctets: responder.residentOctets, stop };
}

/** `ip netns exec` has made a mount namespace, so what is mounted here goes with the process. */
function commandOf(root: string | undefined): readonly string[] {
  if (root === undefined) return [DAEMON];
  const mounts = ["/proc", "/dev", "/run"].map((at) => `mount --rbind ${at} ${root}${at}`);
  return ["sh", "-c", `${mounts.join(" && ")} && exec chroot ${root} ${DAEMON}`];
}

function strongswanConf(folder: string): string {
  return `charon-systemd {
  load = ${PLUGINS}
  plugins { vici { socket = unix://${folder}/vici } }
  install_routes = no
  dos_protection = no
  ikesa_table_size = 16384
  ikesa_table_segments = 16
  journal { default = -1 }
  filelog { file { path = ${folder}/log
    default = 0 } }
}
`;
}

/**
 * All sites propose the same subnets. With interface IDs, as of route-based tunnels, their policies
 * differ: strongSwan would keep equal ones in a list, and walk it for each site.
 */
function swanctlConf(secrets: number): string {
  const each = Array.from({ length: secrets }, (_, index) => {
    return `ike-${index} { id-1 = ${loadId(index + 1)}\n secret = "${LOAD_PSK}" }`;
  });
  const all = secrets === 0 ? [`ike { secret = "${LOAD_PSK}" }`] : each;
  return `connections { load {
  version = 2
  local_addrs = %any
  remote_addrs = %any
  proposals = aes128gcm16-prfsha256-x25519
  rekey_time = 0s
  local { auth = psk
    id = ${LOAD_OUR_ID} }
  remote { auth = psk
    id = *@load.test }
  children { load {
    esp_proposals = aes128gcm16
    local_ts = 0.0.0.0/0
    remote_ts = 0.0.0.0/0
    if_id_in = %unique
    if_id_out = %unique
    rekey_time = 0s
  } }
} }
secrets { ${all.join("\n")} }
`;
}
