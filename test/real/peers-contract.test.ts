/** The contract of the peer table, with a real MariaDB. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { COLUMNS_OF_FEW, type MysqlSettings } from "../../src/eroute/database.ts";
import { peersContract } from "../contract/peers.ts";
import { ALL_COLUMNS, byId, opened, rowsOf } from "../contract/peers-ground.ts";
import { patient } from "../patience.ts";
import { MARIADB_USER, mariadbSettings, startMariadb } from "./mariadb.ts";

test(
  "the statement in docs/peer-table.md adds all columns to an existing table",
  async () => {
    const server = await startMariadb();
    const docs = await Bun.file(join(import.meta.dir, "../../docs/peer-table.md")).text();
    const [alter = ""] = /ALTER TABLE eroutes\n[^;]*;/.exec(docs) ?? [];
    const plain = opened(mariadbSettings(server));
    expect(await plain.init()).toEqual({ ok: true, value: "created" });
    expect(await plain.add({ peerid: "site-1", password: "k" })).toMatchObject({ ok: true });
    await server.sql(`use ${MARIADB_USER.database}`, alter);
    const settings = mariadbSettings(server, { columns: ALL_COLUMNS });
    const whole = opened(settings);
    expect(await whole.check()).toEqual({ ok: true, value: undefined });
    expect(await whole.advice()).toEqual({ ok: true, value: [] });
    const start = await whole.changedSince?.(undefined);
    const more = { peerid: "site-2", password: "k", locip: "10.0.1.0/24", if_id: "42" };
    expect(await whole.add(more)).toMatchObject({ ok: true });
    const watermark = start?.ok === true ? start.value.watermark : undefined;
    const changed = await whole.changedSince?.(watermark);
    expect(changed).toMatchObject({ ok: true, value: { peerids: ["site-2"] } });
    await plain.close();
    await whole.close();
    await server.dispose();
  },
  patient(30_000),
);

test(
  "a user who may not read all columns works without the optional ones",
  async () => {
    const server = await startMariadb();
    const owner = opened(mariadbSettings(server, { columns: ALL_COLUMNS }));
    await owner.init();
    await owner.add({ peerid: "site-1", password: "k", locip: "10.0.1.0/24", lifetime: "30m" });
    await owner.close();
    const granted = "peerid, password, remip, remmsk, peerip, bakpeerip, ourid, locip";
    await server.sql(
      "create user 'reader'@'localhost' identified by 'r'",
      `grant select (${granted}) on ${MARIADB_USER.database}.eroutes to 'reader'@'localhost'`,
    );
    const reader = opened(
      mariadbSettings(server, {
        ...{ user: "reader", password: "r", columns: ALL_COLUMNS, presumed: COLUMNS_OF_FEW },
      }),
    );
    const expected = { peerid: "site-1", locip: "10.0.1.0/24", lifetime: null, disabled: null };
    expect(rowsOf(await reader.find(byId("site-1")))[0]).toMatchObject(expected);
    expect(await reader.changedSince?.(undefined)).toEqual({
      ...{ ok: true, value: { peerids: [], watermark: "" } },
    });
    await reader.close();
    await server.dispose();
  },
  patient(30_000),
);

test(
  "a column that pads IDs with NUL is reported when the database is checked",
  async () => {
    const server = await startMariadb();
    const { database } = MARIADB_USER;
    await server.sql(
      `create table ${database}.eroutes (peerid binary(16), password varchar(99), ` +
        "remip varchar(99), remmsk varchar(9), peerip varchar(9), bakpeerip varchar(9), " +
        "ourid varchar(9))",
    );
    const peers = opened(mariadbSettings(server));
    const checked = await peers.check();
    expect(checked).toMatchObject({ ok: false });
    expect(JSON.stringify(checked)).toContain("make it VARBINARY or VARCHAR");
    await peers.close();
    await server.dispose();
  },
  patient(30_000),
);

peersContract("MariaDB", async () => {
  const server = await startMariadb();
  return {
    settings: (table, changes) =>
      mariadbSettings(server, {
        ...{ table, columns: ALL_COLUMNS, presumed: COLUMNS_OF_FEW },
        ...(changes as Partial<MysqlSettings>),
      }),
    async sql(statement) {
      await server.sql(`use ${MARIADB_USER.database}`, statement);
    },
    dispose: () => server.dispose(),
  };
});
