/**
 * The site's configuration for Westermo MR and Digi TransPort, and for MikroTik: commands to type
 * in.
 */

import { formatAddress } from "../../../inet/address.ts";
import { formatPrefix, type Prefix, prefixOf } from "../../../inet/prefix.ts";
import { err, ok, type Result } from "../../../octets/result.ts";
import { both, dictionary } from "./algorithms.ts";
import { plainPassword, type RemoteFile, type RemoteSite } from "./site.ts";

/** IANA's group numbers, which the router uses. */
const SAROS = {
  encr: dictionary("aes256 256", "aes192 192", "aes128 128"),
  integ: dictionary("sha512 SHA512", "sha384 SHA384", "sha256 SHA256", "sha1 SHA1"),
  ke: dictionary("modp2048 14", "modp3072 15", "modp4096 16"),
  prf: false,
  additional: false,
};

/** `entity instance parameter value`, with the first instances; what `import saros` reads. */
export function sarosFiles(site: RemoteSite): Result<readonly RemoteFile[], string> {
  const chosen = both(site, { ike: SAROS, esp: SAROS });
  if (!chosen.ok) return chosen;
  const password = plainPassword(site);
  if (password === undefined) return err("the router accepts only keys of plain characters");
  const local = onlySubnet(site.localSubnets);
  const remote = onlySubnet(site.remoteSubnets);
  if (local === undefined || remote === undefined) {
    return err("an eroute of the router has one IPv4 subnet on each side");
  }
  const { ike, esp } = chosen.value;
  const remoteId = site.remoteId ?? site.concentrator;
  const eroute = (key: string, value: string | number) => `eroute 0 ${key} ${quoted(value)}`;
  const lines = [
    `ike 0 encalg "AES"`,
    `ike 0 keybits ${ike.encr}`,
    `ike 0 authalg "${ike.integ}"`,
    `ike 0 ikegroup ${ike.ke}`,
    `ike 0 ltime ${Math.min(site.ikeLifetimeSeconds, 28_800)}`,
    eroute("descr", "erouted"),
    ...(site.phase1 === undefined ? [] : [`ike 0 aggressive "${SAROS_MODES[site.phase1]}"`]),
    eroute("ikever", site.phase1 === undefined ? 2 : 1),
    eroute("peerip", site.concentrator),
    eroute("peerid", remoteId),
    eroute("ourid", site.localId),
    ...subnetLines("loc", local).map(([key, value]) => eroute(key, value)),
    ...subnetLines("rem", remote).map(([key, value]) => eroute(key, value)),
    eroute("ESPenc", "AES"),
    eroute("enckeybits", esp.encr),
    eroute("ESPauth", esp.integ ?? ""),
    ...(esp.ke === undefined ? [] : [eroute("dhgroup", esp.ke)]),
    eroute("ltime", Math.min(site.lifetimeSeconds, 28_800)),
    eroute("authmeth", "PRESHARED"),
    eroute("nosa", "TRY"),
    eroute("autosa", 1),
    // The key belongs to the user whose name is the other end's ID.
    `user 1 name ${quoted(remoteId)}`,
    `user 1 password ${quoted(password)}`,
    "config 0 save",
  ];
  return ok([{ path: undefined, text: `${lines.join("\n")}\n` }]);
}

const SAROS_MODES = { main: "OFF", aggressive: "ON" } as const;

function onlySubnet(subnets: readonly Prefix[]): Prefix | undefined {
  const [subnet, ...more] = subnets;
  return more.length === 0 && subnet?.family === 4 ? subnet : undefined;
}

function subnetLines(side: string, subnet: Prefix): readonly (readonly [string, string])[] {
  const { family, value, length } = subnet;
  const all = { family, value: 0xffff_ffffn } as const;
  const mask = prefixOf(all, length).value;
  return [
    [`${side}ip`, formatAddress({ family, value })],
    [`${side}msk`, formatAddress({ family, value: mask })],
  ];
}

function quoted(value: string | number): string {
  return typeof value === "number" || /^[0-9]+$/.test(value) ? String(value) : `"${value}"`;
}

const MIKROTIK_IKE = {
  encr: dictionary("aes256 aes-256", "aes192 aes-192", "aes128 aes-128"),
  integ: dictionary("sha512 sha512", "sha384 sha384", "sha256 sha256", "sha1 sha1"),
  ke: dictionary(
    ...["ecp256 ecp256", "ecp384 ecp384", "ecp521 ecp521"],
    ...["modp2048 modp2048", "modp3072 modp3072", "modp4096 modp4096"],
  ),
  prf: false,
  additional: false,
};

/** Its IKE SAs support AES-CBC only. */
const MIKROTIK_ESP = {
  ...MIKROTIK_IKE,
  encr: dictionary(
    ...["aes256gcm16 aes-256-gcm", "aes192gcm16 aes-192-gcm", "aes128gcm16 aes-128-gcm"],
    ...["aes256 aes-256-cbc", "aes192 aes-192-cbc", "aes128 aes-128-cbc"],
  ),
};

/** RouterOS 7: profile, peer, identity, proposal, and a policy for each pair of subnets. */
export function mikrotikFiles(site: RemoteSite): Result<readonly RemoteFile[], string> {
  const chosen = both(site, { ike: MIKROTIK_IKE, esp: MIKROTIK_ESP });
  if (!chosen.ok) return chosen;
  const password = plainPassword(site);
  if (password === undefined) return err("the router accepts only keys of plain characters");
  const { ike, esp } = chosen.value;
  const dpd = site.livenessSeconds === undefined ? "disable-dpd" : `${site.livenessSeconds}s`;
  const pairs = site.localSubnets.flatMap((local) =>
    site.remoteSubnets.map((remote) => [formatPrefix(local), formatPrefix(remote)] as const),
  );
  const lines = [
    `/ip ipsec profile add name=erouted enc-algorithm=${ike.encr} hash-algorithm=${ike.integ} ` +
      `dh-group=${ike.ke} lifetime=${site.ikeLifetimeSeconds}s dpd-interval=${dpd}`,
    `/ip ipsec proposal add name=erouted enc-algorithms=${esp.encr} ` +
      `auth-algorithms=${esp.integ ?? '""'} pfs-group=${esp.ke ?? "none"} ` +
      `lifetime=${site.lifetimeSeconds}s`,
    `/ip ipsec peer add name=erouted address=${site.concentrator} exchange-mode=ike2 ` +
      "profile=erouted",
    `/ip ipsec identity add peer=erouted auth-method=pre-shared-key secret="${password}" ` +
      `my-id=${mikrotikId(site.localId)} ` +
      `remote-id=${mikrotikId(site.remoteId ?? site.concentrator)}`,
    ...pairs.map(
      ([local, remote]) =>
        `/ip ipsec policy add peer=erouted proposal=erouted tunnel=yes level=unique ` +
        `src-address=${local} dst-address=${remote}`,
    ),
    "# Above every masquerade, so that these packets keep their addresses:",
    ...pairs.map(
      ([local, remote]) =>
        `/ip firewall nat add chain=srcnat action=accept src-address=${local} ` +
        `dst-address=${remote} comment=erouted`,
    ),
  ];
  return ok([{ path: undefined, text: `${lines.join("\n")}\n` }]);
}

function mikrotikId(id: string): string {
  if (/^[0-9.]+$/.test(id) || id.includes(":")) return `address:${id}`;
  return id.includes("@") ? `user-fqdn:${id}` : `fqdn:${id}`;
}
