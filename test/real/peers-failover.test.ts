/** Several hosts of one database, real MariaDBs: which is asked when the first does not answer. */

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { createServer, type Server, type Socket } from "node:net";
import { watchDatabases } from "../../src/daemon/watch-databases.ts";
import type { MysqlHost, MysqlSettings } from "../../src/eroute/database.ts";
import type { PeerRepository } from "../../src/peers/repository.ts";
import { byId, opened, rowsOf } from "../contract/peers-ground.ts";
import { endsWithin, patient } from "../patience.ts";
import { type Mariadb, mariadbSettings, startMariadb } from "./mariadb.ts";

const DEADLINE_MS = patient(4_000);

let first: Mariadb;
let second: Mariadb;
let isDown = false;
const repositories: PeerRepository[] = [];

beforeAll(async () => {
  [first, second] = await Promise.all([startMariadb({ tcp: true }), startMariadb({ tcp: true })]);
  for (const server of [first, second]) {
    const peers = open([server]);
    await peers.init();
    await peers.add({ peerid: "site-1", password: server === first ? "of the first" : "second" });
  }
}, patient(60_000));

beforeEach(async () => {
  if (isDown) await startFirst();
}, patient(30_000));

afterEach(async () => {
  for (const peers of repositories.splice(0)) await peers.close();
});

afterAll(async () => {
  await first?.dispose();
  await second?.dispose();
});

test(
  "the first host is asked until it fails, then the next, which stays in use",
  async () => {
    const peers = open([first, second]);
    expect(await password(peers)).toBe("of the first");
    expect(peers.statistics().inUse).toEqual({ server: at(first), failovers: 0 });
    await stopFirst();
    expect(await password(peers)).toBe("second");
    await startFirst();
    expect(await password(peers)).toBe("second");
    expect(peers.statistics().inUse).toEqual({ server: at(second), failovers: 1 });
  },
  patient(30_000),
);

test(
  "R6: a host that says nothing costs a share of the deadline, and only once",
  async () => {
    const mute = await muteHost();
    const peers = open([mute, second]);
    expect(await endsWithin(DEADLINE_MS, password(peers))).toBe("second");
    // Many at once, and none of them asks the silent host again.
    const before = mute.taken();
    const all = await Promise.all(Array.from({ length: 200 }, () => peers.find(byId("site-1"))));
    expect(all.every((answer) => answer.ok)).toBe(true);
    expect(mute.taken()).toBe(before);
    mute.close();
  },
  patient(30_000),
);

test(
  "R6: if no host answers, the fault names each of them, within the deadline",
  async () => {
    const mute = await muteHost();
    const peers = open([mute, { host: "127.0.0.1", port: 1 }], { deadlineMs: 600 });
    const answer = await peers.find(byId("site-1"));
    expect(answer).toMatchObject({ ok: false });
    const text = JSON.stringify(await peers.check());
    for (const port of [mute.port, 1]) expect(text).toContain(`127.0.0.1:${port}`);
    mute.close();
  },
  patient(30_000),
);

test(
  "a login that the first host refuses is not tried at the next",
  async () => {
    const peers = open([first, second], { password: "wrong" });
    expect(await peers.find(byId("site-1"))).toMatchObject({ error: { kind: "access-denied" } });
    expect(peers.statistics().inUse).toEqual({ server: at(first), failovers: 0 });
  },
  patient(30_000),
);

test(
  "a row is written at a writable host, and looked up as before",
  async () => {
    await first.sql("set global read_only = 1");
    const peers = open([first, second]);
    expect(await peers.add({ peerid: "site-2", password: "k" })).toMatchObject({ ok: true });
    expect(await password(peers)).toBe("of the first");
    expect(rowsOf(await open([second]).find(byId("site-2"))).length).toBe(1);
    await first.sql("set global read_only = 0");
  },
  patient(30_000),
);

test(
  "a failover is in the journal",
  async () => {
    const peers = open([first, second]);
    await peers.check();
    const noted: string[] = [];
    const isNoted = Promise.withResolvers<void>();
    const note = ({ reason, detail }: { readonly reason: string; readonly detail: string }) => {
      noted.push(`${reason}: ${detail}`);
      if (reason === "database-failover") isNoted.resolve();
    };
    const watch = watchDatabases(new Map([["sites", peers]]), note, 20);
    await stopFirst();
    await password(peers);
    await isNoted.promise;
    watch.stop();
    expect(noted.at(-1)).toContain(`asked at ${at(second)}, no longer at ${at(first)}`);
  },
  patient(30_000),
);

async function stopFirst(): Promise<void> {
  isDown = true;
  await first.stop();
}

async function startFirst(): Promise<void> {
  await first.start();
  isDown = false;
}

type Host = Pick<Mariadb, "port"> | MysqlHost;

function open(hosts: readonly Host[], changes: Partial<MysqlSettings> = {}): PeerRepository {
  const [own, ...standby] = hosts.map(({ port }) => ({ host: "127.0.0.1", port }));
  if (own === undefined) throw new Error("a host");
  const deadlineMs = DEADLINE_MS;
  const peers = opened(mariadbSettings(first, { at: own, standby, deadlineMs, ...changes }));
  repositories.push(peers);
  return peers;
}

async function password(peers: PeerRepository): Promise<string | null | undefined> {
  return rowsOf(await peers.find(byId("site-1")))[0]?.password;
}

function at({ port }: Mariadb): string {
  return `127.0.0.1:${port}`;
}

async function muteHost(): Promise<MysqlHost & { taken(): number; close(): void }> {
  const sockets = new Set<Socket>();
  let taken = 0;
  const server: Server = createServer((socket) => {
    taken++;
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const { port } = server.address() as { port: number };
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { host: "127.0.0.1", port, taken: () => taken, close };
}
