/** What every engine of the peer table has to do: one suite, several makers. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { PeerRow } from "../../src/eroute/row.ts";
import type { NewPeer, PeerChange, PeerRepository } from "../../src/peers/repository.ts";
import { peersColumnsContract } from "./peers-columns.ts";
import { byId, byNetwork, opened, type PeersGround, rowsOf } from "./peers-ground.ts";
import { peersIdsContract } from "./peers-ids.ts";
import { peersWhereContract } from "./peers-where.ts";

const SITE_1: NewPeer = {
  peerid: "site-1",
  password: "correct horse",
  remip: "192.168.1.0",
  remmsk: "255.255.255.0",
  peerip: "198.51.100.7",
  bakpeerip: "backup.example",
  ourid: "hub.example",
  locip: "10.0.1.0/24, 10.0.2.0/24",
  disabled: "0",
  lifetime: "30m",
  inactivity: "600",
  if_id: "4294967295",
  ppk: "0x00ff",
  ppk_id: "Post Quantum 1",
  post_quantum: "1",
};

export function peersContract(engine: string, make: () => Promise<PeersGround>): void {
  describe(`peer repository: ${engine}`, () => {
    let ground: PeersGround;
    let peers: PeerRepository;
    let tables = 0;
    let table = "";

    beforeAll(async () => {
      ground = await make();
    }, GROUND_MS_MAX);

    afterAll(async () => {
      await peers?.close();
      await ground?.dispose();
    });

    beforeEach(async () => {
      await peers?.close();
      table = `eroutes_${++tables}`;
      peers = opened(ground.settings(table));
      expect(await peers.init()).toEqual({ ok: true, value: "created" });
    });

    test("R2: a row is found by its peer ID with all its columns", async () => {
      expect(await peers.add(SITE_1)).toEqual({ ok: true, value: undefined });
      expect(rowsOf(await peers.find(byId("site-1")))).toEqual([SITE_1 as PeerRow]);
    });

    test("rows are counted, and so are the disabled ones", async () => {
      await peers.add({ ...SITE_1, peerid: "count-1", disabled: "0" });
      await peers.add({ ...SITE_1, peerid: "count-2", disabled: "1" });
      const counted = await peers.count();
      expect(counted.ok && counted.value).toEqual({ rows: 2, disabled: 1 });
    });

    test("R6: an ID without a row is an empty answer, not a fault", async () => {
      expect(await peers.find(byId("site-2"))).toEqual({ ok: true, value: [] });
    });

    test("columns that are NULL come back as null", async () => {
      await peers.add({ peerid: "bare", password: "k" });
      const [row] = rowsOf(await peers.find(byId("bare")));
      expect(row).toEqual({
        peerid: "bare",
        password: "k",
        remip: null,
        remmsk: null,
        peerip: null,
        bakpeerip: null,
        ourid: null,
        locip: null,
        disabled: "0",
        lifetime: null,
        inactivity: null,
        if_id: null,
        ppk: null,
        ppk_id: null,
        post_quantum: null,
      });
    });

    test("rows are added and changed together; null empties a field", async () => {
      await peers.add(SITE_1);
      const changes: readonly PeerChange[] = [
        { kind: "add", peer: { peerid: "new", password: "k", remip: "192.168.9.0" } },
        { kind: "update", peer: { peerid: "site-1", peerip: null, remip: "192.168.7.0" } },
      ];
      expect(await peers.write(changes)).toEqual({ ok: true, value: undefined });
      const changed = { ...SITE_1, peerip: null, remip: "192.168.7.0" } as PeerRow;
      expect(rowsOf(await peers.find(byId("site-1")))).toEqual([changed]);
      expect(rowsOf(await peers.find(byId("new")))).toMatchObject([{ remip: "192.168.9.0" }]);
    });

    test("if one of several rows cannot be written, none is", async () => {
      await peers.add(SITE_1);
      const add = (peerid: string) => ({ kind: "add", peer: { peerid, password: "k" } }) as const;
      const written = await peers.write([add("a"), add("site-1"), add("b")]);
      expect(written.ok).toBe(false);
      expect(rowsOf(await peers.list(undefined, 10)).map(({ peerid }) => peerid)).toEqual([
        "site-1",
      ]);
      expect(await peers.write([add("a")])).toMatchObject({ ok: true });
    });

    test("R1: IDs that differ only in ASCII case name the same site", async () => {
      await peers.add(SITE_1);
      const asked = ["SITE-1", "site-1", "Site-1"].map((id) => peers.find(byId(id)));
      for (const answer of await Promise.all(asked)) expect(rowsOf(answer)).toHaveLength(1);
    });

    test("no caller gets a row that only a collation considers equal", async () => {
      await peers.add({ peerid: "strasse", password: "a" });
      await peers.add({ peerid: "cafe", password: "b" });
      await peers.add({ peerid: "site", password: "c" });
      for (const id of ["straße", "café", "site ", "site\t", " site", "sıte", "site\u0000"]) {
        expect([id, rowsOf(await peers.find(byId(id)))]).toEqual([id, []]);
      }
    });

    test("IDs outside ASCII are found as they are", async () => {
      const ids = ["zürich-7", "站点-1", "🛰-1", "o'brien; drop table x --", "a\\'b", 'q"q`q'];
      for (const peerid of ids) await peers.add({ peerid, password: `key of ${peerid}` });
      const answers = await Promise.all(ids.map((id) => peers.find(byId(id))));
      expect(answers.map((answer) => rowsOf(answer)[0]?.password)).toEqual(
        ids.map((id) => `key of ${id}`),
      );
    });

    test("look-ups of the same moment each get their own row and no other", async () => {
      for (let i = 0; i < 150; i++) await peers.add({ peerid: `s${i}`, password: `key ${i}` });
      const asked = Array.from({ length: 300 }, (_, i) => peers.find(byId(`s${i}`)));
      const keys = (await Promise.all(asked)).map((answer) =>
        rowsOf(answer).map((r) => r.password),
      );
      expect(keys).toEqual(Array.from({ length: 300 }, (_, i) => (i < 150 ? [`key ${i}`] : [])));
    });

    test("many requests for one ID at the same moment are all answered", async () => {
      await peers.add(SITE_1);
      const answers = await Promise.all(
        Array.from({ length: 50 }, () => peers.find(byId("site-1"))),
      );
      for (const answer of answers) expect(rowsOf(answer)).toHaveLength(1);
      expect(peers.statistics().lookups).toBe(50);
    });

    test("R2: a changed row takes effect at the next look-up", async () => {
      await peers.add(SITE_1);
      await peers.find(byId("site-1"));
      await ground.sql(`update ${table} set password = 'new' where peerid = 'site-1'`);
      expect(rowsOf(await peers.find(byId("site-1")))[0]?.password).toBe("new");
      await ground.sql(`delete from ${table}`);
      expect(rowsOf(await peers.find(byId("site-1")))).toEqual([]);
    });

    test("R12: a row is found by its network, with or without a mask behind it", async () => {
      await peers.add(SITE_1);
      await peers.add({ peerid: "b", password: "k", remip: "10.7.0.0/24" });
      await peers.add({ peerid: "c", password: "k", remip: "10.70.0.0/24" });
      await peers.add({ peerid: "d", password: "k", remip: "2001:DB8:7::/48" });
      const ask = async (network: string) =>
        rowsOf(await peers.find(byNetwork(network))).map((row) => row.peerid);
      expect(await ask("192.168.1.0")).toEqual(["site-1"]);
      expect(await ask("192.168.1.0/24")).toEqual(["site-1"]);
      expect(await ask("10.7.0.0")).toEqual(["b"]);
      expect(await ask("10.7.0.0/24")).toEqual(["b"]);
      expect(await ask("2001:db8:7::")).toEqual(["d"]);
      expect(await ask("10.8.0.0")).toEqual([]);
      await peers.add({ peerid: "e", password: "k", remip: "10.8.0.0, 10.9.0.0/24" });
      await peers.add({ peerid: "f", password: "k", remip: "10.10.0.0/24 10.11.0.0/24" });
      await peers.add({ peerid: "g", password: "k", remip: "10.12.0.0 10.13.0.0" });
      expect(await ask("10.8.0.0")).toEqual(["e"]);
      expect(await ask("10.9.0.0")).toEqual([]);
      expect(await ask("10.10.0.0")).toEqual(["f"]);
      expect(await ask("10.12.0.0")).toEqual(["g"]);
      expect(await ask("no address")).toEqual([]);
    });

    test("R12: networks and IDs looked up at the same moment do not mix", async () => {
      for (let i = 0; i < 90; i++) {
        await peers.add({ peerid: `s${i}`, password: "k", remip: `10.1.${i}.0` });
      }
      const answers = await Promise.all(
        Array.from({ length: 180 }, (_, i) =>
          peers.find(i % 2 === 0 ? byId(`s${i >> 1}`) : byNetwork(`10.1.${i >> 1}.0`)),
        ),
      );
      expect(answers.map((answer) => rowsOf(answer)[0]?.peerid)).toEqual(
        Array.from({ length: 180 }, (_, i) => `s${i >> 1}`),
      );
    });

    test("a row is found by its peerip; all rows with this address come", async () => {
      await peers.add({ ...SITE_1, peerid: "a", peerip: "198.51.100.8" });
      await peers.add({ ...SITE_1, peerid: "b", peerip: "198.51.100.80" });
      await peers.add({ ...SITE_1, peerid: "c", peerip: "2001:db8::1" });
      await peers.add({ ...SITE_1, peerid: "d", peerip: "gw.example" });
      await peers.add({ ...SITE_1, peerid: "e", peerip: "2001:db8::1" });
      const ask = async (address: string) =>
        rowsOf(await peers.find({ by: "address", address })).map((row) => row.peerid);
      const all = ["198.51.100.8", "2001:DB8::1", "198.51.100.9", "gw.example"].map(ask);
      expect(await Promise.all(all)).toEqual([["a"], ["c", "e"], [], []]);
    });

    test("a row is found by its ppk_id, in the same letters", async () => {
      await peers.add({ ...SITE_1, peerid: "a", ppk: "k1", ppk_id: "one" });
      await peers.add({ ...SITE_1, peerid: "b", ppk: "k2", ppk_id: "0x00ff" });
      await peers.add({ ...SITE_1, peerid: "c", ppk: "k3" });
      const ask = async (id: string) =>
        rowsOf(await peers.find({ by: "ppk", id })).map((row) => row.peerid);
      const all = ["one", "0x00ff", "ONE", "c", ""].map(ask);
      expect(await Promise.all(all)).toEqual([["a"], ["b"], [], [], []]);
    });

    test("in a table without peerip, no row is found by an address", async () => {
      await peers.add(SITE_1);
      const columns = { peerid: "peerid", password: "password", remip: "remip", ...UNMAPPED };
      const bare = opened(ground.settings(table, { columns }));
      const found = await bare.find({ by: "address", address: "198.51.100.7" });
      expect(rowsOf(found)).toEqual([]);
      expect(rowsOf(await bare.find({ by: "ppk", id: "one" }))).toEqual([]);
      await bare.close();
    });

    test("two rows for one ID in a table without a unique key are both seen", async () => {
      const own = `${table}_open`;
      await ground.sql(
        `create table ${own} (peerid varchar(99), password varchar(99), remip varchar(99))`,
      );
      for (let i = 0; i < 400; i++) {
        await ground.sql(`insert into ${own} values ('twin', 'k${i}', '10.0.0.0')`);
      }
      await ground.sql(`insert into ${own} values ('alone', 'k', '10.1.0.0')`);
      const columns = { peerid: "peerid", password: "password", remip: "remip", ...UNMAPPED };
      const twins = opened(ground.settings(own, { columns }));
      const ids = ["twin", "alone", "nobody"];
      const answers = await Promise.all(ids.map((id) => twins.find(byId(id))));
      const advice = await twins.advice();
      expect(answers.map((answer) => rowsOf(answer).length)).toEqual([2, 1, 0]);
      expect(advice.ok ? advice.value.length : 0).toBe(2);
      expect(await twins.add({ peerid: "alone", password: "k" })).toMatchObject({
        error: { kind: "duplicate" },
      });
      await twins.close();
    });

    test("an existing table is used under its own column names", async () => {
      const own = `${table}_own`;
      await ground.sql(
        `create table ${own} (id integer, device_id varchar(64) primary key, psk varchar(64), ` +
          "lan varchar(64), colour varchar(9))",
      );
      await ground.sql(`insert into ${own} values (7, '4711', 'k', '10.9.0.0', 'red')`);
      const columns = { peerid: "device_id", password: "psk", remip: "lan", ...UNMAPPED };
      const mapped = opened(ground.settings(own, { columns }));
      expect(await mapped.check()).toEqual({ ok: true, value: undefined });
      const expected = { peerid: "4711", password: "k", remip: "10.9.0.0", ourid: null };
      expect(rowsOf(await mapped.find(byId("4711")))[0]).toMatchObject(expected);
      expect(rowsOf(await mapped.find(byNetwork("10.9.0.0")))[0]).toMatchObject(expected);
      const refused = await mapped.add({ peerid: "x", password: "k", peerip: "192.0.2.1" });
      expect(refused).toMatchObject({ error: { kind: "no-column" } });
      expect(JSON.stringify(refused)).toContain("columns.peerip");
      await mapped.close();
    });

    test("R6: a missing column is named by its key, with the columns that exist", async () => {
      const wrong = { peerid: "peerid", password: "psk", remip: "remip", ...UNMAPPED };
      const mapped = opened(ground.settings(table, { columns: wrong }));
      for (const result of [await mapped.check(), await mapped.find(byId("x"))]) {
        expect(result).toMatchObject({ error: { kind: "no-column" } });
        const text = JSON.stringify(result);
        expect(text).toContain('columns.password = \\"psk\\"');
        expect(text).toContain("peerid, password, remip, remmsk");
      }
      await mapped.close();
    });

    test("R6: a missing table is a fault that names the command to create it", async () => {
      const none = opened(ground.settings("nowhere"));
      for (const result of [await none.check(), await none.find(byId("x"))]) {
        expect(result).toMatchObject({ error: { kind: "no-table" } });
        expect(JSON.stringify(result)).toContain("erouted peers init --egroup sites");
      }
      await none.close();
    });

    test("a table is created once, with everything that look-ups need", async () => {
      expect(await peers.init()).toEqual({ ok: true, value: "exists" });
      expect(await peers.check()).toEqual({ ok: true, value: undefined });
      expect(await peers.advice()).toEqual({ ok: true, value: [] });
    });

    test("a second row for an ID is refused, whatever its case", async () => {
      await peers.add(SITE_1);
      for (const peerid of ["site-1", "SITE-1"]) {
        expect(await peers.add({ ...SITE_1, peerid })).toMatchObject({
          error: { kind: "duplicate" },
        });
      }
    });

    test("rows are listed in pages, in order", async () => {
      for (const peerid of ["c", "a", "e", "b", "d"]) await peers.add({ peerid, password: "k" });
      const page = async (after: string | undefined) =>
        rowsOf(await peers.list(after, 2)).map((row) => row.peerid);
      expect(await page(undefined)).toEqual(["a", "b"]);
      expect(await page("b")).toEqual(["c", "d"]);
      expect(await page("d")).toEqual(["e"]);
      expect(await page("e")).toEqual([]);
    });

    test("a removed row is gone, and removing says whether it was there", async () => {
      await peers.add(SITE_1);
      await peers.add({ peerid: "site-2", password: "k" });
      expect(await peers.remove("Site-1")).toEqual({ ok: true, value: true });
      expect(await peers.remove("site-1")).toEqual({ ok: true, value: false });
      expect(rowsOf(await peers.list(undefined, 9)).map((row) => row.peerid)).toEqual(["site-2"]);
    });

    test("look-ups beyond the limit of waiting ones fail at once as overloaded", async () => {
      const small = opened(ground.settings(table, { waitingMax: 3 }));
      const asked = ["a", "b", "c", "d", "e"].map((id) => small.find(byId(id)));
      expect(small.statistics().waiting).toBe(3);
      const kinds = (await Promise.all(asked)).map((r) => (r.ok ? "ok" : r.error.kind));
      expect(kinds).toEqual(["ok", "ok", "ok", "overloaded", "overloaded"]);
      expect(rowsOf(await small.find(byId("f")))).toEqual([]);
      await small.close();
    });

    test("closing ends look-ups under way with the fault closed, and later ones, too", async () => {
      const asked = [peers.find(byId("a")), peers.find(byId("b"))];
      await peers.close();
      for (const answer of [...(await Promise.all(asked)), await peers.find(byId("c"))]) {
        expect(answer).toMatchObject({ error: { kind: "closed" } });
      }
    });

    test("statistics count look-ups, failures and times", async () => {
      await peers.find(byId("a"));
      await peers.find(byId("b"));
      const { lookups, failures, waiting, lastFault, seconds, secondsSum } = peers.statistics();
      expect({ lookups, failures, waiting, lastFault }).toEqual({
        lookups: 2,
        failures: 0,
        waiting: 0,
        lastFault: undefined,
      });
      expect(seconds.at(-1)).toEqual({ upTo: 5, count: 2 });
      expect(secondsSum).toBeGreaterThan(0);
      await peers.close();
      await peers.find(byId("a"));
      expect(peers.statistics()).toMatchObject({ lookups: 3, failures: 1 });
      expect(peers.statistics().lastFault).toContain("closed");
    });

    peersWhereContract({ ground: () => ground, table: () => table });
    peersIdsContract({ ground: () => ground, table: () => table });
    peersColumnsContract({
      ground: () => ground,
      table: () => table,
      peers: () => peers,
    });
  });
}

const UNMAPPED = { remmsk: null, peerip: null, bakpeerip: null, ourid: null } as const;
const GROUND_MS_MAX = 30_000;
