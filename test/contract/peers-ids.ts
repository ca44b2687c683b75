/** IDs with blanks or NUL octets at their ends, in columns that drop or add these. */

import { expect, test } from "bun:test";
import { peerKey } from "../../src/eroute/peer-id.ts";
import { createPrng } from "../simulation/prng.ts";
import { byId, byNetwork, opened, type PeersGround, rowsOf } from "./peers-ground.ts";

/** MySQL pads BINARY and strips CHAR; SQLite treats BINARY and INTEGER as numbers. */
const TYPES = ["varchar(64)", "char(64)", "varbinary(64)", "binary(64)", "integer"];
const LETTERS = ["a", "B", "0", "7", " ", "\u0000", "\t", "é"];
const IDS = 40;

export function peersIdsContract(contract: { ground(): PeersGround; table(): string }): void {
  for (const type of TYPES) {
    test(`an ID that is stored is found, any other is refused: ${type}`, async () => {
      const own = `${contract.table()}_ids`;
      await contract
        .ground()
        .sql(`create table ${own} (peerid ${type}, password varchar(99), remip varchar(99))`);
      const columns = { peerid: "peerid", password: "password", remip: "remip", ...UNMAPPED };
      const peers = opened(contract.ground().settings(own, { columns }));
      const prng = createPrng(28);
      const stored = new Map<string, readonly [id: string, password: string]>();
      for (let n = 0; n < IDS; n++) {
        const id = Array.from({ length: 1 + (prng.u32() % 5) }, () => {
          return LETTERS[prng.u32() % LETTERS.length] ?? "";
        }).join("");
        const added = await peers.add({ peerid: id, password: `key ${n}`, remip: "10.0.0.0" });
        if (added.ok) stored.set(peerKey(id), [id, `key ${n}`]);
      }
      for (const [id, password] of stored.values()) {
        const found = rowsOf(await peers.find(byId(id)));
        expect([id, found.map((row) => row.password)]).toEqual([id, [password]]);
      }
      const listed = rowsOf(await peers.list(undefined, 2 * IDS));
      expect(listed.length).toBe(stored.size);
      if (type === "varchar(64)") expect(stored.size).toBeGreaterThan(10);
      await peers.close();
    }, 30_000);
  }

  test("a row with blanks behind its ID is found without them, or not at all", async () => {
    const own = `${contract.table()}_padded`;
    await contract
      .ground()
      .sql(`create table ${own} (peerid varchar(64), password varchar(99), remip varchar(99))`);
    await contract.ground().sql(`insert into ${own} values ('site-1   ', 'k', '10.1.0.0')`);
    const columns = { peerid: "peerid", password: "password", remip: "remip", ...UNMAPPED };
    const peers = opened(contract.ground().settings(own, { columns }));
    const found = rowsOf(await peers.find(byId("site-1")));
    expect(found.map(({ peerid }) => peerid)).toEqual(found.length === 0 ? [] : ["site-1"]);
    // By its network it is found in any case, under the ID that the site will present.
    const called = rowsOf(await peers.find(byNetwork("10.1.0.0")));
    expect(called.map(({ peerid }) => peerid)).toEqual(["site-1"]);
    expect(rowsOf(await peers.find(byId("site-1 x")))).toEqual([]);
    await peers.close();
  });

  test("of many rows written together, none is stored and then not found", async () => {
    const own = `${contract.table()}_many`;
    await contract
      .ground()
      .sql(`create table ${own} (peerid integer, password varchar(99), remip varchar(99))`);
    const columns = { peerid: "peerid", password: "password", remip: "remip", ...UNMAPPED };
    const peers = opened(contract.ground().settings(own, { columns }));
    const add = (peerid: string) => ({ kind: "add", peer: { peerid, password: "k" } }) as const;
    const ids = Array.from({ length: 100 }, (_, n) => `${n + 1}`);
    const written = await peers.write([...ids, "0200"].map(add));
    expect(written).toMatchObject({ ok: false });
    expect(JSON.stringify(written)).toContain("0200");
    expect(rowsOf(await peers.list(undefined, 10))).toEqual([]);
    expect(await peers.write(ids.map(add))).toMatchObject({ ok: true });
    await peers.close();
  });
}

const UNMAPPED = { remmsk: null, peerip: null, bakpeerip: null, ourid: null } as const;
