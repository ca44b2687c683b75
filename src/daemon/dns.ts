/**
 * Host names to addresses: /etc/hosts, then the DNS. The C library's own look-up would block
 * threads that read files, and Bun's shared resolver never reads /etc/resolv.conf again: each
 * look-up has a resolver of its own.
 */

import { Resolver } from "node:dns/promises";
import { readFile } from "node:fs/promises";
import { type Address, type Family, parseAddress } from "../inet/address.ts";
import type { Instant } from "../octets/instant.ts";
import { err, ok, type Result } from "../octets/result.ts";

export type Dns = {
  /** All addresses of a name in these families: at least one, or why there is none, in words. */
  lookUp(name: string, families: readonly Family[]): Promise<DnsResult>;
};

export type DnsResult = Result<readonly Address[], string>;

export type DnsSettings = {
  readonly hostsFile: string;
  /** `192.0.2.53` or `192.0.2.53:53`; undefined: those of /etc/resolv.conf. */
  readonly dnsServers: readonly string[] | undefined;
  readonly dnsMs: number;
  now(): Instant;
};

type Known = { readonly addresses: readonly Address[]; readonly until: number };
type Answer = { readonly addresses: readonly Address[]; readonly ttlSeconds: number };

/** Names that are looked up at the same time; the others wait, within their deadline. */
const AT_ONCE_MAX = 16;
const WAITING_MAX = 1_024;
const KNOWN_MAX = 4_096;
/** Whatever the DNS says: a site with a dynamic name moves. */
const KNOWN_SECONDS_MAX = 60;
const HOSTS_OCTETS_MAX = 1024 * 1024;

export function createDns(settings: DnsSettings): Dns {
  const known = new Map<string, Known>();
  const underWay = new Map<string, Promise<DnsResult>>();
  const slots = createSlots();

  const ask = async (name: string, families: readonly Family[]): Promise<DnsResult> => {
    const listed = (await hostsFileOf(settings.hostsFile, name)).filter(isOf(families));
    if (listed.length > 0) return ok(listed);
    const began = settings.now();
    if (!(await slots.take(settings.dnsMs))) return err(`${name}: too many names in progress`);
    const msLeft = Math.max(1, settings.dnsMs - (settings.now() - began));
    const asking = queryAll(name, families, { ...settings, dnsMs: msLeft });
    const answer = await asking.finally(slots.give);
    if (!answer.ok) return answer;
    const { addresses, ttlSeconds } = answer.value;
    const seconds = Math.min(ttlSeconds, KNOWN_SECONDS_MAX);
    if (known.size >= KNOWN_MAX) known.clear();
    known.set(keyOf(name, families), { addresses, until: settings.now() + seconds * 1000 });
    return ok(addresses);
  };

  return {
    async lookUp(name, families) {
      const key = keyOf(name, families);
      const before = known.get(key);
      if (before !== undefined && settings.now() < before.until) return ok(before.addresses);
      known.delete(key);
      let answer = underWay.get(key);
      if (answer === undefined) {
        answer = ask(name, families).finally(() => underWay.delete(key));
        underWay.set(key, answer);
      }
      return answer;
    },
  };
}

/** Names are compared without case and without the dot at the end (RFC 4343, RFC 1034 §3.1). */
function keyOf(name: string, families: readonly Family[]): string {
  return `${plain(name)} ${[...families].sort()}`;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}

function isOf(families: readonly Family[]): (address: Address) => boolean {
  return ({ family }) => families.includes(family);
}

/** The addresses of a name in the hosts file; none if it cannot be read. */
async function hostsFileOf(file: string, name: string): Promise<Address[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  const found: Address[] = [];
  for (const line of text.slice(0, HOSTS_OCTETS_MAX).split("\n")) {
    const [address = "", ...names] = (line.split("#", 1)[0] ?? "").trim().split(/\s+/);
    if (!names.some((each) => plain(each) === plain(name))) continue;
    const parsed = parseAddress(address);
    if (parsed !== undefined) found.push(parsed);
  }
  return found;
}

/** A and AAAA at the same time; when the time is up, the answers so far count. */
async function queryAll(
  name: string,
  families: readonly Family[],
  { dnsServers, dnsMs }: DnsSettings,
): Promise<Result<Answer, string>> {
  const resolver = new Resolver({ timeout: Math.ceil(dnsMs / TRIES), tries: TRIES });
  if (dnsServers !== undefined) resolver.setServers([...dnsServers]);
  const timer = setTimeout(() => resolver.cancel(), dnsMs);
  const answers = await Promise.all(families.map((family) => query(resolver, name, family)));
  clearTimeout(timer);
  // IPv4 first, whichever was faster: the order stays the same from call to call.
  const records = answers.flatMap((answer) => (answer.ok ? answer.value : []));
  records.sort((a, b) => a.address.family - b.address.family);
  if (records.length > 0) {
    const ttlSeconds = Math.min(...records.map(({ ttl }) => ttl));
    return ok({ addresses: records.map(({ address }) => address), ttlSeconds });
  }
  const codes = answers.flatMap((answer) => (answer.ok ? [] : answer.error));
  return err(`${name}: ${explain(codes, families)}`);
}

const TRIES = 3;

type AddressRecord = { readonly address: Address; readonly ttl: number };

async function query(
  resolver: Resolver,
  name: string,
  family: Family,
): Promise<Result<AddressRecord[], string>> {
  try {
    const options = { ttl: true } as const;
    const answer = await (family === 4
      ? resolver.resolve4(name, options)
      : resolver.resolve6(name, options));
    const records = answer.map(({ address, ttl }) => ({ address: parseAddress(address), ttl }));
    return ok(
      records.flatMap(({ address, ttl }) => (address === undefined ? [] : { address, ttl })),
    );
  } catch (fault) {
    const { code } = fault as { code?: unknown };
    return err(typeof code === "string" ? code.replace(/^DNS_/, "") : String(fault));
  }
}

function explain(codes: readonly string[], families: readonly Family[]): string {
  const code = codes.find((each) => each !== "ENOTFOUND" && each !== "ENODATA") ?? codes[0];
  const kinds = families.map((family) => `IPv${family}`).join(" or ");
  switch (code) {
    case undefined:
    case "ENODATA":
    case "ENOTFOUND":
      return `the DNS has no ${kinds} address of this name`;
    case "ETIMEOUT":
    case "ECANCELLED":
      return "the DNS does not answer";
    case "ECONNREFUSED":
      return "there is no DNS server to ask: see /etc/resolv.conf";
    default:
      return `the DNS answers ${code}`;
  }
}

type Slots = {
  /** Whether there was room within so many milliseconds. */
  take(ms: number): Promise<boolean>;
  give(): void;
};

function createSlots(): Slots {
  let taken = 0;
  const waiting = new Set<(isMine: boolean) => void>();
  return {
    async take(ms) {
      if (taken < AT_ONCE_MAX) {
        taken++;
        return true;
      }
      if (waiting.size >= WAITING_MAX) return false;
      return new Promise((resolve) => {
        const settle = (isMine: boolean): void => {
          clearTimeout(timer);
          waiting.delete(settle);
          resolve(isMine);
        };
        const timer = setTimeout(() => settle(false), ms);
        waiting.add(settle);
      });
    },
    give() {
      const [next] = waiting;
      if (next === undefined) taken--;
      else next(true); // the slot is handed on
    },
  };
}
