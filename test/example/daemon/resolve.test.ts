/** Names become addresses: a DNS server of the test's own, a hosts file, the kernel's routes. */

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createResolver, type ResolverSettings } from "../../../src/daemon/resolve.ts";
import { formatAddress, parseAddress } from "../../../src/inet/address.ts";
import { asInstant } from "../../../src/octets/instant.ts";
import { err, ok } from "../../../src/octets/result.ts";
import { addressOf } from "../../contract/xfrm-samples.ts";
import { patient } from "../../patience.ts";
import { type DnsServer, startDnsServer } from "./dns-server.ts";

const HOSTS = join(tmpdir(), `erouted-hosts-${crypto.randomUUID()}`);
const HERE = [addressOf("192.0.2.1"), addressOf("2001:db8::1")];

let dns: DnsServer;
let clock = 0;

beforeAll(async () => {
  dns = await startDnsServer({
    "a.example": { A: ["198.51.100.7"], ttl: 7 },
    "both.example": { A: ["198.51.100.8", "198.51.100.9"], AAAA: ["2001:db8:7::8"], ttl: 600 },
    "six.example": { AAAA: ["2001:db8:7::9"], ttl: 600 },
    "none.example": { ttl: 600 },
    "broken.example": { rcode: 2 },
    "silent.example": { silent: true },
    "half.example": { A: ["198.51.100.10"], silent: "AAAA", ttl: 600 },
  });
  await writeFile(HOSTS, "# sites\n198.51.100.77\tsite-a.example Alias # here\n::1 other\n");
});

afterEach(() => {
  dns.asked.length = 0;
});

afterAll(async () => {
  dns.stop();
  await rm(HOSTS);
});

test("an address stands for itself, and calls leave from the route's source", async () => {
  expect(await resolve("198.51.100.7")).toEqual(["192.0.2.1 > 198.51.100.7"]);
  expect(await resolve("2001:db8:7::9")).toEqual(["2001:db8::1 > 2001:db8:7::9"]);
  expect(dns.asked).toEqual([]);
});

test("a name stands for all its addresses, IPv4 first", async () => {
  expect(await resolve("both.example")).toEqual([
    "192.0.2.1 > 198.51.100.8",
    "192.0.2.1 > 198.51.100.9",
    "2001:db8::1 > 2001:db8:7::8",
  ]);
});

test("only families that are listened on are asked for and called", async () => {
  const listening = [addressOf("192.0.2.1")];
  expect(await resolve("both.example", { listening: () => listening })).toHaveLength(2);
  expect(dns.asked).toEqual(["A both.example"]);
  expect(await resolve("six.example", { listening: () => listening })).toBe(
    "six.example: the DNS has no IPv4 address of this name",
  );
  expect(await resolve("2001:db8:7::9", { listening: () => listening })).toBe(
    "IPv6 is not listened on",
  );
});

test("if the route's source is not listened on, a call leaves from another address", async () => {
  const sourceFor = () => ok(addressOf("192.0.2.99"));
  expect(await resolve("198.51.100.7", { sourceFor })).toEqual(["192.0.2.1 > 198.51.100.7"]);
});

test.each([
  ["none.example", "none.example: the DNS has no IPv4 or IPv6 address of this name"],
  ["unknown.example", "unknown.example: the DNS has no IPv4 or IPv6 address of this name"],
  ["broken.example", "broken.example: the DNS answers ESERVFAIL"],
  ["203.0.113.1", "no route leads to 203.0.113.1"],
])("%s cannot be called, in words", async (host, why) => {
  expect(await resolve(host)).toBe(why);
});

test("a DNS that does not answer costs its deadline, and no other name waits", async () => {
  const dnsMs = patient(500);
  const resolver = createResolver(settingsLike({ dnsMs }));
  const began = performance.now();
  let ended = 0;
  const slow = Array.from({ length: 8 }, () =>
    resolver.resolve("silent.example").finally(() => ended++),
  );
  const quick = await resolver.resolve("a.example");
  expect([quick.ok, ended]).toEqual([true, 0]);
  for (const result of await Promise.all(slow)) {
    expect(result).toEqual(err("silent.example: the DNS does not answer"));
  }
  expect(performance.now() - began).toBeGreaterThan(0.9 * dnsMs);
});

test("an answer for one family is used although the other never comes", async () => {
  expect(await resolve("half.example", { dnsMs: 500 })).toEqual(["192.0.2.1 > 198.51.100.10"]);
});

test("the same name is looked up once at a time, and again when its time is over", async () => {
  const resolver = createResolver(settingsLike({}));
  await Promise.all([resolver.resolve("a.example"), resolver.resolve("A.example.")]);
  await resolver.resolve("a.example");
  expect(dns.asked.filter((question) => question.startsWith("A "))).toEqual(["A a.example"]);
  clock += 7_001;
  await resolver.resolve("a.example");
  expect(dns.asked.filter((question) => question.startsWith("A "))).toHaveLength(2);
});

test("whatever the DNS says, after a minute a name is looked up again", async () => {
  const resolver = createResolver(settingsLike({}));
  for (const ms of [0, 59_000, 2_000]) {
    clock += ms;
    await resolver.resolve("both.example");
  }
  expect(dns.asked.filter((question) => question.startsWith("A "))).toHaveLength(2);
});

test("the hosts file comes before the DNS, with its aliases, in any case", async () => {
  expect(await resolve("site-a.example")).toEqual(["192.0.2.1 > 198.51.100.77"]);
  expect(await resolve("ALIAS")).toEqual(["192.0.2.1 > 198.51.100.77"]);
  expect(dns.asked).toEqual([]);
});

test("many names at once are all answered", async () => {
  const resolver = createResolver(settingsLike({}));
  const names = Array.from({ length: 200 }, (_, i) => `n${i}.unknown.example`);
  const results = await Promise.all(names.map((name) => resolver.resolve(name)));
  expect(
    results.filter((result) => !result.ok && result.error.includes("DNS has no")),
  ).toHaveLength(200);
  expect(dns.askedAtOnceMax).toBeLessThanOrEqual(32); // A and AAAA of sixteen names
});

test("before any address is listened on nothing can be called", async () => {
  expect(await resolve("a.example", { listening: () => [] })).toMatch(/^no address to call from/);
});

/** `ours > site's`, or why not. */
async function resolve(host: string, changes: Partial<ResolverSettings> = {}) {
  const result = await createResolver(settingsLike(changes)).resolve(host);
  if (!result.ok) return result.error;
  return result.value.map(({ local, remote }) => {
    return `${formatAddress(local)} > ${formatAddress(remote)}`;
  });
}

function settingsLike(changes: Partial<ResolverSettings>): ResolverSettings {
  return {
    hostsFile: HOSTS,
    dnsServers: [dns.address],
    dnsMs: 5_000,
    now: () => asInstant(clock),
    listening: () => HERE,
    sourceFor: (to) => {
      if (to.value === parseAddress("203.0.113.1")?.value) {
        return err("no route leads to 203.0.113.1");
      }
      return ok(addressOf(to.family === 4 ? "192.0.2.1" : "2001:db8::1"));
    },
    ...changes,
  };
}
