/** Eroutes: base eroutes, linked to an egroup, and normal ones (R3, R9). */

import { DEFAULT_PPK, DEFAULT_UNKNOWN_SITES } from "../eroute/defaults.ts";
import type { Eroute, ErouteCommon, UnknownSites } from "../eroute/eroute.ts";
import { ikev1AuthFault } from "../eroute/ikev1-auth.ts";
import { nearestText } from "../eroute/nearest.ts";
import { type Pattern, parsePattern } from "../eroute/pattern.ts";
import { type Address, parseAddress } from "../inet/address.ts";
import { formatPrefix, type Prefix, parseMask, parsePrefix, prefixOf } from "../inet/prefix.ts";
import { type Check, needed } from "./check.ts";
import { readAuth } from "./eroute-auth.ts";
import { readChild, readLife, readLiveness, readTraffic } from "./eroute-life.ts";
import { readVersions } from "./eroute-versions.ts";
import { type KeyPath, quoted } from "./fault.ts";
import type { RawConfig, RawEroute } from "./schema.ts";
import { callAddressOf, gatewayOf, idOf, listOf, nameOf } from "./value.ts";

/** An eroute as far as it could be read; `eroute` is there where all of it could. */
export type ReadEroute = {
  readonly path: KeyPath;
  readonly kind: Eroute["kind"];
  readonly name: string | undefined;
  readonly peerid: Pattern | undefined;
  readonly egroup: string | undefined;
  readonly localSubnets: readonly Prefix[];
  readonly remoteSubnets: readonly Prefix[];
  readonly eroute: Eroute | undefined;
};

/** All eroutes, in the order of the file. */
export function readEroutes(check: Check, raw: RawConfig): readonly ReadEroute[] {
  const names = new Set<string>();
  return (raw.eroute ?? []).map((rawEroute, i) => {
    const read = readEroute(check, ["eroute", i], rawEroute, readUnknownSites(raw));
    if (read.name !== undefined && names.has(read.name)) {
      const what = `is ${quoted(read.name)} for a second eroute`;
      check.fault([...read.path, "name"], what, "another name");
    }
    names.add(read.name ?? "");
    return read;
  });
}

/** Base eroutes must name egroups that exist. `known` holds what stands under [[egroup]]. */
export function checkEgroupNames(
  check: Check,
  eroutes: readonly ReadEroute[],
  known: readonly string[],
): void {
  const names = new Set(known);
  for (const { path, egroup } of eroutes) {
    if (egroup === undefined || names.has(egroup)) continue;
    const nearest = nearestText(egroup, known);
    const all = known.length === 0 ? "an [[egroup]] of that name" : `one of ${known.join(", ")}`;
    const expected = nearest === undefined ? all : `${nearest}, if that was meant`;
    check.fault(
      [...path, "egroup"],
      `is ${quoted(egroup)}, which no [[egroup]] is called`,
      expected,
    );
  }
}

/** Subnets that the default eroute never drops (R14). */
export function readExceptions(check: Check, raw: RawConfig): readonly Prefix[] {
  const { outbound, inbound, except } = raw.default_eroute ?? {};
  const path = ["default_eroute", "except"];
  if ((outbound === "drop" || inbound === "drop") && except === undefined) {
    const what = "is missing, and traffic without an eroute is dropped: yours as well";
    check.warn(path, what, "the subnets of management, databases and name servers");
  }
  return except === undefined ? [] : readSubnets(check, path, except);
}

/** Its name in a message. */
export function called({ name }: ReadEroute): string {
  return name === undefined ? "an eroute without name" : `eroute ${name}`;
}

/** What holds unless an eroute says something else. */
export function readUnknownSites({ ike }: RawConfig): UnknownSites {
  return ike?.unknown_sites ?? DEFAULT_UNKNOWN_SITES;
}

function readEroute(
  check: Check,
  path: KeyPath,
  raw: RawEroute,
  unknownSites: UnknownSites,
): ReadEroute {
  // An egroup that is wrong still says what kind was meant.
  const isBase = raw.egroup !== undefined || check.isFaulty([...path, "egroup"]);
  const name = nameOf(check, [...path, "name"], raw.name);
  const peerid = readPattern(check, [...path, "peerid"], raw.peerid);
  const localSubnets = readSubnets(check, [...path, "local_subnet"], raw.local_subnet);
  const remoteSubnets = readSubnets(check, [...path, "remote_subnet"], raw.remote_subnet);
  const ourid = raw.ourid === undefined ? undefined : idOf(check, [...path, "ourid"], raw.ourid);
  const { versions, ike, esp } = readVersions(check, path, raw);
  const auth = readAuth(check, path, raw);
  warnOfIkev1Auth(check, path, { auth, versions });
  const child = readChild(check, path, raw);
  const livenessMs = readLiveness(check, path, raw);
  const kind = isBase ? "base" : "normal";
  const { egroup } = raw;
  const read = { path, kind, name, peerid, egroup, localSubnets, remoteSubnets } as const;
  const life = readLife(check, path, raw, { isBase, unknownSites });
  const traffic = readTraffic(check, path, raw);
  const dns = readNameServers(check, [...path, "dns"], raw.dns);
  const addresses = readCallAddresses(check, path, raw, kind);
  if (name === undefined || peerid === undefined) return { ...read, eroute: undefined };
  const ppk = raw.ppk ?? DEFAULT_PPK;
  const common: ErouteCommon = {
    name,
    peerid,
    ourid,
    localSubnets,
    remoteSubnets,
    ike,
    esp,
    child,
    livenessMs,
    life,
    traffic,
    redirect: gatewayOf(check, [...path, "redirect"], raw.redirect),
    dns,
    auth,
    ppk,
    versions,
  };
  if (!isBase) return { ...read, eroute: { kind: "normal", ...common, ...addresses } };
  if (egroup === undefined) return { ...read, eroute: undefined };
  return { ...read, eroute: { kind: "base", ...common, egroup } };
}

/** With IKEv1 no site gets in, nor is any called. */
function warnOfIkev1Auth(
  check: Check,
  path: KeyPath,
  eroute: Pick<Eroute, "auth" | "versions">,
): void {
  const fault = eroute.versions.v1 === undefined ? undefined : ikev1AuthFault(eroute);
  if (fault === undefined) return;
  const what = `allows IKEv1, with which no site connects: ${fault}`;
  check.warn([...path, "ike_version"], what, "RSA certificates at both ends, or keys at both ends");
}

/** What hardly an ID has: `.*`, `^…`, `…$`, `[0-9]`, `\\d`, `(a|b)`, `{2}`. */
const REGULAR = /\.[*+]|^\^|\$$|\[[^\]]*\]|\\[dwsbDWS]|\(.*\|.*\)|\{\d+(,\d*)?\}/;

function readPattern(check: Check, path: KeyPath, text: string | undefined): Pattern | undefined {
  const given = needed(check, path, text);
  if (given === undefined) return undefined;
  const pattern = parsePattern(given);
  if (!pattern.ok) {
    check.fault(path, `is ${quoted(given)}: it ${pattern.error}`);
    return undefined;
  }
  if (given !== given.trim()) {
    check.warn(path, `is ${quoted(given)}, with blanks around it`, "an ID without them");
  }
  if (REGULAR.test(given)) {
    const what = `is ${quoted(given)}, which looks like a regular expression`;
    check.warn(path, what, "only * (any characters, also none) and ? (one) stand for others");
  }
  const spaced = given.replace(/(?<!\\) *, */g, ", ");
  if (/^(C|ST|L|O|OU|CN|E|DC|UID) *=/i.test(given) && spaced !== given) {
    const what = `is ${quoted(given)}: subjects of certificates have one blank after each comma`;
    check.warn(path, what, quoted(spaced));
  }
  return pattern.value;
}

/** R9: where a base eroute's peers are called is the rows' to say. */
function readCallAddresses(
  check: Check,
  path: KeyPath,
  raw: RawEroute,
  kind: Eroute["kind"],
): { readonly peerip: string | undefined; readonly bakpeerip: string | undefined } {
  if (kind === "normal") {
    return {
      peerip: callAddressOf(check, [...path, "peerip"], raw.peerip),
      bakpeerip: callAddressOf(check, [...path, "bakpeerip"], raw.bakpeerip),
    };
  }
  for (const key of ["peerip", "bakpeerip"] as const) {
    if (raw[key] === undefined) continue;
    const what = "is set in a base eroute, whose peers' addresses come from the database (R9)";
    check.fault([...path, key], what, `no ${key} here, or no egroup`);
  }
  return { peerip: undefined, bakpeerip: undefined };
}

/** One more would be of no use to anybody, and a CFG_REPLY is to fit into one datagram. */
const NAME_SERVERS_MAX = 8;

function readNameServers(
  check: Check,
  path: KeyPath,
  value: string | readonly string[] | undefined,
): readonly Address[] {
  const given = listOf(path, value);
  if (given.length > NAME_SERVERS_MAX) check.fault(path, `holds ${given.length} addresses`);
  return given.flatMap(({ path: at, text }) => {
    const address = parseAddress(text);
    if (address === undefined) check.fault(at, `is ${quoted(text)}`);
    return address === undefined ? [] : [address];
  });
}

function readSubnets(
  check: Check,
  path: KeyPath,
  value: string | readonly string[] | undefined,
): readonly Prefix[] {
  if (needed(check, path, value)?.length === 0) check.fault(path, "is empty");
  const subnets: Prefix[] = [];
  for (const { path: at, text } of listOf(path, value)) {
    const subnet = parsePrefix(text);
    if (subnet !== undefined) subnets.push(subnet);
    else if (text !== "" || at !== path) wrongSubnet(check, at, text);
  }
  return subnets;
}

function wrongSubnet(check: Check, path: KeyPath, text: string): void {
  const [addressText = "", maskText = ""] = text.split("/");
  const address = parseAddress(addressText);
  const length = address && parseMask(maskText, address.family);
  if (address === undefined || length === undefined) {
    check.fault(path, `is ${quoted(text)}`);
    return;
  }
  const meant = formatPrefix(prefixOf(address, length));
  check.fault(path, `is ${quoted(text)}, which has host bits set`, `"${meant}", if that was meant`);
}
