/** erouted as a responder: the executable as delivered, its sites in the rows of a MariaDB. */

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { openPeers } from "../../../src/peers/open.ts";
import { MARIADB_USER, type Mariadb, mariadbSettings } from "../../real/mariadb.ts";
import { LOAD_OUR_ID, LOAD_PSK, loadId } from "./generator.ts";
import type { Line } from "./line.ts";
import { type Responder, startPinned, whenUp } from "./process.ts";

/** Rows of one statement. */
const ROWS = 1_000;
const WHY_MS_MAX = 30_000;

/** A row for each site. */
export async function fillTable(mariadb: Mariadb, sites: number): Promise<void> {
  const opened = openPeers(mariadbSettings(mariadb));
  if (!opened.ok) throw new Error(opened.error.detail);
  const made = await opened.value.init();
  await opened.value.close();
  if (!made.ok) throw new Error(made.error.detail);
  const rows = Array.from({ length: sites }, (_, index) => {
    const subnet = `100.${64 + (index >> 14)}.${(index >> 6) & 255}.${(index & 63) * 4}`;
    return `('${loadId(index + 1)}', '${LOAD_PSK}', '${subnet}', '255.255.255.252')`;
  });
  for (let at = 0; at < rows.length; at += ROWS) {
    const values = rows.slice(at, at + ROWS).join(",");
    await mariadb.sql(`insert into vpn.eroutes (peerid, password, remip, remmsk) values ${values}`);
  }
}

/**
 * Starts it, and waits until its sockets are open. Its states are acknowledged by `preload`, its
 * policies are in the kernel.
 */
export async function startErouted(
  executable: string,
  folder: string,
  around: { readonly preload: string; readonly line: Line; readonly mariadb: Mariadb },
): Promise<Responder> {
  const { preload, line, mariadb } = around;
  const config = join(folder, "erouted.toml");
  await Bun.write(join(folder, "password"), MARIADB_USER.password);
  await Bun.write(config, configText(folder, line.responder.address, mariadb));
  const command = [executable, "run", "--config", config];
  const env = { LD_PRELOAD: preload };
  const child = startPinned(line.responder.namespace, command, { cwd: folder, env });
  const why = ["netns", "exec", line.responder.namespace, executable, "why", "--config", config];
  // It ends with 4 where a site is not connected.
  const notConnected = () => spawnSync("ip", why, { encoding: "utf8", timeout: WHY_MS_MAX }).stdout;
  return { ...(await whenUp(child, "erouted")), notConnected };
}

/**
 * The limits that ask for cookies are off, as they are at strongSwan: the load sends none. Nor does
 * it answer when a site is asked whether it is there, which strongSwan never asks.
 */
function configText(folder: string, address: string, mariadb: Mariadb): string {
  return `
[ike]
listen = ["${address}"]
cookie_above = 100000
half_open_per_prefix = 100000

[dynamic_eroutes]
max = 100000

[log]
level = "warning"

[status]
listen = "127.0.0.1:8080"

[[egroup]]
name = "sites"
database = "mysql://${MARIADB_USER.name}@/${MARIADB_USER.database}?socket=${mariadb.socket}"
password_file = "${join(folder, "password")}"

[[eroute]]
name = "fleet"
egroup = "sites"
peerid = "site-*"
ourid = "${LOAD_OUR_ID}"
local_subnet = "10.0.0.0/16"
remote_subnet = "100.64.0.0/10"
dpd = "off"
`;
}
