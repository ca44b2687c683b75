/** A reconnection storm against a real MariaDB: simultaneous look-ups share queries. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import type { PeerRepository } from "../../src/peers/repository.ts";
import { cpuUs } from "../bench/thread-time.ts";
import { byId, opened, rowsOf } from "../contract/peers-ground.ts";
import { patient } from "../patience.ts";
import { type Mariadb, mariadbSettings, startMariadb } from "./mariadb.ts";

const SITES = 10_000;
let server: Mariadb;
let peers: PeerRepository;

beforeAll(async () => {
  server = await startMariadb();
  peers = opened(mariadbSettings(server, { poolMax: 4 }));
  await peers.init();
  const rows = Array.from({ length: SITES }, (_, i) => `('site-${i}','key ${i}','10.0.0.0')`);
  await server.sql(`insert into vpn.eroutes (peerid, password, remip) values ${rows.join(",")}`);
}, patient(30_000));

afterAll(async () => {
  await peers?.close();
  await server?.dispose();
});

function site(i: number): string {
  return `site-${(i * 7919) % SITES}`;
}

test("R2: 1,000 sites at the same moment cost the database 16 queries", async () => {
  await peers.find(byId("warm"));
  const before = await server.counter("Com_stmt_execute");
  const asked = Array.from({ length: 1000 }, (_, i) => peers.find(byId(site(i))));
  const answers = await Promise.all(asked);
  const queries = (await server.counter("Com_stmt_execute")) - before;
  for (const [i, answer] of answers.entries()) {
    expect(rowsOf(answer)[0]?.password).toBe(`key ${site(i).slice(5)}`);
  }
  expect(queries).toBeLessThanOrEqual(Math.ceil(1000 / 64));
});

test("few distinct statements are prepared, whatever the sizes of the batches", async () => {
  const before = await server.counter("Com_stmt_prepare");
  for (let size = 1; size <= 64; size++) {
    await Promise.all(Array.from({ length: size }, (_, i) => peers.find(byId(site(i)))));
  }
  const prepared = (await server.counter("Com_stmt_prepare")) - before;
  expect(prepared).toBeLessThanOrEqual(7 * 4);
});

test("no more connections than the pool may have", async () => {
  const [row] = await server.sql(
    "select count(*) as n from information_schema.processlist where user = 'erouted'",
  );
  expect(Number(row?.n)).toBeLessThanOrEqual(4);
});

test("20,000 look-ups cost 320 queries, and do not block the event loop", async () => {
  // Time of this thread: on a busy machine others have the processor in between.
  let longestUs = 0;
  let lastUs = cpuUs();
  const timer = setInterval(() => {
    const nowUs = cpuUs();
    longestUs = Math.max(longestUs, nowUs - lastUs);
    lastUs = nowUs;
  }, 1);
  const before = await server.counter("Com_stmt_execute");
  let found = 0;
  for (let round = 0; round < 20; round++) {
    const asked = Array.from({ length: 1000 }, (_, i) => peers.find(byId(site(round * 1000 + i))));
    for (const answer of await Promise.all(asked)) found += rowsOf(answer).length;
  }
  const queries = (await server.counter("Com_stmt_execute")) - before;
  clearInterval(timer);
  expect(found).toBe(20_000);
  expect(queries).toBeLessThanOrEqual(20 * Math.ceil(1000 / 64));
  expect(longestUs).toBeLessThan(100_000);
});
