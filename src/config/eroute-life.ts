/** When an eroute's SAs start, are replaced and end; what they carry, and how (R12-R14). */

import { INACTIVITY_MS, LIFETIME_MS } from "../eroute/bounds.ts";
import { DEFAULT_CHILD, DEFAULT_LIFE } from "../eroute/defaults.ts";
import type { ChildOptions, ErouteLife, TrafficLimit, UnknownSites } from "../eroute/eroute.ts";
import { DAY_MS, HOUR_MS } from "../octets/instant.ts";
import type { Check } from "./check.ts";
import { type KeyPath, quoted } from "./fault.ts";
import { parseOctetCount } from "./octet-count.ts";
import type { RawEroute } from "./schema.ts";
import { durationMs } from "./value.ts";

const MINUTE_MS = 60_000;
const LIFETIME_OCTETS_MIN = 1_000_000n;

/** Values below these are warned about: they make sense only for experiments. */
const LIFETIME_MS_SENSIBLE = 5 * MINUTE_MS;

/** The eroute's life, with defaults for keys that the file does not set. */
export function readLife(
  check: Check,
  path: KeyPath,
  raw: RawEroute,
  { isBase, unknownSites }: { readonly isBase: boolean; readonly unknownSites: UnknownSites },
): ErouteLife {
  const at = (key: string) => [...path, key];
  const start = raw.start ?? DEFAULT_LIFE.start;
  const noSa = raw.no_sa ?? DEFAULT_LIFE.noSa;
  if (start === "always" && isBase) {
    const what = 'is "always" in a base eroute, whose sites are known only from their rows';
    check.fault(at("start"), what, '"on-traffic" or "never"');
  }
  if (start === "always" && !isBase && raw.peerip === undefined) {
    check.fault(at("start"), 'is "always" without a peerip', "a peerip to call");
  }
  if (start === "never" && raw.no_sa === "initiate") {
    const what = 'is "initiate", but start is "never": its packets wait for the site to call';
    check.warn(at("no_sa"), what, '"drop" or "pass"');
  }
  const ikeLifetimeMs = durationMs(check, at("ike_lifetime"), raw.ike_lifetime, {
    min: 5_000,
    max: 30 * DAY_MS,
    otherwise: DEFAULT_LIFE.ikeLifetimeMs,
  });
  warnIfShort(check, at("ike_lifetime"), ikeLifetimeMs);
  return {
    unknownSites: raw.unknown_sites ?? unknownSites,
    start,
    noSa,
    inactivityMs: orOff(check, at("inactivity"), raw.inactivity, INACTIVITY_MS.min),
    uniqueness: raw.uniqueness ?? DEFAULT_LIFE.uniqueness,
    overlap: raw.overlap ?? DEFAULT_LIFE.overlap,
    ikeLifetimeMs,
    reauthMs: orOff(check, at("reauth"), raw.reauth, MINUTE_MS),
    mobike: raw.mobike ?? DEFAULT_LIFE.mobike,
    fragmentation: raw.fragmentation ?? DEFAULT_LIFE.fragmentation,
    fragmentSize: fragmentSizeOf(check, at, raw),
    childSasMax: raw.child_sas_max ?? DEFAULT_LIFE.childSasMax,
    followRedirect: raw.follow_redirect ?? DEFAULT_LIFE.followRedirect,
  };
}

/** A size without fragmentation has no effect: whoever sets it means something else. */
function fragmentSizeOf(
  check: Check,
  at: (key: string) => KeyPath,
  { fragmentation, fragment_size: size }: RawEroute,
): number {
  if (size !== undefined && fragmentation === false) {
    check.warn(at("fragment_size"), "does nothing without fragmentation", "fragmentation = true");
  }
  return size ?? DEFAULT_LIFE.fragmentSize;
}

/** How its Child SAs are set up. */
export function readChild(check: Check, path: KeyPath, raw: RawEroute): ChildOptions {
  const at = (key: string) => [...path, key];
  const lifetimeMs = durationMs(check, at("lifetime"), raw.lifetime, {
    ...LIFETIME_MS,
    otherwise: HOUR_MS,
  });
  warnIfShort(check, at("lifetime"), lifetimeMs);
  const packets = raw.lifetime_packets;
  return {
    lifetimeSeconds: Math.floor(lifetimeMs / 1000),
    lifetimeOctets: readOctets(check, at("lifetime_bytes"), raw.lifetime_bytes),
    lifetimePackets: packets === undefined ? undefined : BigInt(packets),
    replayWindow: raw.replay_window ?? DEFAULT_CHILD.replayWindow,
    transport: raw.transport ?? DEFAULT_CHILD.transport,
    copyDscp: raw.copy_dscp ?? DEFAULT_CHILD.copyDscp,
    ecn: raw.ecn ?? DEFAULT_CHILD.ecn,
    pathMtuDiscovery: raw.path_mtu_discovery ?? DEFAULT_CHILD.pathMtuDiscovery,
    ifId: raw.if_id,
    mark: readMark(check, at("mark"), raw.mark),
    routes: raw.routes ?? DEFAULT_CHILD.routes,
  };
}

/** Dead peer detection, in RFC 7296's words the liveness check. */
export function readLiveness(check: Check, path: KeyPath, raw: RawEroute): number | undefined {
  if (raw.dpd === "off") return undefined;
  const bounds = { min: 1_000, max: DAY_MS, otherwise: 30_000 };
  return durationMs(check, [...path, "dpd"], raw.dpd, bounds);
}

const PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ["icmp", 1],
  ["tcp", 6],
  ["udp", 17],
  ["gre", 47],
  ["icmp6", 58],
  ["sctp", 132],
]);

/** Protocols whose packets have ports. */
const WITH_PORTS: readonly number[] = [6, 17, 132];

/** Which packets of its subnets it applies to. */
export function readTraffic(check: Check, path: KeyPath, raw: RawEroute): TrafficLimit {
  const given = raw.protocol;
  const protocol = given === undefined ? 0 : protocolOf(given);
  if (protocol === undefined) check.fault([...path, "protocol"], `is ${quoted(String(given))}`);
  for (const key of ["local_port", "remote_port"] as const) {
    if (raw[key] === undefined || (protocol !== undefined && WITH_PORTS.includes(protocol))) {
      continue;
    }
    const what = "is set, but protocol is not one that has ports";
    check.fault([...path, key], what, 'protocol = "tcp", "udp" or "sctp" beside it');
  }
  return { protocol: protocol ?? 0, localPort: raw.local_port, remotePort: raw.remote_port };
}

function protocolOf(given: string | number): number | undefined {
  const named = PROTOCOLS.get(String(given).toLowerCase());
  const number = named ?? (/^[0-9]{1,3}$/.test(String(given)) ? Number(given) : 0);
  return number >= 1 && number <= 255 ? number : undefined;
}

function readMark(
  check: Check,
  path: KeyPath,
  given: string | number | undefined,
): ChildOptions["mark"] {
  if (given === undefined) return undefined;
  const [valueText = "", maskText = "0xffffffff", ...more] = String(given).split("/");
  const [value, mask] = [valueText, maskText].map(u32Of);
  if (value === undefined || mask === undefined || more.length > 0) {
    check.fault(path, `is ${quoted(String(given))}`);
    return undefined;
  }
  if (mask === 0) {
    check.fault(path, `is ${quoted(String(given))}, whose mask matches every packet`, "no mark");
  } else if ((value & ~mask) >>> 0 !== 0) {
    check.fault(path, `is ${quoted(String(given))}, whose value has bits that its mask lacks`);
  }
  return { value, mask };
}

function u32Of(text: string): number | undefined {
  if (!/^(0x[0-9a-fA-F]{1,8}|[0-9]{1,10})$/.test(text)) return undefined;
  const value = Number(text);
  return value <= 0xffff_ffff ? value : undefined;
}

function orOff(
  check: Check,
  path: KeyPath,
  text: string | undefined,
  min: number,
): number | undefined {
  if (text === undefined || text === "off") return undefined;
  return durationMs(check, path, text, { min, max: 30 * DAY_MS, otherwise: DAY_MS });
}

function warnIfShort(check: Check, path: KeyPath, ms: number): void {
  if (ms >= LIFETIME_MS_SENSIBLE) return;
  check.warn(path, `is ${ms / 1000} s: keys are replaced all the time`, "5m or more");
}

function readOctets(
  check: Check,
  path: KeyPath,
  value: string | number | undefined,
): bigint | undefined {
  if (value === undefined) return undefined;
  const octets = parseOctetCount(String(value));
  // XFRM counts in 64 bits, and the hard limit above this one must fit too.
  if (octets !== undefined && octets >= LIFETIME_OCTETS_MIN && octets < 1n << 62n) return octets;
  check.fault(path, `is ${quoted(String(value))}`);
  return undefined;
}
