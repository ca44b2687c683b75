/** Settings that are not about eroutes: sockets, data plane, status server, log, limits. */

import { parseCallAddress } from "../eroute/call-address.ts";
import { DEFAULT_LIMITS } from "../eroute/defaults.ts";
import type { Egroup, EngineLimits } from "../eroute/eroute.ts";
import {
  type Address,
  equalAddress,
  type Family,
  formatAddress,
  parseAddress,
} from "../inet/address.ts";
import { isLoopback } from "../inet/loopback.ts";
import type { Check } from "./check.ts";
import { quoted } from "./fault.ts";
import type { LogLevel } from "./log-level.ts";
import { parseOctetCount } from "./octet-count.ts";
import type { RawConfig } from "./schema.ts";
import { fileText, type SecretKeys, secretOf } from "./secret.ts";
import { durationMs, gatewayOf, listOf } from "./value.ts";

export type IkeSettings = {
  readonly listen: readonly Address[];
  readonly port: number;
  readonly natPort: number;
};

export type StatusSettings = {
  /** Undefined: there is no status server. */
  readonly listen: { readonly host: string; readonly port: number } | undefined;
  /** Required for every request except health checks; undefined: no token is required. */
  readonly token: string | undefined;
  /** Required for requests that change something; undefined: these are not allowed at all. */
  readonly operateToken: string | undefined;
  /** Whether an operator may read the keys of IKE SAs, too. */
  readonly allowKeyExport: boolean;
  /** Undefined: HTTP without TLS. */
  readonly tls: TlsSettings | undefined;
};

/** PEM texts. */
export type TlsSettings = { readonly cert: string; readonly key: string };

export type LogSettings = {
  readonly level: LogLevel;
  readonly format: "json" | "text";
};

export type ReloadSettings = {
  /** Percent of the connected sites; undefined: the value in force stays. */
  readonly closePercentMax: number | undefined;
};

/** Used until a configuration sets another. */
export const CLOSE_PERCENT_MAX = 10;

const IKE_PORT = 500;
const NAT_PORT = 4500;
const ANY_ADDRESSES = ["0.0.0.0", "::"];
const STATUS_LISTEN = "127.0.0.1:8080";

/** The same, parsed. */
export const DEFAULT_STATUS_LISTEN = { host: "127.0.0.1", port: 8080 } as const;

/** Where IKE is spoken. */
export function readIke(check: Check, raw: RawConfig): IkeSettings {
  const { port = IKE_PORT, nat_port: natPort = NAT_PORT } = raw.ike ?? {};
  const listen: Address[] = [];
  const path = ["ike", "listen"];
  const given = raw.ike?.listen ?? ANY_ADDRESSES;
  for (const { path: at, text } of listOf(path, given)) {
    const address = parseAddress(text);
    if (address === undefined) check.fault(at, `is ${quoted(text)}`);
    else if (listen.some((other) => equalAddress(other, address))) {
      check.fault(at, `names ${formatAddress(address)} a second time`, "each address once");
    } else listen.push(address);
  }
  if (given.length === 0) check.fault(path, "is empty");
  if (port === natPort) {
    check.fault(["ike", "nat_port"], `is ${natPort}, like port`, "another port than port");
  }
  return { listen, port, natPort };
}

/** Limits of the engine. `deadlines` are those of the egroups' look-ups, ms. */
export function readLimits(
  check: Check,
  raw: RawConfig,
  deadlines: readonly number[],
): EngineLimits {
  const ike = raw.ike ?? {};
  const dynamic = raw.dynamic_eroutes ?? {};
  const { half_open_max: halfOpenMax = 10_000, cookie_above: cookieAbove = 256 } = ike;
  if (ike.cookie_above !== undefined && cookieAbove >= halfOpenMax) {
    const what = `is ${cookieAbove}, half_open_max is ${halfOpenMax}: a cookie is never requested`;
    check.warn(["ike", "cookie_above"], what, "less than half_open_max");
  }
  const inSection = (key: string) => ["dynamic_eroutes", key];
  const perPrefix = ike.half_open_per_prefix ?? DEFAULT_LIMITS.halfOpenPerPrefixMax;
  const { retransmission, natKeepaliveMs, callsMax } = DEFAULT_LIMITS;
  const { ikeSasPerSiteMax, childSasPerSiteMax } = DEFAULT_LIMITS;
  return {
    halfOpenPerPrefixMax: Math.min(perPrefix, halfOpenMax),
    ikeSasPerSiteMax: ike.ike_sas_per_site ?? ikeSasPerSiteMax,
    childSasPerSiteMax: ike.child_sas_per_site ?? childSasPerSiteMax,
    callsMax: ike.calls_max ?? callsMax,
    retransmission: {
      firstMs: durationMs(check, ["ike", "retransmit_first"], ike.retransmit_first, {
        min: 100,
        max: 60_000,
        otherwise: retransmission.firstMs,
      }),
      backoff: ike.retransmit_backoff ?? retransmission.backoff,
      attemptsMax: ike.retransmit_tries ?? retransmission.attemptsMax,
    },
    natKeepaliveMs: durationMs(check, ["ike", "nat_keepalive"], ike.nat_keepalive, {
      min: 1_000,
      max: 600_000,
      otherwise: natKeepaliveMs,
    }),
    dynamicEroutesMax: dynamic.max ?? 4096,
    evictBelowFreePercent: dynamic.evict_below_free_percent ?? 10,
    redirectTo: gatewayOf(check, inSection("redirect_to"), dynamic.redirect_to),
    evictEveryMs: durationMs(check, inSection("evict_interval"), dynamic.evict_interval, {
      min: 1_000,
      max: 3_600_000,
      otherwise: 10_000,
    }),
    halfOpenMax,
    halfOpenOctetsMax: halfOpenOctets(check, ike.half_open_memory),
    cookieAbove,
    halfOpenMs: durationMs(check, ["ike", "half_open_timeout"], ike.half_open_timeout, {
      min: 1_000,
      max: 600_000,
      otherwise: 30_000,
    }),
    lookupMs: Math.max(LOOKUP_MS, ...deadlines) + LOOKUP_GRACE_MS,
    unknownIdMs: durationMs(check, inSection("unknown_id_memory"), dynamic.unknown_id_memory, {
      min: 0,
      max: 600_000,
      otherwise: 2_000,
    }),
  };
}

/** Limits for half-open IKE SAs. */
function halfOpenOctets(check: Check, text: string | undefined): number {
  if (text === undefined) return DEFAULT_LIMITS.halfOpenOctetsMax;
  const octets = parseOctetCount(text);
  if (octets !== undefined && octets >= HALF_OPEN_OCTETS_MIN && octets <= HALF_OPEN_OCTETS_MAX) {
    return Number(octets);
  }
  const want = 'a number of octets from 1MiB to 64GiB, such as "64MiB"';
  check.fault(["ike", "half_open_memory"], `is "${text}"`, want);
  return DEFAULT_LIMITS.halfOpenOctetsMax;
}

const HALF_OPEN_OCTETS_MIN = 1024n ** 2n;
const HALF_OPEN_OCTETS_MAX = 64n * 1024n ** 3n;

/** A look-up's deadline if the egroup sets none. */
export const LOOKUP_MS = 2_000;

/** The engine waits a little longer than the databases' own deadlines, whose errors say more. */
const LOOKUP_GRACE_MS = 500;

/** R8: where the status server listens; on other addresses than loopback only with a token. */
export function readStatus(check: Check, raw: RawConfig): StatusSettings {
  const { listen: text = STATUS_LISTEN, token_file: file, token_env: env } = raw.status ?? {};
  const token = readToken(check, { word: "token", file, env });
  const operateToken = readToken(check, {
    word: "operate_token",
    file: raw.status?.operate_token_file,
    env: raw.status?.operate_token_env,
  });
  if (operateToken !== undefined && operateToken === token) {
    const key = raw.status?.operate_token_file === undefined ? "env" : "file";
    const what = "is the same token as in token_file: whoever may read may also change";
    check.warn(["status", `operate_token_${key}`], what, "a token of its own");
  }
  const allowKeyExport = raw.status?.allow_key_export ?? false;
  if (allowKeyExport) {
    const what = "is on: the operate token is enough to decrypt all IKE messages";
    check.warn(["status", "allow_key_export"], what, "false, as soon as it is no longer needed");
  }
  const rest = { token, operateToken, allowKeyExport, tls: readTls(check, raw) };
  if (text === "off") return { listen: undefined, ...rest };
  const listen = parseHostPort(text);
  if (listen === undefined) {
    check.fault(["status", "listen"], `is ${quoted(text)}`);
    return { listen: undefined, ...rest };
  }
  if (!isLoopback(listen.host) && file === undefined && env === undefined) {
    const what = `is ${quoted(text)}, which others can reach, and there is no token`;
    check.fault(["status", "listen"], what, "token_file beside it, or a loopback address");
  }
  if (!isLoopback(listen.host) && rest.tls === undefined) {
    const what = `is ${quoted(text)}: tokens are sent to it in clear`;
    check.warn(["status", "listen"], what, "tls_cert_file and tls_key_file beside it");
  }
  return { listen, ...rest };
}

/** Both files or neither; whether they match is checked when they are used. */
function readTls(check: Check, raw: RawConfig): TlsSettings | undefined {
  const { tls_cert_file: certFile, tls_key_file: keyFile } = raw.status ?? {};
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) {
    const [given, missing] =
      certFile === undefined
        ? ["tls_key_file", "tls_cert_file"]
        : ["tls_cert_file", "tls_key_file"];
    check.fault(["status", given], "needs the other half", `${missing} beside it`);
    return undefined;
  }
  const cert = fileText(check, ["status", "tls_cert_file"], certFile);
  const key = fileText(check, ["status", "tls_key_file"], keyFile);
  if (cert === undefined || key === undefined) return undefined;
  if (!cert.includes("-----BEGIN CERTIFICATE-----")) {
    check.fault(["status", "tls_cert_file"], `is ${quoted(certFile)}: no PEM certificate is in it`);
  } else if (!/-----BEGIN ([A-Z]+ )?PRIVATE KEY-----/.test(key)) {
    const what = `is ${quoted(keyFile)}: no PEM private key without a passphrase is in it`;
    check.fault(["status", "tls_key_file"], what);
  } else return { cert, key };
  return undefined;
}

function readToken(check: Check, keys: Omit<SecretKeys, "path">): string | undefined {
  const token = secretOf(check, { path: ["status"], ...keys });
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    const place = `${keys.word}_${keys.file === undefined ? "env" : "file"}`;
    check.fault(["status", place], "names a token that no HTTP header can carry", PRINTABLE);
  } else if (token !== undefined && isGuessable(token)) {
    const place = `${keys.word}_${keys.file === undefined ? "env" : "file"}`;
    const what =
      token.length < TOKEN_LENGTH_MIN
        ? `names a token of ${counted(token.length)}, which can be guessed`
        : "names a token of few different characters, which can be guessed";
    check.fault(["status", place], what, GUARDED);
  }
  return token;
}

/** 64 bits if they are random hexadecimal digits. */
const TOKEN_LENGTH_MIN = 16;
const TOKEN_VARIETY_MIN = 6;
const GUARDED = `${TOKEN_LENGTH_MIN} characters or more, such as those of openssl rand -hex 16`;

function isGuessable(token: string): boolean {
  return token.length < TOKEN_LENGTH_MIN || new Set(token).size < TOKEN_VARIETY_MIN;
}

function counted(characters: number): string {
  return characters === 1 ? "1 character" : `${characters} characters`;
}

const PRINTABLE = "printable ASCII characters without blanks";

/** What is logged, and how. */
export function readLog(raw: RawConfig): LogSettings {
  return { level: raw.log?.level ?? "info", format: raw.log?.format ?? "text" };
}

/** From which remote prefix length on the kernel finds policies by hash; undefined: its own. */
export type PolicyHash = Readonly<Record<Family, number | undefined>>;

/** `masks`: those of the egroups, which say how long the subnets of sites usually are. */
export function readPolicyHash(raw: RawConfig, masks: readonly Egroup["remoteMask"][]): PolicyHash {
  const v4 = usualLength(
    masks.map((mask) => mask.v4),
    { min: 16, max: 24 },
  );
  const v6 = usualLength(
    masks.map((mask) => mask.v6),
    { min: 48, max: 64 },
  );
  const { policy_hash: set4 = v4, policy_hash6: set6 = v6 } = raw.dataplane ?? {};
  return { 4: set4 === false ? undefined : set4, 6: set6 === false ? undefined : set6 };
}

/**
 * The longest counts: that shorter ones stay in the kernel's trees is a lesser evil than thousands
 * of long ones in one chain. Up to 256 in one chain are hardly noticed.
 */
function usualLength(
  lengths: readonly (number | undefined)[],
  { min, max }: { readonly min: number; readonly max: number },
): number {
  const known = lengths.filter((length) => length !== undefined);
  return known.length === 0 ? max : Math.max(min, Math.min(max, Math.max(...known)));
}

/** What a reload may do. */
export function readReload(raw: RawConfig): ReloadSettings {
  return { closePercentMax: raw.reload?.close_percent_max };
}

/** `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`; the host without brackets. */
function parseHostPort(text: string): { readonly host: string; readonly port: number } | undefined {
  const parts = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+)):([0-9]{1,5})$/.exec(text);
  if (parts === null) return undefined;
  const [, inBrackets, plain = ""] = parts;
  const port = Number(parts[3]);
  if (port < 1 || port > 65_535) return undefined;
  if (inBrackets !== undefined) {
    return parseAddress(inBrackets)?.family === 6 ? { host: inBrackets, port } : undefined;
  }
  // 0.0.0.0 can be listened on, but is not an address to connect to.
  const isHost = parseAddress(plain) !== undefined || parseCallAddress(plain).ok;
  return isHost ? { host: plain, port } : undefined;
}
