/**
 * The site's configuration for strongSwan (swanctl.conf), libreswan (ipsec.conf) and OpenWrt (UCI).
 */

import { formatPrefix } from "../../../inet/prefix.ts";
import { err, ok, type Result } from "../../../octets/result.ts";
import { both, dictionary, type Proposal, STRONGSWAN, STRONGSWAN_ESP } from "./algorithms.ts";
import {
  plainPassword,
  ppkQuotedOrHex,
  quotedOrHex,
  type RemoteFile,
  type RemoteSite,
} from "./site.ts";

/** `swanctl --load-all` reads the first file unchanged and calls the concentrator. */
export function strongswanFiles(site: RemoteSite): Result<readonly RemoteFile[], string> {
  const chosen = both(site, { ike: STRONGSWAN, esp: STRONGSWAN_ESP });
  if (!chosen.ok) return chosen;
  const { ike, esp } = chosen.value;
  const remoteId = site.remoteId ?? site.concentrator;
  const subnets = (list: RemoteSite["localSubnets"]) => list.map(formatPrefix).join(", ");
  const liveness = site.livenessSeconds ?? 0;
  const text = `# ${site.localId}: this end calls, again and again.
connections {
  erouted {
${versionOf(site)}
    remote_addrs = ${site.concentrator}
    proposals = ${ike.text}
    mobike = ${site.mobike ? "yes" : "no"}
    dpd_delay = ${liveness}s
    keyingtries = 0
    rekey_time = ${site.ikeLifetimeSeconds}s${ppkOfConnection(site)}
    local {
      auth = psk
      id = ${site.localId}
    }
    remote {
      auth = psk
      id = ${remoteId}
    }
    children {
      net {
        local_ts = ${subnets(site.localSubnets)}
        remote_ts = ${subnets(site.remoteSubnets)}
        esp_proposals = ${esp.text}
        rekey_time = ${site.lifetimeSeconds}s
        start_action = start
        close_action = start
        dpd_action = ${liveness === 0 ? "clear" : "restart"}
      }
    }
  }
}
secrets {
  ike-erouted {
    id-1 = ${remoteId}
    id-2 = ${site.localId}
    secret = ${quotedOrHex(site)}
  }${ppkOfSecrets(site)}
}
`;
  return ok([{ path: "/etc/swanctl/conf.d/erouted.conf", text }, RETRANSMISSION]);
}

/**
 * erouted waits half a minute for a site to authenticate: the request is repeated several times in
 * it, and a call without an answer is over after a minute, not after three. With keyingtries = 0
 * the next one follows at once.
 */
const RETRANSMISSION: RemoteFile = {
  path: "/etc/strongswan.d/erouted-repeats.conf",
  text: `# Requests are repeated for a minute, then the call starts again.
charon {
  retransmit_timeout = 2.0
  retransmit_base = 1.5
  retransmit_tries = 6
}
`,
};

function versionOf({ phase1 }: RemoteSite): string {
  if (phase1 === undefined) return "    version = 2";
  return `    version = 1\n    aggressive = ${phase1 === "aggressive" ? "yes" : "no"}`;
}

function ppkOfConnection({ ppk }: RemoteSite): string {
  if (ppk === undefined) return "";
  return `
    ppk_id = ${ppk.id}
    ppk_required = ${ppk.isRequired ? "yes" : "no"}`;
}

function ppkOfSecrets({ ppk }: RemoteSite): string {
  if (ppk === undefined) return "";
  return `
  ppk-erouted {
    id-1 = ${ppk.id}
    secret = ${ppkQuotedOrHex(ppk)}
  }`;
}

const LIBRESWAN = {
  encr: dictionary(
    ...["aes256gcm16 aes_gcm256", "aes192gcm16 aes_gcm192", "aes128gcm16 aes_gcm128"],
    ...["aes256 aes256", "aes192 aes192", "aes128 aes128"],
    "chacha20poly1305 chacha20_poly1305",
  ),
  integ: dictionary("sha512 sha2_512", "sha384 sha2_384", "sha256 sha2_256", "sha1 sha1"),
  ke: dictionary(
    ...["x25519 dh31", "ecp256 dh19", "ecp384 dh20", "ecp521 dh21"],
    ...["modp2048 dh14", "modp3072 dh15", "modp4096 dh16"],
  ),
  prf: true,
  additional: false,
};

const LIBRESWAN_POLICY =
  "# Under `config setup` in /etc/ipsec.conf, IKEv1 has to be allowed: ikev1-policy=accept";

/** Releases after 5.3 have additional key exchanges for IKE; their words are written in full. */
const LIBRESWAN_IKE = {
  ...LIBRESWAN,
  ke: new Map([...LIBRESWAN.ke, ["mlkem768", "ml_kem_768"], ["mlkem1024", "ml_kem_1024"]]),
  additional: true,
};

/** Connection and key, each in a file of its own. */
export function libreswanFiles(site: RemoteSite): Result<readonly RemoteFile[], string> {
  const chosen = both(site, { ike: LIBRESWAN_IKE, esp: LIBRESWAN });
  if (!chosen.ok) return chosen;
  const { ike, esp } = chosen.value;
  const side = (name: string, list: RemoteSite["localSubnets"]) => {
    const [first, ...more] = list.map(formatPrefix);
    if (more.length === 0) return `${name}subnet=${first}`;
    return `${name}subnets={${[first, ...more].join(" ")}}`;
  };
  const localId = libreswanId(site.localId);
  const remoteId = libreswanId(site.remoteId ?? site.concentrator);
  const liveness = site.livenessSeconds;
  const dpd = liveness === undefined ? [] : [`dpddelay=${liveness}`, "dpdaction=restart"];
  const lines = [
    `# ${site.localId}: this end calls, again and again.`,
    ...(site.phase1 === undefined ? [] : [LIBRESWAN_POLICY]),
    "conn erouted",
    ...[
      ...["auto=start", "authby=secret", "keyingtries=0"],
      ...(site.phase1 === undefined ? ["ikev2=insist"] : ["ikev2=no"]),
      ...(site.phase1 === "aggressive" ? ["aggressive=yes"] : []),
      `ike=${libreswanIke(ike)}`,
      ...(ike.additional.length === 0 ? [] : ["intermediate=yes"]),
      `esp=${[esp.encr, esp.integ].filter((word) => word !== undefined).join("-")}`,
      // libreswan uses the IKE SA's group for it.
      `pfs=${esp.ke === ike.ke ? "yes" : "no"}`,
      `ikelifetime=${site.ikeLifetimeSeconds}s`,
      `salifetime=${site.lifetimeSeconds}s`,
      `mobike=${site.mobike ? "yes" : "no"}`,
      ...(site.ppk === undefined ? [] : [`ppk=${site.ppk.isRequired ? "insist" : "propose"}`]),
      ...dpd,
      ...["left=%defaultroute", `leftid=${localId}`, side("left", site.localSubnets)],
      ...[`right=${site.concentrator}`, `rightid=${remoteId}`],
      side("right", site.remoteSubnets),
    ].map((line) => `  ${line}`),
  ];
  const secrets = [`${localId} ${remoteId} : PSK ${quotedOrHex(site)}`];
  const { ppk } = site;
  if (ppk !== undefined) {
    secrets.push(`${localId} ${remoteId} : PPKS "${ppk.id}" ${ppkQuotedOrHex(ppk)}`);
  }
  return ok([
    { path: "/etc/ipsec.d/erouted.conf", text: `${lines.join("\n")}\n` },
    { path: "/etc/ipsec.d/erouted.secrets", text: `${secrets.join("\n")}\n` },
  ]);
}

/** `aes_gcm256-sha2_256-dh31`, or `aes_gcm256-sha2_256;dh31;addke1=ml_kem_768`. */
function libreswanIke({ encr, prf, integ, ke, additional }: Proposal): string {
  const protection = `${encr}-${prf ?? integ}`;
  if (additional.length === 0) return `${protection}-${ke}`;
  const more = additional.map(([type, method]) => `add${type}=${method}`);
  return [protection, ke, ...more].join(";");
}

/**
 * Names without a dot would be looked up as hosts; mail addresses and addresses stay as they are.
 */
function libreswanId(id: string): string {
  return id.includes("@") || /^[0-9.]+$/.test(id) || id.includes(":") ? id : `@${id}`;
}

/** UCI has no words for additional key exchanges. */
const OPENWRT = { ...STRONGSWAN, additional: false };

/** For the package strongswan-swanctl, which generates swanctl.conf from it. */
export function openwrtFiles(site: RemoteSite): Result<readonly RemoteFile[], string> {
  const chosen = both(site, { ike: OPENWRT, esp: OPENWRT });
  if (!chosen.ok) return chosen;
  const password = plainPassword(site);
  if (password === undefined) return err("OpenWrt accepts only keys of plain characters");
  const { ike, esp } = chosen.value;
  const option = (name: string, value: string | number) => `\toption ${name} '${value}'`;
  const list = (name: string, value: string) => `\tlist ${name} '${value}'`;
  const proposal = (name: string, isEsp: 0 | 1, { encr, integ, prf, ke }: Proposal) => [
    `config crypto_proposal '${name}'`,
    option("is_esp", isEsp),
    option("encryption_algorithm", encr),
    ...(integ === undefined ? [] : [option("hash_algorithm", integ)]),
    ...(prf === undefined ? [] : [option("prf_algorithm", `prf${prf}`)]),
    ...(ke === undefined ? [] : [option("dh_group", ke)]),
    "",
  ];
  const lines = [
    "config remote 'erouted'",
    option("enabled", 1),
    option("gateway", site.concentrator),
    option("local_identifier", site.localId),
    option("remote_identifier", site.remoteId ?? site.concentrator),
    option("authentication_method", "psk"),
    option("pre_shared_key", password),
    option("dpddelay", `${site.livenessSeconds ?? 0}s`),
    option("keyingtries", 0),
    list("crypto_proposal", "erouted_ike"),
    list("tunnel", "erouted_net"),
    "",
    "config tunnel 'erouted_net'",
    ...site.localSubnets.map((subnet) => list("local_subnet", formatPrefix(subnet))),
    ...site.remoteSubnets.map((subnet) => list("remote_subnet", formatPrefix(subnet))),
    ...[option("startaction", "start"), option("closeaction", "start")],
    ...[option("dpdaction", "restart"), list("crypto_proposal", "erouted_esp"), ""],
    ...proposal("erouted_ike", 0, ike),
    ...proposal("erouted_esp", 1, esp),
  ];
  return ok([{ path: "/etc/config/ipsec", text: lines.join("\n") }, RETRANSMISSION]);
}
