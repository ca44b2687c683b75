/** A folder with a configuration for tests of commands: SQLite, no root rights, free ports. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freeUdpPorts } from "../../free-port.ts";

export type Folder = {
  readonly config: string;
  path(name: string): string;
  write(name: string, text: string | Uint8Array): string;
  dispose(): void;
};

/** `changes` replace sections of the text below, the left one by the right one. */
export function createFolder(...changes: readonly (readonly [string, string])[]): Folder {
  const folder = mkdtempSync(join(tmpdir(), "erouted-cli-"));
  const path = (name: string) => join(folder, name);
  const write = (name: string, text: string | Uint8Array) => {
    writeFileSync(path(name), text, { mode: 0o600 });
    return path(name);
  };
  let text = CONFIG.replaceAll("FOLDER", folder);
  for (const [from, to] of changes) text = text.replace(from, to.replaceAll("FOLDER", folder));
  return {
    config: write("erouted.toml", text),
    path,
    write,
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export const IKE_PORT = await freeUdpPorts();
export const NAT_PORT = IKE_PORT + 1;

const CONFIG = `
[ike]
listen = ["127.0.0.1"]
port = ${IKE_PORT}
nat_port = ${NAT_PORT}

[dataplane]
kind = "none"

[status]
listen = "127.0.0.1:18080"

[[egroup]]
name = "sites"
database = "sqlite:FOLDER/peers.db"
remote_mask = "255.255.255.0"

[[eroute]]
name = "fleet"
egroup = "sites"
peerid = "site-*"
ourid = "concentrator.example"
local_subnet = "10.0.0.0/16"
remote_subnet = "192.168.0.0/16"
`;

/** A second egroup and its base eroute, to be appended. */
export const SECOND_EGROUP = `
[[egroup]]
name = "pumps"
database = "sqlite:FOLDER/pumps.db"

[[eroute]]
name = "water"
egroup = "pumps"
peerid = "pump-*"
ourid = "concentrator.example"
local_subnet = "10.0.0.0/16"
remote_subnet = "172.16.0.0/12"

[[eroute]]`;
