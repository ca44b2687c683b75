/**
 * R6 with a real MariaDB: stopped, killed, hanging, restarted, refusing. No look-up waits for ever.
 */

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { createServer, type Server, type Socket } from "node:net";
import { createConnection } from "mysql2/promise";
import type { MysqlSettings } from "../../src/eroute/database.ts";
import type { PeerRepository } from "../../src/peers/repository.ts";
import { byId, opened, rowsOf } from "../contract/peers-ground.ts";
import { endsWithin, lookUntil, patient } from "../patience.ts";
import { MARIADB_USER, type Mariadb, mariadbSettings, startMariadb } from "./mariadb.ts";

let server: Mariadb;
const repositories: PeerRepository[] = [];

beforeAll(async () => {
  server = await startMariadb({ tcp: true });
  const peers = open();
  await peers.init();
  await peers.add({ peerid: "site-1", password: "k" });
}, patient(30_000));

afterEach(async () => {
  for (const peers of repositories.splice(0)) await peers.close();
});

afterAll(() => server?.dispose());

function open(changes: Partial<MysqlSettings> = {}): PeerRepository {
  const at = { host: "127.0.0.1", port: server.port };
  const peers = opened(mariadbSettings(server, { at, ...changes }));
  repositories.push(peers);
  return peers;
}

async function isFound(peers: PeerRepository): Promise<boolean> {
  return rowsOf(await peers.find(byId("site-1"))).length === 1;
}

/** Holds the table, so that look-ups in it hang in the server until released. */
async function lockTable(): Promise<() => void> {
  const connection = await createConnection({ socketPath: server.socket, user: "root" });
  connection.on("error", () => undefined);
  await connection.query(`lock tables ${MARIADB_USER.database}.eroutes write`);
  return () => connection.destroy();
}

/** A deadline that look-ups are to miss; one that is answered may need some of them. */
const SHORT_MS = 400;
/** More than that, and less than twice as much. */
const LATE_MS = 700;

async function untilFound(peers: PeerRepository): Promise<void> {
  const holds = async () => {
    const answer = await peers.find(byId("site-1"));
    return answer.ok && answer.value.length === 1;
  };
  await lookUntil("the site is found", holds, patient(10_000));
}

test(
  "R6: a stopped server is a fault at once, and works again as soon as it is back",
  async () => {
    const peers = open();
    expect(await isFound(peers)).toBe(true);
    await server.stop();
    const value = await endsWithin(patient(1_000), peers.find(byId("site-1")));
    expect(value).toMatchObject({ error: { kind: "unreachable" } });
    expect(JSON.stringify(value)).toContain("ECONNREFUSED");
    await server.start();
    expect(await isFound(peers)).toBe(true);
    expect(peers.statistics()).toMatchObject({ failures: 1, lastFault: undefined });
  },
  patient(30_000),
);

test(
  "R6: a server that restarted between two look-ups costs no look-up",
  async () => {
    const peers = open();
    // Several idle connections, all of which the restart breaks.
    const release = await lockTable();
    const held = Array.from({ length: 250 }, (_, i) => peers.find(byId(`none-${i}`)));
    await Bun.sleep(100);
    release();
    await Promise.all(held);
    await server.stop("SIGKILL");
    await server.start();
    const asked = Array.from({ length: 250 }, () => peers.find(byId("site-1")));
    for (const answer of await Promise.all(asked)) expect(rowsOf(answer)).toHaveLength(1);
    expect(peers.statistics().failures).toBe(0);
  },
  patient(30_000),
);

test("a connection that the server killed while it was idle costs no look-up", async () => {
  const peers = open();
  expect(await isFound(peers)).toBe(true);
  const rows = await server.sql(`select id from information_schema.processlist
    where user = '${MARIADB_USER.name}'`);
  for (const row of rows) await server.sql(`kill ${row.id ?? row.ID}`);
  expect(await isFound(peers)).toBe(true);
  expect(peers.statistics().failures).toBe(0);
});

test(
  "R6: a server killed in the middle of a query ends its look-ups, not others'",
  async () => {
    const peers = open();
    expect(await isFound(peers)).toBe(true);
    const release = await lockTable();
    const asked = Promise.all(["site-1", "site-2"].map((id) => peers.find(byId(id))));
    await Bun.sleep(200);
    expect(peers.statistics().waiting).toBe(2);
    await server.stop("SIGKILL");
    // Their deadline is 5 s, and counts from when they were asked.
    for (const answer of await asked)
      expect(answer).toMatchObject({ error: { kind: "unreachable" } });
    release();
    await server.start();
    expect(await isFound(peers)).toBe(true);
  },
  patient(30_000),
);

test("R6: a query that hangs ends by the deadline, and the next one works", async () => {
  const peers = open({ deadlineMs: SHORT_MS, poolMax: 1 });
  await untilFound(peers);
  const release = await lockTable();
  const began = performance.now();
  const value = await endsWithin(LATE_MS, peers.find(byId("site-1")));
  expect(value).toMatchObject({ error: { kind: "timeout" } });
  expect(performance.now() - began).toBeGreaterThan(SHORT_MS - 50);
  release();
  // The hanging connection is not used again, although it was the only one.
  await untilFound(peers);
});

test("R2: an ID asked again while its query is under way is read again", async () => {
  const peers = open();
  expect(await isFound(peers)).toBe(true);
  const before = await server.counter("Com_stmt_execute");
  const release = await lockTable();
  const asked = [peers.find(byId("site-1"))];
  await Bun.sleep(50);
  asked.push(peers.find(byId("site-1")), peers.find(byId("site-1")));
  await Bun.sleep(50);
  release();
  for (const answer of await Promise.all(asked)) expect(rowsOf(answer)).toHaveLength(1);
  expect((await server.counter("Com_stmt_execute")) - before).toBe(2);
});

test(
  "R6: a frozen server ends look-ups by the deadline, until it goes on",
  async () => {
    const peers = open({ deadlineMs: SHORT_MS, poolMax: 2 });
    await untilFound(peers);
    await server.freeze();
    try {
      for (let round = 0; round < 3; round++) {
        const ids = Array.from({ length: 300 }, (_, i) => `site-${i}`);
        const asked = Promise.all(ids.map((id) => peers.find(byId(id))));
        const answers = await endsWithin(LATE_MS, asked);
        for (const answer of answers) expect(answer).toMatchObject({ error: { kind: "timeout" } });
      }
    } finally {
      server.thaw();
    }
    await untilFound(peers);
    expect(peers.statistics().waiting).toBe(0);
  },
  patient(20_000),
);

test("R6: a listener that never answers is a time-out, and its sockets are closed", async () => {
  const sockets = new Set<Socket>();
  const mute: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    socket.resume();
  });
  await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", () => resolve()));
  const port = (mute.address() as { port: number }).port;
  const peers = open({ at: { host: "127.0.0.1", port }, deadlineMs: SHORT_MS, poolMax: 2 });
  const asked = Promise.all([peers.find(byId("a")), peers.check()]);
  const answers = await endsWithin(LATE_MS, asked);
  for (const answer of answers) expect(answer).toMatchObject({ error: { kind: "timeout" } });
  await lookUntil("its sockets are closed", () => sockets.size === 0, patient(5_000));
  mute.close();
});

test("R6: a listener that hangs up or speaks another protocol is a fault at once", async () => {
  for (const greeting of ["", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n"]) {
    const rude = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.end(greeting);
    });
    await new Promise<void>((resolve) => rude.listen(0, "127.0.0.1", () => resolve()));
    const port = (rude.address() as { port: number }).port;
    const peers = open({ at: { host: "127.0.0.1", port }, deadlineMs: patient(2_000) });
    const value = await endsWithin(patient(1_000), peers.find(byId("a")));
    expect(value).toMatchObject({
      ok: false,
      error: { kind: expect.not.stringMatching("timeout") },
    });
    rude.close();
  }
});

test("R6: a wrong password, user or database is reported, without the password", async () => {
  const password = "not the password";
  const cases = [
    { changes: { password }, kind: "access-denied", says: "Access denied" },
    { changes: { user: "nobody" }, kind: "access-denied", says: "nobody" },
    { changes: { password: undefined }, kind: "access-denied", says: "Access denied" },
    { changes: { database: "mysql" }, kind: "access-denied", says: "mysql" },
    { changes: { table: "nowhere" }, kind: "no-table", says: "erouted peers init" },
  ] as const;
  for (const { changes, kind, says } of cases) {
    const peers = open(changes);
    for (const answer of [await peers.find(byId("a")), await peers.check()]) {
      expect([changes, answer]).toMatchObject([changes, { error: { kind } }]);
      expect(JSON.stringify(answer)).toContain(says);
      expect(JSON.stringify(answer)).not.toContain(password);
      expect(JSON.stringify(answer)).not.toContain(MARIADB_USER.password);
    }
  }
});

test("R6: a user who may not read a column is told which grant is missing", async () => {
  await server.sql(
    "create user 'half'@'%' identified by 'h'",
    "grant select (peerid) on vpn.eroutes to 'half'@'%'",
  );
  const answer = await open({ user: "half", password: "h" }).check();
  expect(answer).toMatchObject({ error: { kind: "access-denied" } });
  expect(JSON.stringify(answer)).toContain("SELECT");
});

test("R6: an unknown database, host or socket is unreachable or missing, and named", async () => {
  await server.sql("grant all on `gone`.* to 'erouted'@'%'");
  expect(await open({ database: "gone" }).check()).toMatchObject({ error: { kind: "no-table" } });
  const nowhere = await open({ at: { host: "db.invalid", port: 3306 } }).check();
  expect(nowhere).toMatchObject({ error: { kind: "unreachable" } });
  expect(JSON.stringify(nowhere)).toContain("db.invalid");
  const socket = await open({ at: { socket: "/nowhere/mysqld.sock" } }).check();
  expect(socket).toMatchObject({ error: { kind: "unreachable" } });
  expect(JSON.stringify(socket)).toContain("/nowhere/mysqld.sock");
});

test("R6: an ID outside the table's character set fails no other look-up", async () => {
  await server.sql(
    "use vpn",
    "create table latin (peerid varchar(64) primary key, password varchar(9), " +
      "remip varchar(64)) default charset=latin1",
    "insert into latin values ('site-1', 'k', null), ('zürich', 'z', null)",
  );
  const columns = { remmsk: null, peerip: null, bakpeerip: null, ourid: null } as const;
  const peers = open({
    table: "latin",
    columns: { peerid: "peerid", password: "password", remip: "remip", ...columns },
  });
  const ids = ["站点", "site-1", "🛰", "zürich", "\ud800", "x".repeat(5000)];
  const answers = await Promise.all(ids.map((id) => peers.find(byId(id))));
  expect(answers.map((answer) => (answer.ok ? answer.value.length : -1))).toEqual([
    0, 1, 0, 1, 0, 0,
  ]);
});

test("R2: a server whose default is autocommit=0 still shows rows as they are now", async () => {
  await server.sql("set global autocommit = 0");
  const peers = open({ poolMax: 1 });
  expect(rowsOf(await peers.find(byId("late")))).toEqual([]);
  await server.sql("insert into vpn.eroutes (peerid, password) values ('late', 'k')", "commit");
  expect(rowsOf(await peers.find(byId("late")))).toHaveLength(1);
  await peers.add({ peerid: "later", password: "k" });
  expect(rowsOf(await open().find(byId("later")))).toHaveLength(1);
  await server.sql("set global autocommit = 1");
});

test("a value that is too long is refused without being quoted, not cut", async () => {
  const password = "secret ".repeat(60);
  const answer = await open().add({ peerid: "long", password });
  expect(answer).toMatchObject({ ok: false, error: { kind: "other" } });
  expect(JSON.stringify(answer)).toContain("column password");
  expect(JSON.stringify(answer)).not.toContain("secret");
});

test("a table altered under prepared statements is read in its new form", async () => {
  const peers = open({ poolMax: 1 });
  expect(await isFound(peers)).toBe(true);
  await server.sql("alter table vpn.eroutes modify ourid varchar(99) null, add x int null");
  expect(await isFound(peers)).toBe(true);
});
