/**
 * Routes and addresses of Linux, compared with the output of `ip`. For a network namespace of its
 * own.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Address, formatAddress } from "../../src/inet/address.ts";
import { formatPrefix } from "../../src/inet/prefix.ts";
import { localAddresses, watchAddresses } from "../../src/linux/addresses.ts";
import { openRoutes, type Routes } from "../../src/linux/routes.ts";
import type { RemoteRoute } from "../../src/xfrm/route.ts";
import { realKernel } from "./linux-kernel.ts";
import { addressOf, prefixOf } from "./xfrm-samples.ts";

const CHANGE_MS_MAX = 5_000;

/** Expects a cable as `layCable` lays it: 10.9.0.1/24 on xt0, 198.18.0.0/15 by it. */
export function linuxRoutesContract(): void {
  describe("Linux routes", () => {
    let routes: Routes;
    beforeAll(() => {
      const opened = openRoutes();
      if (!opened.ok) throw new Error(`errno ${opened.error}`);
      routes = opened.value;
      ip("addr add 2001:db8:9::1/64 dev xt0 nodad");
    });
    afterAll(() => routes.close());
    sourceContract(() => routes);
    remoteRouteContract(() => routes);
    leftoversContract(() => routes);
    watchContract();
  });
}

function sourceContract(routes: () => Routes): void {
  test.each([
    ["10.9.0.2", "10.9.0.1"],
    ["198.19.3.4", "10.9.0.1"],
    ["2001:db8:9::7", "2001:db8:9::1"],
  ])("packets to %s leave from %s", (to, from) => {
    expect(routes().sourceFor(addressOf(to))).toEqual({ ok: true, value: addressOf(from) });
  });

  test.each([
    ["203.0.113.1", "no route leads to 203.0.113.1"],
    ["2001:db8:77::1", "no route leads to 2001:db8:77::1"],
    ["10.9.0.1", "10.9.0.1 is this host itself"],
  ])("to %s there is no way, in words", (to, why) => {
    expect(routes().sourceFor(addressOf(to))).toEqual({ ok: false, error: why });
  });
}

function remoteRouteContract(routes: () => Routes): void {
  test.each([
    [routeTo("192.168.1.0/24", "198.18.0.9"), "dev xt0 proto 69 scope link src 10.9.0.1"],
    [routeTo("192.168.2.0/24", "198.18.0.9", "172.31.0.0/16"), "dev xt0 proto 69 scope link"],
    [routeTo("192.168.3.0/24", "127.0.0.2"), "dev lo proto 69 scope link src 10.9.0.1"],
  ])("a remote route leads to the interface that leads to the site", (route, expected) => {
    const subnet = `${formatAddress(route.destination)}/${route.destination.length}`;
    expect(routes().perform({ op: "put-route", route }).ok).toBe(true);
    expect(ip(`-4 route show ${subnet}`).trim()).toBe(`${subnet} ${expected} metric 4500`);
    expect(routes().perform({ op: "delete-route", route }).ok).toBe(true);
    expect(ip(`-4 route show ${subnet}`)).toBe("");
  });

  test("a remote route installed twice exists once, as in the last request", () => {
    const first = routeTo("fd00:1::/64", "2001:db8:9::7", "2001:db8:9::/64");
    const second = { ...first, towards: addressOf("::1") };
    for (const route of [first, second]) {
      expect(routes().perform({ op: "put-route", route }).ok).toBe(true);
    }
    const shown = ip("-6 route show fd00:1::/64").trim().split("\n");
    expect(shown).toEqual([expect.stringMatching(/^fd00:1::\/64 dev lo proto 69 .*metric 4500/)]);
    expect(routes().perform({ op: "delete-route", route: second }).ok).toBe(true);
  });

  test("an operator's route to the same subnet stays as it was", () => {
    ip("route add 192.168.4.0/24 via 10.9.0.2");
    const route = routeTo("192.168.4.0/24", "127.0.0.2");
    expect(routes().perform({ op: "put-route", route }).ok).toBe(true);
    expect(ip("route get 192.168.4.1")).toContain("via 10.9.0.2");
    for (let i = 0; i < 2; i++) {
      expect(routes().perform({ op: "delete-route", route }).ok).toBe(true); // gone is gone
    }
    expect(ip("route show 192.168.4.0/24").trim()).toBe("192.168.4.0/24 via 10.9.0.2 dev xt0");
  });

  test.each([
    [routeTo("192.168.5.0/24", "203.0.113.1"), "ENETUNREACH"],
    [{ ...routeTo("192.168.5.0/24", "198.18.0.9"), ifId: 42 }, "ENODEV"],
  ])("a route that leads nowhere is refused", (route, errno) => {
    expect(routes().perform({ op: "put-route", route })).toMatchObject({
      ok: false,
      error: { operation: "RTM_NEWROUTE", object: "route 192.168.5.0/24", errno },
    });
  });
}

function leftoversContract(routes: () => Routes): void {
  test("removal of leftovers removes only our routes", async () => {
    for (const subnet of ["192.168.6.0/24", "192.168.7.0/24"]) {
      routes().perform({ op: "put-route", route: routeTo(subnet, "198.18.0.9") });
    }
    const route = routeTo("fd00:6::/64", "2001:db8:9::7");
    routes().perform({ op: "put-route", route });
    ip("route add 192.168.8.0/24 dev xt0 proto 42");
    const kernel = realKernel();
    expect(await kernel.removeLeftovers()).toMatchObject({ ok: true, value: { routes: 3 } });
    kernel.close();
    expect(ip("route show proto 69")).toBe("");
    expect(ip("-6 route show proto 69")).toBe("");
    expect(ip("route show proto 42")).toContain("192.168.8.0/24");
  });
}

/** As many as a router has that gets parts of the routing table of the Internet. */
const OTHERS = 200_000;
const OURS = 5_000;

/** Among so many, ours are found, and everything else gets its turns meanwhile. */
export function manyRoutesContract(): void {
  test("among 200,000 routes of another program, ours are removed in turns", async () => {
    const others = Array.from({ length: OTHERS }, (_, at) => `${netOf(0x0b00_0000, at)} proto 186`);
    const ours = Array.from({ length: OURS }, (_, at) => `${netOf(0x6440_0000, at)} proto 69`);
    ipBatch([...others, ...ours].map((route) => `route add ${route} dev xt0 metric 4500`));
    const routes = openRoutes();
    if (!routes.ok) throw new Error(`errno ${routes.error}`);
    let turns = 0;
    const clock = setInterval(() => turns++, 0);
    const claimed = new Set(["100.64.0.0/24", "100.64.1.0/24"]);
    const removed = await routes.value.removeLeftovers({
      route: (destination) => claimed.has(formatPrefix(destination)),
    });
    clearInterval(clock);
    routes.value.close();
    expect(removed).toBe(OURS - claimed.size);
    expect(turns).toBeGreaterThan(5);
    expect(ip("route show proto 69").trim().split("\n").length).toBe(claimed.size);
    expect(ip("route show proto 186").trim().split("\n").length).toBe(OTHERS);
  });
}

function netOf(first: number, at: number): string {
  const value = first + at * 256;
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.0/24`;
}

function ipBatch(lines: readonly string[]): void {
  const stdin = new TextEncoder().encode(`${lines.join("\n")}\n`);
  const { exitCode, stderr } = Bun.spawnSync(["ip", "-batch", "-"], { stdin });
  if (exitCode !== 0) throw new Error(`ip -batch: ${stderr}`);
}

function watchContract(): void {
  test("address changes are reported as the whole list, several changes at once", async () => {
    const told: string[][] = [];
    const watch = watchAddresses((addresses) => told.push(texts(addresses)));
    if (!watch.ok) throw new Error(watch.error.detail);
    const before = texts(watch.value.current());
    expect(before).toContain("10.9.0.1");
    ip("addr add 10.9.7.1/24 dev xt0");
    ip("addr add 2001:db8:7::1/64 dev xt0 nodad");
    ip("addr add 169.254.7.7/16 dev xt0"); // link-local: no IKE on it
    await until(() => told.at(-1)?.includes("2001:db8:7::1") === true);
    expect(told.at(-1)).toEqual([...before, "10.9.7.1", "2001:db8:7::1"].sort());
    expect(texts(watch.value.current())).toEqual(told.at(-1) ?? []);
    ip("link set xt0 down");
    await until(() => told.at(-1)?.includes("10.9.0.1") === false);
    expect(told.at(-1)?.filter((text) => !isLoopback(text))).toEqual([]);
    ip("link set xt0 up");
    await until(() => told.at(-1)?.includes("10.9.7.1") === true);
    watch.value.close();
    const count = told.length;
    ip("addr del 10.9.7.1/24 dev xt0");
    await Bun.sleep(300);
    expect(told.length).toBe(count);
    expect(texts(localAddresses())).not.toContain("10.9.7.1");
  });

  test("an event that changes nothing is not reported", async () => {
    let told = 0;
    const watch = watchAddresses(() => told++);
    ip("link set xt0 mtu 1400");
    ip("link set xt0 mtu 1500");
    await Bun.sleep(500);
    expect(told).toBe(0);
    if (watch.ok) watch.value.close();
  });
}

function routeTo(destination: string, towards: string, local = "10.9.0.0/16"): RemoteRoute {
  const localSubnets = [prefixOf(local)];
  const ends = { destination: prefixOf(destination), towards: addressOf(towards) };
  return { ...ends, localSubnets, ifId: undefined };
}

function isLoopback(text: string): boolean {
  return text === "127.0.0.1" || text === "::1";
}

function texts(addresses: readonly Address[]): string[] {
  return addresses.map(formatAddress).sort();
}

async function until(done: () => boolean): Promise<void> {
  const end = performance.now() + CHANGE_MS_MAX;
  while (!done() && performance.now() < end) await Bun.sleep(20);
  expect(done()).toBe(true);
}

function ip(command: string): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["ip", ...command.split(" ")]);
  if (exitCode !== 0) throw new Error(`ip ${command}: ${stderr}`);
  return stdout.toString();
}
