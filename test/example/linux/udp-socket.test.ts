/** IKE sockets on loopback: markers, keepalives, noise, faults. */

import { afterEach, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { parseAddress } from "../../../src/inet/address.ts";
import type { Endpoint } from "../../../src/inet/endpoint.ts";
import { localAddresses } from "../../../src/linux/addresses.ts";
import { boundEndpoint, boundSocket } from "../../../src/linux/bound-socket.ts";
import { now } from "../../../src/linux/clock.ts";
import { openLibc } from "../../../src/linux/libc.ts";
import { type IkeSocket, openIkeSocket } from "../../../src/linux/udp-socket.ts";
import { patient } from "../../patience.ts";

type Arrival = { readonly octets: Uint8Array; readonly remote: Endpoint };

const open: IkeSocket[] = [];
const mayConfigure = Bun.spawnSync(["unshare", "-n", "true"]).exitCode === 0;

afterEach(() => {
  for (const socket of open.splice(0)) socket.close();
});

for (const host of ["127.0.0.1", "::1"]) {
  test(`a message sent over ${host} arrives unchanged, from where it was sent`, async () => {
    const { socket: receiver, arrivals } = await opened(host, false);
    const { socket: sender } = await opened(host, false);
    expect(sender.send(Uint8Array.of(1, 2, 3), receiver.local)).toBe(true);
    await until(() => arrivals.length === 1);
    expect(arrivals).toEqual([{ octets: Uint8Array.of(1, 2, 3), remote: sender.local }]);
  });
}

test("under NAT traversal a message is sent with a marker and arrives without", async () => {
  const { socket: receiver, arrivals } = await opened("127.0.0.1", true);
  const { socket: plain, arrivals: seen } = await opened("127.0.0.1", false);
  plain.send(Uint8Array.of(0, 0, 0, 0, 7, 8), receiver.local);
  await until(() => arrivals.length === 1);
  expect(arrivals[0]?.octets).toEqual(Uint8Array.of(7, 8));
  receiver.send(Uint8Array.of(9), plain.local);
  await until(() => seen.length === 1);
  expect(seen[0]?.octets).toEqual(Uint8Array.of(0, 0, 0, 0, 9));
});

test("NAT keepalives are dropped silently, and sent without marker", async () => {
  const { socket: receiver, arrivals } = await opened("127.0.0.1", true);
  const { socket: sender } = await opened("127.0.0.1", true);
  sender.send(Uint8Array.of(0xff), receiver.local);
  await until(() => receiver.dropped.keepalives === 1);
  expect(arrivals).toEqual([]);
});

test("a message without marker on the NAT traversal port is dropped and counted", async () => {
  const { socket: receiver, arrivals } = await opened("127.0.0.1", true);
  const { socket: plain } = await opened("127.0.0.1", false);
  for (const noise of [[0xc0, 0xff, 0xee, 1, 0, 0, 0, 1], [0, 0, 0, 0], [0], []]) {
    plain.send(Uint8Array.from(noise), receiver.local);
  }
  await until(() => receiver.dropped.withoutMarker >= 3);
  expect(arrivals).toEqual([]);
});

test("V2-02: messages of 3,000 and of 60,000 octets come through a socket", async () => {
  const { socket: receiver, arrivals } = await opened("127.0.0.1", true);
  const { socket: sender } = await opened("127.0.0.1", true);
  const messages = [3_000, 60_000].map((count) => new Uint8Array(count).map((_, i) => i));
  for (const octets of messages) expect(sender.send(octets, receiver.local)).toBe(true);
  await until(() => arrivals.length === 2);
  expect(arrivals.map(({ octets }) => octets)).toEqual(messages);
});

test("V2-22: an ICMP report that no one listens does not affect a socket", async () => {
  const { socket: gone } = await opened("127.0.0.1", false);
  const { socket: sender, arrivals } = await opened("127.0.0.1", false);
  gone.close();
  for (let i = 0; i < 3; i++) {
    sender.send(Uint8Array.of(1), gone.local);
    await Bun.sleep(5);
  }
  const { socket: other, arrivals: seen } = await opened("127.0.0.1", false);
  expect(sender.send(Uint8Array.of(2), other.local)).toBe(true);
  await until(() => seen.length === 1);
  other.send(Uint8Array.of(3), sender.local);
  await until(() => arrivals.length === 1);
  expect(arrivals[0]?.octets).toEqual(Uint8Array.of(3));
});

test("each datagram keeps its own memory after the next one has come", async () => {
  const { socket: receiver, arrivals } = await opened("127.0.0.1", false);
  const { socket: sender } = await opened("127.0.0.1", false);
  for (let i = 0; i < 100; i++) sender.send(Uint8Array.of(i, i, i), receiver.local);
  await until(() => arrivals.length === 100);
  expect(arrivals.map(({ octets }) => octets[2])).toEqual(Array.from({ length: 100 }, (_, i) => i));
});

test("messages of one turn arrive in their order, however many they are", async () => {
  const { socket: receiver, arrivals } = await opened("127.0.0.1", true);
  const { socket: sender } = await opened("127.0.0.1", true);
  for (let i = 0; i < 150; i++) sender.send(Uint8Array.of(i), receiver.local);
  await until(() => arrivals.length === 150);
  expect(arrivals.map(({ octets }) => octets[0])).toEqual(Array.from({ length: 150 }, (_, i) => i));
});

for (const [place, at] of Object.entries({ first: 0, between: 20, last: 40 })) {
  test(`a message that cannot be sent, ${place} of its turn, keeps back no other`, async () => {
    const { socket: receiver, arrivals } = await opened("127.0.0.1", false);
    const { socket: sender } = await opened("127.0.0.1", false);
    const elsewhere = parseAddress("203.0.113.77");
    if (elsewhere === undefined) throw new Error("not an address");
    for (let i = 0; i < 41; i++) {
      // From an address of loopback nothing can be sent elsewhere.
      const remote = i === at ? { address: elsewhere, port: 500 } : receiver.local;
      sender.send(Uint8Array.of(i), remote);
    }
    await until(() => arrivals.length === 40);
    const others = Array.from({ length: 41 }, (_, i) => i).filter((i) => i !== at);
    expect(arrivals.map(({ octets }) => octets[0])).toEqual(others);
    sender.send(Uint8Array.of(99), receiver.local);
    await until(() => arrivals.length === 41);
  });
}

test("what waits leaves at once where that is asked for, and only once", async () => {
  const { socket: receiver, arrivals } = await opened("127.0.0.1", false);
  const { socket: sender } = await opened("127.0.0.1", false);
  for (let i = 0; i < 3; i++) sender.send(Uint8Array.of(i), receiver.local);
  sender.flush();
  sender.flush();
  for (let i = 3; i < 5; i++) sender.send(Uint8Array.of(i), receiver.local);
  await until(() => arrivals.length === 5);
  await Bun.sleep(20);
  expect(arrivals.map(({ octets }) => octets[0])).toEqual([0, 1, 2, 3, 4]);
});

test("what waits for the end of the turn leaves before the socket is closed", async () => {
  const { socket: receiver, arrivals } = await opened("127.0.0.1", false);
  const { socket: sender } = await opened("127.0.0.1", false);
  for (let i = 0; i < 3; i++) sender.send(Uint8Array.of(i), receiver.local);
  sender.close();
  await until(() => arrivals.length === 3);
  expect(arrivals.map(({ octets }) => octets[0])).toEqual([0, 1, 2]);
});

test("a socket that is paused in its first turn does not keep the event loop busy", async () => {
  const address = parseAddress("127.0.0.1");
  const libc = openLibc();
  if (address === undefined || !libc.ok) throw new Error("no socket");
  const place = { address, port: 0, natTraversal: false, kernelPolicies: false };
  const kept = boundSocket(libc.value, place);
  const local = kept.ok ? boundEndpoint(libc.value, kept.value) : undefined;
  if (!kept.ok || local === undefined) throw new Error("no socket");
  const { socket: sender } = await opened("127.0.0.1", false);
  for (let i = 0; i < 3; i++) sender.send(Uint8Array.of(i), local);
  let arrived = 0;
  const onDatagram = () => {
    arrived++;
    if (socket.ok) socket.value.pause();
  };
  const socket = await openIkeSocket({ ...place, ...local, kept: kept.value, onDatagram });
  if (!socket.ok) throw new Error(socket.error.detail);
  open.push(socket.value);
  await until(() => arrived > 0);
  socket.value.resume();
  await until(() => arrived === 3);
  expect(waitingForRoom(kept.value)).toBe(0);
});

/** How many of this process's epoll instances report a descriptor that can be written to. */
function waitingForRoom(fd: number): number {
  const folder = "/proc/self/fdinfo";
  const lines = readdirSync(folder).flatMap((name) => {
    try {
      return readFileSync(`${folder}/${name}`, "utf8").split("\n");
    } catch {
      return []; // The one of the folder itself.
    }
  });
  return lines.filter((line) => {
    const [, of, events] = /^tfd:\s+(\d+) events:\s+([0-9a-f]+)/.exec(line) ?? [];
    return Number(of) === fd && (Number.parseInt(events ?? "0", 16) & EPOLLOUT) !== 0;
  }).length;
}

const EPOLLOUT = 4;

test("a port in use is refused by name", async () => {
  const { socket } = await opened("127.0.0.1", false);
  const second = await openIkeSocket({
    ...socket.local,
    ...{ natTraversal: false, kernelPolicies: false, onDatagram: () => {} },
  });
  expect(second).toMatchObject({
    ok: false,
    error: { kind: "socket", operation: "bind", errno: "EADDRINUSE" },
  });
});

test("an address that no interface has is refused by name", async () => {
  const address = parseAddress("203.0.113.77");
  if (address === undefined) throw new Error("not an address");
  const opening = await openIkeSocket({
    ...{ address, port: 0, natTraversal: false, kernelPolicies: false },
    onDatagram: () => {},
  });
  expect(opening).toMatchObject({
    ok: false,
    error: { local: "203.0.113.77:0", errno: "EADDRNOTAVAIL" },
  });
});

test("a message to the other family, or after close, is not sent", async () => {
  const { socket } = await opened("127.0.0.1", false);
  const { socket: v6 } = await opened("::1", false);
  expect(socket.send(Uint8Array.of(1), v6.local)).toBe(false);
  socket.close();
  expect(socket.send(Uint8Array.of(1), socket.local)).toBe(false);
});

test.skipIf(!mayConfigure)("the kernel has the bypass policies of an open socket", async () => {
  const run = Bun.spawnSync(
    ["unshare", "-n", process.execPath, `${import.meta.dir}/bypass.namespace.ts`],
    { timeout: 10_000 },
  );
  const text = run.stdout.toString();
  const count = (what: string): number => text.split(what).length - 1;
  expect([count("socket in"), count("socket out")], run.stderr.toString()).toEqual([4, 4]);
});

test("the local addresses hold loopback, and neither link-local nor multicast ones", () => {
  const addresses = localAddresses();
  expect(addresses).toContainEqual({ family: 4, value: 0x7f00_0001n });
  for (const { family, value } of addresses) {
    if (family === 6) expect([0x3fan, 0x3fcn]).not.toContain(value >> 118n);
    else expect(value >> 16n).not.toBe(0xa9fen);
  }
});

test("the clock goes forward", async () => {
  const before = now();
  await Bun.sleep(2);
  expect(now()).toBeGreaterThan(before);
});

async function opened(
  host: string,
  natTraversal: boolean,
): Promise<{ socket: IkeSocket; arrivals: Arrival[] }> {
  const address = parseAddress(host);
  if (address === undefined) throw new Error(`not an address: ${host}`);
  const arrivals: Arrival[] = [];
  const socket = await openIkeSocket({
    ...{ address, port: 0, natTraversal, kernelPolicies: false },
    onDatagram: (octets, remote) => arrivals.push({ octets, remote }),
  });
  if (!socket.ok) throw new Error(socket.error.detail);
  open.push(socket.value);
  return { socket: socket.value, arrivals };
}

async function until(done: () => boolean): Promise<void> {
  const end = performance.now() + patient(2_000);
  while (!done() && performance.now() < end) await Bun.sleep(2);
  expect(done()).toBe(true);
}
