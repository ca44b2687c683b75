/** What a rehearsal is about: sites with habits of their own, their rows, all configurations. */

import { type Config, readConfig } from "../config/config.ts";
import type { PeerRow } from "../eroute/row.ts";
import { ok } from "../octets/result.ts";
import { COLUMN_KEYS } from "../peers/schema.ts";
import { peerRow } from "../peers/statement.ts";

/** Of the concentrator. */
export const HERE = "192.0.2.1";
/** Of nobody: it opens nothing. */
const SECRET = "a secret of nobody";

/** What a site does in its own way. */
export type Habits = {
  readonly peerId: string;
  readonly secret: string;
  readonly version?: "v1" | "v2";
  /** As a router of some years ago: AES-CBC, one key exchange, no fragments, no MOBIKE. */
  readonly isPlain?: boolean;
};

export const STRANGER: Habits = { peerId: "site-0", secret: "a wrong one" };

/** Of eight sites in a row, each half that calls has all habits. */
export function habitsOf(number: number, withIkev1: boolean): Habits {
  const isPlain = (number & 2) !== 0;
  const version = withIkev1 && (number & 4) !== 0 ? "v1" : "v2";
  const peerId = isPlain ? `site-${number}@fleet.example` : `site-${number}`;
  return { peerId, secret: SECRET, version, isPlain };
}

function configOf(text: string): Config {
  const files = {
    readSecret: (secret: string) => ok(secret),
    wallMs: () => 0,
    env: () => undefined,
  };
  const config = readConfig(text, files, "rehearsal");
  if (!config.ok) throw new Error("the configuration of the rehearsal is faulty");
  return config.value;
}

/** That of the concentrator. */
export function concentratorConfig(withIkev1: boolean): Config {
  return configOf(`
[[egroup]]
name = "sites"
database = "sqlite:/nowhere"
[[eroute]]
name = "fleet"
egroup = "sites"
peerid = "site-*"
ourid = "here"
ike_version = "${withIkev1 ? "both" : "v2"}"
local_subnet = "10.0.0.0/16"
remote_subnet = "192.168.0.0/16"
`);
}

/** That of a site. */
export function callerConfig({ peerId, secret, version = "v2", isPlain = false }: Habits): Config {
  // In Main Mode sites with keys are known by their addresses.
  const mode = version === "v1" ? 'ikev1_mode = "aggressive"' : "";
  return configOf(`
[ike]
full_transcript_auth = ${!isPlain}
[[eroute]]
name = "home"
peerid = "here"
peerip = "${HERE}"
ourid = "${peerId}"
ike_version = "${version}"
${mode}
${isPlain ? PLAIN : ""}
local_subnet = "${networkOf(peerId)}/24"
remote_subnet = "10.0.0.0/16"
[[user]]
name = "here"
password_file = "${secret}"
`);
}

const PLAIN = `
ike = "aes256-sha256-modp2048"
esp = "aes256-sha256"
mobike = false
fragmentation = false
`;

/** As a driver hands it out: texts that have just been read. */
export function rowOf(peerid: string): PeerRow {
  const read = (text: string) => Buffer.from(text).toString();
  const hasMask = peerid.includes("@");
  const network = networkOf(peerid);
  const subnet = hasMask ? [read(network), read("255.255.255.0")] : [read(`${network}/24`), null];
  const others = Array.from({ length: COLUMN_KEYS.length - 2 - subnet.length }, () => null);
  return peerRow([read(peerid), read(SECRET), ...subnet, ...others]);
}

/** `site-7` and `site-7@fleet.example` have 192.168.7.0/24. */
function networkOf(peerId: string): string {
  return `192.168.${/\d+/.exec(peerId)?.[0] ?? 0}.0`;
}
