/** strongSwan's swanctl.conf for a site of the tests, and its way into a daemon. */

import type { StrongSwanSettings } from "./strongswan.ts";
import type { Section, Vici } from "./vici.ts";

/** One connection `net` with one child `net`. */
export function swanctlConf(settings: StrongSwanSettings): string {
  const yes = (on: boolean | undefined, otherwise: string) =>
    on === undefined ? otherwise : on ? "yes" : "no";
  return `connections { net {
  version = ${settings.version ?? 2}
  aggressive = ${yes(settings.aggressive, "no")}
  local_addrs = ${settings.localAddress ?? "%any"}
  remote_addrs = ${settings.remoteAddress}
  proposals = ${settings.ike}
  encap = ${yes(settings.encap, "no")}
  mobike = ${yes(settings.mobike, "no")}
  fragmentation = ${yes(settings.fragmentation, "yes")}
  dpd_delay = ${settings.dpdSeconds ?? 0}s
  rekey_time = ${settings.rekeyIkeSeconds ?? 0}s
  reauth_time = 0s
${ppkOfConnection(settings)}  ${settings.connection ?? ""}
  local { ${settings.local ?? "auth = psk"}
    id = ${settings.localId} }
  remote { ${settings.remote ?? "auth = psk"}
    id = ${settings.remoteId} }
  children { net {
    esp_proposals = ${settings.esp}
    local_ts = ${settings.localSubnet}
    remote_ts = ${settings.remoteSubnet}
    rekey_time = ${settings.rekeyChildSeconds ?? 0}s
    ${settings.child ?? ""}
  } }
} }
secrets { ike { id-1 = ${settings.remoteId}
  id-2 = ${settings.localId}
  secret = "${settings.psk}" }
${ppkOfSecrets(settings)}}
`;
}

function ppkOfConnection({ ppk }: StrongSwanSettings): string {
  if (ppk === undefined) return "";
  return `  ppk_id = ${ppk.id}\n  ppk_required = ${ppk.required ? "yes" : "no"}\n`;
}

function ppkOfSecrets({ ppk }: StrongSwanSettings): string {
  if (ppk === undefined) return "";
  return `  ppk-1 { id-1 = ${ppk.id}\n  secret = ${ppk.secret} }\n`;
}

/** What `swanctl --load-all` does, without its process: keys first, then connections. */
export async function loadByVici(vici: Vici, conf: string): Promise<void> {
  const { connections = {}, secrets = {} } = parseConf(conf);
  await vici.request("clear-creds");
  for (const [name, secret] of sectionsOf(secrets)) {
    const owners = Object.entries(secret).filter(([key]) => key.startsWith("id"));
    await demand(vici, "load-shared", {
      type: name.startsWith("ppk") ? "PPK" : "IKE",
      data: keyOf(String(secret.secret)),
      owners: owners.map(([, id]) => String(id)),
    });
  }
  for (const [name, connection] of sectionsOf(connections)) {
    await demand(vici, "load-conn", { [name]: connection });
  }
}

async function demand(vici: Vici, command: string, message: Section): Promise<void> {
  const { success, errmsg } = await vici.request(command, message);
  if (success !== "yes") throw new Error(`strongSwan, ${command}: ${errmsg}`);
}

function sectionsOf(value: Section[string]): [string, Section][] {
  if (typeof value === "string" || Array.isArray(value)) return [];
  return Object.entries(value as Section).flatMap(([name, inner]) =>
    typeof inner === "string" || Array.isArray(inner) ? [] : [[name, inner as Section]],
  );
}

/** Keys are text, or octets in hex or base64. */
function keyOf(secret: string): string {
  if (secret.startsWith("0x")) return Buffer.from(secret.slice(2), "hex").toString("latin1");
  if (secret.startsWith("0s")) return Buffer.from(secret.slice(2), "base64").toString("latin1");
  return secret;
}

/** What the daemon wants as lists. */
const LISTS = [
  ...["local_addrs", "remote_addrs", "proposals", "esp_proposals", "local_ts", "remote_ts"],
  ...["vips", "pools", "groups"],
];

/** Sections in braces; `key = value` to the end of the line or to a closing brace. */
function parseConf(text: string): Section {
  const top: Section = {};
  const open: Section[] = [top];
  const token = /([\w-]+)\s*\{|\}|([\w-]+)\s*=\s*("[^"]*"|[^\n}]*)/g;
  for (const [whole, section, key, value = ""] of text.matchAll(token)) {
    const inner = open.at(-1) ?? top;
    if (section !== undefined) {
      const made: Section = {};
      inner[section] = made;
      open.push(made);
    } else if (key !== undefined) {
      const plain = value.trim().replace(/^"(.*)"$/, "$1");
      inner[key] = LISTS.includes(key) ? plain.split(",").map((item) => item.trim()) : plain;
    } else if (whole === "}") open.pop();
  }
  return top;
}
