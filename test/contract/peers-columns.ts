/** Columns that few tables have, and the one that says what was written since the last look. */

import { expect, test } from "bun:test";
import type { PeerRepository } from "../../src/peers/repository.ts";
import { byId, opened, type PeersGround, rowsOf } from "./peers-ground.ts";

/** What the current test has: a new table, opened. */
export type Fresh = {
  ground(): PeersGround;
  table(): string;
  peers(): PeerRepository;
};

export function peersColumnsContract({ ground, table, peers }: Fresh): void {
  const sql = (text: string) => ground().sql(text.replaceAll("TABLE", table()));

  /** A table without the newer columns, with rows a and b; its repository. */
  async function plainTable(types = ""): Promise<PeerRepository> {
    await sql(
      "create table TABLE_plain (peerid varchar(99) primary key, password varchar(99), " +
        `remip varchar(99), remmsk varchar(99), peerip varchar(99), bakpeerip varchar(99), ` +
        `ourid varchar(99)${types})`,
    );
    await sql("insert into TABLE_plain (peerid, password) values ('a', 'k'), ('b', 'k')");
    return opened(ground().settings(`${table()}_plain`));
  }

  /** What was written since the watermark, page after page until there is no more. */
  async function changes(from: PeerRepository, watermark: string | undefined) {
    const peerids: string[] = [];
    let mark = watermark;
    for (let page = 0; page < 20; page++) {
      const answer = await from.changedSince?.(mark);
      if (answer?.ok !== true) throw new Error(JSON.stringify(answer));
      mark = answer.value.watermark;
      peerids.push(...answer.value.peerids);
      if (answer.value.peerids.length === 0) return { peerids, mark };
    }
    throw new Error(`no end: ${peerids.length} rows`);
  }

  test("a table without the optional columns works as before", async () => {
    const plain = await plainTable();
    expect(await plain.check()).toEqual({ ok: true, value: undefined });
    const expected = { peerid: "a", password: "k", locip: null, disabled: null, if_id: null };
    expect(rowsOf(await plain.find(byId("a")))[0]).toMatchObject(expected);
    expect(await changes(plain, undefined)).toEqual({ peerids: [], mark: "" });
    expect(await plain.add({ peerid: "c", password: "k" })).toMatchObject({ ok: true });
    expect(await plain.add({ peerid: "d", password: "k", locip: "10.0.0.0" })).toMatchObject({
      error: { kind: "no-column" },
    });
    expect(await plain.remove("c")).toEqual({ ok: true, value: true });
    await plain.close();
  });

  test("an optional column that is removed during look-ups fails none of them", async () => {
    const plain = await plainTable(", locip varchar(99), disabled integer");
    await sql("update TABLE_plain set locip = '10.0.0.0/8', disabled = 1");
    const before = { locip: "10.0.0.0/8", disabled: "1", lifetime: null };
    expect(rowsOf(await plain.find(byId("a")))[0]).toMatchObject(before);
    await sql("alter table TABLE_plain drop column locip");
    const after = { locip: null, disabled: "1" };
    expect(rowsOf(await plain.find(byId("a")))[0]).toMatchObject(after);
    await plain.close();
  });

  test("a column that is named in the configuration has to exist", async () => {
    const plain = await plainTable();
    const settings = ground().settings(`${table()}_plain`, { presumed: [] });
    const strict = opened(settings);
    const answer = await strict.find(byId("a"));
    expect(answer).toMatchObject({ error: { kind: "no-column" } });
    expect(JSON.stringify(answer)).toContain('columns.if_id = \\"if_id\\"');
    await strict.close();
    await plain.close();
  });

  test("what was written since the last look is reported once, in order", async () => {
    await peers().add({ peerid: "a", password: "k" });
    await peers().add({ peerid: "b", password: "k" });
    const start = await changes(peers(), undefined);
    expect(start.peerids).toEqual([]);
    expect((await changes(peers(), start.mark)).peerids).toEqual([]);
    await peers().add({ peerid: "c", password: "k" });
    await sql("update TABLE set password = 'new' where peerid = 'a'");
    const first = await changes(peers(), start.mark);
    expect(first.peerids).toEqual(["c", "a"]);
    await sql("delete from TABLE where peerid = 'a'");
    await sql("update TABLE set remip = '10.0.0.0/24' where peerid = 'b'");
    expect((await changes(peers(), first.mark)).peerids).toEqual(["b"]);
  });

  test("rows added to an empty table are reported", async () => {
    const start = await changes(peers(), undefined);
    await peers().add({ peerid: "a", password: "k" });
    expect((await changes(peers(), start.mark)).peerids).toEqual(["a"]);
  });

  test("many rows written by one statement are reported in pages, none left out", async () => {
    for (let from = 0; from < 1200; from += 400) {
      const rows = Array.from({ length: 400 }, (_, i) => `('s${from + i}', 'k')`).join(", ");
      await sql(`insert into TABLE (peerid, password) values ${rows}`);
    }
    const start = await changes(peers(), undefined);
    await sql("update TABLE set remip = '10.0.0.0/24'");
    const { peerids, mark } = await changes(peers(), start.mark);
    expect([peerids.length, new Set(peerids).size]).toEqual([1200, 1200]);
    expect((await changes(peers(), mark)).peerids).toEqual([]);
  });

  test("a row that gets the value of rows already reported is reported, too", async () => {
    const plain = await plainTable(", changed bigint");
    // Beyond 2^53 a double cannot distinguish neighbours.
    await sql("update TABLE_plain set changed = 9007199254740993 where peerid = 'b'");
    const start = await changes(plain, undefined);
    await sql("update TABLE_plain set changed = 9007199254740993 where peerid = 'a'");
    const same = await changes(plain, start.mark);
    expect(same.peerids.toSorted()).toEqual(["a", "b"]);
    await sql("update TABLE_plain set changed = 9007199254740994 where peerid = 'a'");
    expect((await changes(plain, same.mark)).peerids).toEqual(["a"]);
    await plain.close();
  });

  test("times in seconds work as well, and rows without one are never reported", async () => {
    const plain = await plainTable(", changed datetime");
    const none = await changes(plain, undefined);
    expect((await changes(plain, none.mark)).peerids).toEqual([]);
    await sql("update TABLE_plain set changed = '2026-03-01 10:00:00' where peerid = 'a'");
    const first = await changes(plain, none.mark);
    expect(first.peerids).toEqual(["a"]);
    await sql("update TABLE_plain set changed = '2026-03-01 10:00:01' where peerid = 'b'");
    expect((await changes(plain, first.mark)).peerids).toEqual(["b"]);
    await plain.close();
  });

  test("R6: a table that cannot be read is a fault, not an answer without rows", async () => {
    const start = await changes(peers(), undefined);
    await sql("drop table TABLE");
    expect(await peers().changedSince?.(start.mark)).toMatchObject({
      error: { kind: "no-table" },
    });
  });
}
