/** `eroute n` of the old router as an `[[eroute]]`. */

import { parseAddress } from "../../inet/address.ts";
import { formatPrefix, parseMask, prefixOf } from "../../inet/prefix.ts";
import { espProposal, type SarosProposal } from "./proposals.ts";
import { none, type Settings, taken, toDo, wrong } from "./settings.ts";
import { type Section, section } from "./toml.ts";

export type SarosEroute = {
  readonly instance: number;
  readonly section: Section;
  readonly settings: Settings;
  readonly peerid: string;
};

export type ErouteContext = {
  readonly name: string;
  /** The egroup that it is linked to: makes it a base eroute. */
  readonly egroup: string | undefined;
  /** The IKE proposal of an `ike` instance. */
  readonly ike: (instance: number) => SarosProposal | undefined;
  readonly ikeLifetimeS: (instance: number) => number | undefined;
  readonly dpdS: number | undefined;
};

/** Undefined if it lacks something that an eroute needs: the report says so. */
export function importEroute(settings: Settings, context: ErouteContext): SarosEroute | undefined {
  const eroute = section("[[eroute]]");
  const { keys } = eroute;
  const peerid = settings.get("peerid");
  if (peerid === undefined || !isUsable(settings)) return leaveOut(settings);
  keys.set("name", context.name);
  if (context.egroup !== undefined) keys.set("egroup", context.egroup);
  settings.tell("descr", taken(`name ${context.name}`));
  importIds(settings, keys);
  settings.tell("ouridtype", none("the kind of an ID follows from its form"));
  importAddresses(settings, eroute, context);
  importSubnet(settings, keys, "loc");
  importSubnet(settings, keys, "rem");
  const hasIkev1 = usesIkev1(settings);
  const esp = espProposal(settings, hasIkev1);
  const instance = Number(settings.get("ikecfg") ?? "0");
  const ofInstance = context.ike(instance);
  const ike = ofInstance?.isWeak === true && !hasIkev1 ? undefined : ofInstance;
  if (hasIkev1) importIkev1(settings, keys, [ike, esp]);
  if (ike !== undefined)
    keys.set("ike", ike.isWeak ? ["aes256-sha256-modp2048", ike.text] : ike.text);
  settings.tell(
    "ikecfg",
    ike === undefined
      ? none(`ike ${instance} makes no proposal: erouted's own apply`)
      : taken(`proposals of ike ${instance}`),
  );
  if (esp !== undefined) keys.set("esp", esp.isWeak ? ["aes256-sha256", esp.text] : esp.text);
  importTimes(settings, keys, context, instance);
  importStart(settings, keys, context);
  importSelectors(settings, keys);
  settings.tellRest(restOf);
  return { instance: settings.instance, section: eroute, settings, peerid };
}

type Keys = Section["keys"];

/** IKEv1 is what the old router speaks unless it is told otherwise. */
export function usesIkev1(settings: Settings): boolean {
  return settings.get("ikever") !== "2";
}

/** Its sites may come with both versions: each can be changed to IKEv2 when its time comes. */
function importIkev1(
  settings: Settings,
  keys: Keys,
  proposals: readonly (SarosProposal | undefined)[],
): void {
  keys.set("ike_version", "both");
  if (proposals.some((proposal) => proposal?.isLegacy === true)) keys.set("legacy", true);
  settings.tell("ikever", taken("ike_version both: sites can be changed to IKEv2 one by one"));
}

function copy(settings: Settings, keys: Keys, key: string): string | undefined {
  const value = settings.get(key);
  if (value === undefined) return undefined;
  keys.set(key, value);
  settings.tell(key, taken(key));
  return value;
}

function importIds(settings: Settings, keys: Keys): void {
  for (const key of ["peerid", "ourid"]) {
    const isAscii = /^\p{ASCII}*$/u.test(settings.get(key) ?? "");
    const value = copy(settings, keys, key);
    if (value === undefined || isAscii) continue;
    const why =
      "it has letters beyond ASCII: erouted compares IDs as UTF-8; check what the site sends";
    settings.remark(settings.lineOf(key), `${key} as text`, toDo(why));
  }
}

/** R9: in a base eroute they come from the row. */
function importAddresses(settings: Settings, { keys }: Section, context: ErouteContext): void {
  for (const key of ["peerip", "bakpeerip"]) {
    if (context.egroup === undefined) copy(settings, keys, key);
    else settings.tell(key, none("in a base eroute it comes from the row (R9)"));
  }
}

function importSubnet(settings: Settings, keys: Keys, side: "loc" | "rem"): void {
  const [ipKey, maskKey] = [`${side}ip`, `${side}msk`];
  const [ip, mask] = [settings.get(ipKey), settings.get(maskKey)];
  if (ip === undefined) return;
  const address = parseAddress(ip);
  if (address === undefined) {
    settings.tell(ipKey, wrong(`"${ip}" is not an IP address`));
    return;
  }
  const length = parseMask(mask ?? "255.255.255.255", address.family);
  if (length === undefined) {
    settings.tell(maskKey, wrong(`"${mask}" is not a mask of an IPv${address.family} subnet`));
    return;
  }
  const subnet = formatPrefix(prefixOf(address, length));
  const key = side === "loc" ? "local_subnet" : "remote_subnet";
  keys.set(key, subnet);
  const assumed = mask === undefined ? `; there is no ${maskKey}: a single address is assumed` : "";
  settings.tell(
    ipKey,
    assumed === "" ? taken(`${key} ${subnet}`) : toDo(`${key} ${subnet}${assumed}`),
  );
  settings.tell(maskKey, taken(`${key} ${subnet}`));
}

function isUsable(settings: Settings): boolean {
  if (lacksOf(settings).length > 0 || otherMethodOf(settings) !== undefined) return false;
  settings.tell("authmeth", taken("pre-shared keys are what erouted uses"));
  return true;
}

/** What an eroute needs, and this one has. */
function lacksOf(settings: Settings): readonly string[] {
  return ["peerid", "locip", "remip"].filter((key) => settings.get(key) === undefined);
}

/** How it authenticates, if not with a pre-shared key. */
function otherMethodOf(settings: Settings): string | undefined {
  const method = settings.get("authmeth")?.toUpperCase();
  return method !== undefined && /^PRE-?SHARED$/.test(method) ? undefined : method;
}

/** Reports why, and that each of its lines is left out with it. */
function leaveOut(settings: Settings): undefined {
  const lacks = lacksOf(settings);
  const why =
    lacks.length > 0
      ? `it has no ${lacks.join(", no ")}`
      : `erouted authenticates with pre-shared keys, not ${otherMethodOf(settings)}`;
  settings.remark(settings.lineOf("peerid"), "(all of it)", toDo(`the eroute is left out: ${why}`));
  settings.tellRest(() => none("its eroute is left out"));
}

function importTimes(
  settings: Settings,
  keys: Keys,
  context: ErouteContext,
  ikeInstance: number,
): void {
  importSeconds(settings, keys, { from: "ltime", to: "lifetime", max: 604_800, min: 5 });
  const kilobytes = wholeNumber(settings.get("lkbytes"));
  if (kilobytes !== undefined && kilobytes >= 1_000) {
    keys.set("lifetime_bytes", kilobytes * 1_024);
    settings.tell("lkbytes", taken(`lifetime_bytes ${kilobytes * 1_024}`));
  } else if (kilobytes === 0) settings.tell("lkbytes", taken("0: no limit, the default"));
  else settings.tell("lkbytes", none("lifetime_bytes can be 1000 kilobytes and more: no limit"));
  for (const from of ["inactto", "inact_to"]) {
    importSeconds(settings, keys, { from, to: "inactivity", max: 2_592_000, min: 10 });
  }
  const ikeLifetimeS = context.ikeLifetimeS(ikeInstance);
  if (ikeLifetimeS !== undefined) keys.set("ike_lifetime", `${ikeLifetimeS}s`);
  if (context.dpdS !== undefined) keys.set("dpd", `${context.dpdS}s`);
}

type Seconds = {
  readonly from: string;
  readonly to: string;
  readonly min: number;
  readonly max: number;
};

function importSeconds(settings: Settings, keys: Keys, { from, to, min, max }: Seconds): void {
  const text = settings.get(from);
  if (text === undefined) return;
  const seconds = wholeNumber(text);
  if (seconds === undefined)
    return settings.tell(from, wrong(`"${text}" is not a number of seconds`));
  if (seconds === 0) return settings.tell(from, none(`0: ${to} stays at its default`));
  if (seconds < min || seconds > max) {
    return settings.tell(from, none(`${to} can be ${min} s to ${max} s: it stays at its default`));
  }
  keys.set(to, `${seconds}s`);
  settings.tell(from, taken(`${to} ${seconds}s`));
}

/** R12, R14, and which end keeps a tunnel up. */
function importStart(settings: Settings, keys: Keys, context: ErouteContext): void {
  const action = settings.get("nosa")?.toLowerCase();
  const noSa = action === undefined ? undefined : NO_SA.get(action);
  if (noSa !== undefined) {
    // Initiate is the default, and without an address to call it need not be written.
    if (noSa !== "initiate") keys.set("no_sa", noSa);
    settings.tell("nosa", taken(`no_sa ${noSa}`));
  }
  const auto = settings.get("autosa");
  if (auto === undefined) return;
  if (auto === "0") return settings.tell("autosa", taken("start on-traffic, the default"));
  const hindrance =
    (context.egroup !== undefined && "a base eroute has no single peer to be called") ||
    (!keys.has("peerip") && "there is no peerip to call") ||
    (/[*?]/.test(String(keys.get("peerid"))) && "its peerid is a pattern, not one peer") ||
    (keys.has("inactivity") && "an eroute with an inactivity time-out cannot always be up");
  if (hindrance !== false) return settings.tell("autosa", none(hindrance));
  keys.set("start", "always");
  const lost = auto === "2" ? "; the condition on the route's interface has no counterpart" : "";
  settings.tell("autosa", taken(`start always${lost}`));
}

const NO_SA: ReadonlyMap<string, string> = new Map([
  ["use", "initiate"],
  ["ike", "initiate"],
  ["try", "initiate"],
  ["drop", "drop"],
  ["pass", "pass"],
]);

function importSelectors(settings: Settings, keys: Keys): void {
  if (settings.get("mode")?.toLowerCase() === "transport") {
    keys.set("transport", true);
    settings.tell("mode", taken("transport"));
  } else settings.tell("mode", taken("tunnel mode, the default"));
  const protocol = settings.get("proto")?.toLowerCase();
  if (protocol !== undefined && PROTOCOLS.has(protocol)) {
    keys.set("protocol", protocol);
    settings.tell("proto", taken(`protocol ${protocol}`));
  }
  for (const [from, to] of PORTS) {
    const port = wholeNumber(settings.get(from));
    if (port === undefined || port > 65_535) continue;
    if (port === 0) settings.tell(from, none("0: every port"));
    else if (protocol === "tcp" || protocol === "udp") {
      keys.set(to, port);
      settings.tell(from, taken(`${to} ${port}`));
    } else settings.tell(from, none("a port needs proto tcp or udp"));
  }
}

const PROTOCOLS: ReadonlySet<string> = new Set(["tcp", "udp", "icmp", "gre"].values());

const PORTS = [
  ["locport", "local_port"],
  ["remport", "remote_port"],
] as const;

function restOf(key: string, value: string): ReturnType<typeof none> {
  if (key === "ikever") return taken(`IKEv${value}`);
  if (/^ah/.test(key)) return none("erouted supports ESP, not AH");
  if (/comp/.test(key)) return none("erouted does not compress");
  if (/ifent|ifadd/.test(key)) return none("erouted finds the interface by the host's routes");
  return none("erouted has no counterpart");
}

/** Decimal digits as a number; undefined for anything else. */
export function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^[0-9]{1,9}$/.test(text) ? Number(text) : undefined;
}
