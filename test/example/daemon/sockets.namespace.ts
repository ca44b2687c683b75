/** IKE sockets that follow the addresses; for a network namespace of its own. */

import { afterEach, beforeAll, expect, test } from "bun:test";
import { KEEPS_NOTHING } from "../../../src/daemon/kept-sockets.ts";
import type { Note } from "../../../src/daemon/reload.ts";
import {
  type IkeSockets,
  openIkeSockets,
  type SocketSettings,
} from "../../../src/daemon/sockets.ts";
import { formatAddress } from "../../../src/inet/address.ts";
import type { Path } from "../../../src/inet/endpoint.ts";
import { openIkeSocket } from "../../../src/linux/udp-socket.ts";
import { addressOf } from "../../contract/xfrm-samples.ts";
import { patient } from "../../patience.ts";

const CHANGE_MS_MAX = patient(5_000);

let opened: IkeSockets | undefined;
const notes: Note[] = [];
const told: string[][] = [];
const datagrams: { octets: Uint8Array; path: Path }[] = [];

beforeAll(() => {
  ip("link set lo up");
  ip("link add xt0 type veth peer name xt1");
  ip("link set xt0 up");
  ip("link set xt1 up");
});

afterEach(() => {
  opened?.close();
  opened = undefined;
  notes.length = 0;
  told.length = 0;
  datagrams.length = 0;
});

test("an address that appears under 0.0.0.0 or :: is listened on, and answers", async () => {
  const sockets = await listenOn("0.0.0.0", "::");
  expect(sockets.addresses.map(formatAddress).sort()).toEqual(["127.0.0.1", "::1"]);
  ip("addr add 10.9.0.1/24 dev xt0");
  ip("addr add 2001:db8:9::1/64 dev xt0 nodad");
  await until(() => told.length > 0);
  expect(told.at(-1)?.sort()).toEqual(["10.9.0.1", "127.0.0.1", "2001:db8:9::1", "::1"]);
  expect(sockets.listening).toContain("[2001:db8:9::1]:4500");
  expect(notes.map(({ reason, detail }) => `${reason}: ${detail}`).sort()).toEqual([
    "address-added: 10.9.0.1 is listened on now: IKE on its ports 500 and 4500",
    "address-added: 2001:db8:9::1 is listened on now: IKE on its ports 500 and 4500",
  ]);
  const { heard, site } = await siteAt("10.9.0.1", 4500);
  await until(() => datagrams.length === 1);
  const path = datagrams[0]?.path;
  if (path === undefined) throw new Error("a datagram has come");
  sockets.send(Uint8Array.of(1, 2), path);
  await until(() => heard.length === 1);
  expect(heard).toEqual(["10.9.0.1:4500 000000000102"]);
  site.close();
});

test("a path that is equal, but not the one of a datagram, finds its socket", async () => {
  const sockets = await listenOn("127.0.0.1");
  const { heard, site } = await siteAt("127.0.0.1", 4500);
  const remote = { address: addressOf("127.0.0.1"), port: site.port };
  for (const port of [500, 4500, 4501]) {
    const local = { address: addressOf("127.0.0.1"), port };
    sockets.send(Uint8Array.of(port & 0xff), { local, remote });
    // A NAT keepalive is sent unchanged (RFC 3948 §2.3).
    sockets.send(Uint8Array.of(0xff), { local, remote });
  }
  await until(() => heard.length === 4);
  await Bun.sleep(50);
  expect(heard).toEqual([
    "127.0.0.1:500 f4",
    "127.0.0.1:500 ff",
    "127.0.0.1:4500 0000000094",
    "127.0.0.1:4500 ff",
  ]);
  site.close();
});

test("an address that disappears closes its sockets; they open when it returns", async () => {
  ip("addr replace 10.9.1.1/24 dev xt0");
  const sockets = await listenOn("10.9.1.1", "127.0.0.2");
  expect(sockets.listening).toContain("10.9.1.1:500");
  ip("addr del 10.9.1.1/24 dev xt0");
  await until(() => told.length === 1);
  expect(told).toEqual([["127.0.0.2"]]); // any of 127/8 can be used without being listed
  const there = { address: addressOf("10.9.1.1"), port: 500 };
  sockets.send(Uint8Array.of(1), { local: there, remote: there }); // lost, and nothing else
  ip("addr add 10.9.1.1/24 dev xt0");
  await until(() => told.length === 2);
  expect(told[1]?.sort()).toEqual(["10.9.1.1", "127.0.0.2"]);
  expect(notes.map(({ level, reason }) => `${level} ${reason}`)).toEqual([
    "warning address-removed",
    "info address-added",
  ]);
});

test("an address that does not exist yet is awaited, and reported once", async () => {
  const sockets = await listenOn("10.9.2.1", "127.0.0.1");
  expect(sockets.addresses.map(formatAddress)).toEqual(["127.0.0.1"]);
  expect(notes).toEqual([
    {
      level: "warning",
      reason: "address-awaited",
      detail: "ike.listen names 10.9.2.1, which this host does not have: waiting for it",
    },
  ]);
  ip("addr replace 10.9.3.1/24 dev xt0");
  await Bun.sleep(300); // another address: nothing to report
  expect(notes.length).toBe(1);
  ip("addr add 10.9.2.1/24 dev xt0");
  await until(() => told.length > 0);
  expect(told).toEqual([["127.0.0.1", "10.9.2.1"]]);
});

test("the listening addresses can change: those that stay are not touched", async () => {
  ip("addr replace 10.9.5.1/24 dev xt0");
  const sockets = await listenOn("127.0.0.1", "10.9.5.1");
  sockets.listenOn(["127.0.0.1", "10.9.5.1"].map(addressOf));
  sockets.listenOn(["127.0.0.1", "127.0.0.3", "10.9.6.1"].map(addressOf));
  await until(() => told.length > 0);
  expect(told).toEqual([["127.0.0.1", "127.0.0.3"]]);
  expect(notes.map(({ level, reason, detail }) => `${level} ${reason} ${detail}`)).toEqual([
    "info address-removed 10.9.5.1 is no longer in ike.listen: no IKE on it",
    "info address-added 127.0.0.3 is listened on now: IKE on its ports 500 and 4500",
    "warning address-awaited ike.listen names 10.9.6.1, which this host does not have: " +
      "waiting for it",
  ]);
});

test("a port in use by another program fails at the start, and is reported later", async () => {
  ip("addr replace 10.9.4.1/24 dev xt0");
  const settings = { natTraversal: false, kernelPolicies: false, onDatagram: () => undefined };
  const other = await openIkeSocket({ address: addressOf("10.9.4.1"), port: 500, ...settings });
  if (!other.ok) throw new Error(other.error.detail);
  const failed = await openIkeSockets(settingsOf("127.0.0.1", "10.9.4.1"), HANDLERS);
  expect(failed).toMatchObject({ ok: false });
  expect(failed.ok || failed.error).toMatch(/^bind 10\.9\.4\.1:500: EADDRINUSE: another program/);
  expect(notes).toEqual([]);
  ip("addr del 10.9.4.1/24 dev xt0");
  await listenOn("127.0.0.1", "0.0.0.0"); // the port on 127.0.0.1 is free again
  ip("addr add 10.9.4.1/24 dev xt0");
  await until(() => notes.some(({ reason }) => reason === "listen"));
  const said = notes.find(({ reason }) => reason === "listen")?.detail;
  expect(said).toMatch(/^bind 10\.9\.4\.1:500: EADDRINUSE: .*; trying again every 10 s$/);
  other.value.close();
});

const HANDLERS = {
  onDatagram: (octets: Uint8Array, path: Path) => datagrams.push({ octets, path }),
  onLost: () => undefined,
  onAddresses: (local: readonly Parameters<typeof formatAddress>[0][]) =>
    told.push(local.map(formatAddress)),
  note: (entry: Note) => notes.push(entry),
};

function settingsOf(...listen: readonly string[]): SocketSettings {
  const ports = { port: 500, natPort: 4500 };
  return { listen: listen.map(addressOf), ...ports, kernelPolicies: true, kept: KEEPS_NOTHING };
}

async function listenOn(...listen: readonly string[]): Promise<IkeSockets> {
  const sockets = await openIkeSockets(settingsOf(...listen), HANDLERS);
  if (!sockets.ok) throw new Error(sockets.error);
  opened = sockets.value;
  return sockets.value;
}

/** A site that has sent one message with a non-ESP marker, and what it receives: in hex. */
async function siteAt(host: string, port: number) {
  const heard: string[] = [];
  const site = await Bun.udpSocket({
    socket: {
      data: (_, octets, from, address) => {
        heard.push(`${address}:${from} ${octets.toHex()}`);
      },
    },
  });
  site.send(Uint8Array.of(0, 0, 0, 0, 7), port, host);
  return { heard, site };
}

async function until(done: () => boolean): Promise<void> {
  const end = performance.now() + CHANGE_MS_MAX;
  while (!done() && performance.now() < end) await Bun.sleep(20);
  expect(done()).toBe(true);
}

function ip(command: string): void {
  const { exitCode, stderr } = Bun.spawnSync(["ip", ...command.split(" ")]);
  if (exitCode !== 0) throw new Error(`ip ${command}: ${stderr}`);
}
