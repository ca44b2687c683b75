/** Messages about a table that is not quite right say what is missing, and how to add it. */

import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import type { MysqlSettings } from "../../../src/eroute/database.ts";
import { mysqlFault } from "../../../src/peers/mysql-fault.ts";
import { unmapped } from "../../../src/peers/table-shape.ts";
import { createFolder } from "../cli/folder.ts";
import { runWith } from "../cli/terminal.ts";

const SETTINGS: MysqlSettings = {
  engine: "mysql",
  egroup: "sites",
  at: { host: "db.example", port: 3306 },
  user: "erouted",
  password: undefined,
  database: "vpn",
  table: "eroutes",
  columns: {
    ...{ peerid: "peerid", password: "password", remip: "remip", remmsk: "remmsk" },
    ...{ peerip: "peerip", bakpeerip: "bakpeerip", ourid: "ourid" },
  },
  deadlineMs: 2_000,
  waitingMax: 10,
  poolMax: 1,
  tls: { mode: "off" },
};

test("a missing privilege is named as it has to be granted: INSERT, UPDATE, SELECT", () => {
  for (const right of ["INSERT", "UPDATE", "SELECT", "CREATE VIEW"]) {
    const said = `${right} command denied to user 'erouted'@'10.0.0.9' for table 'eroutes'`;
    const error = Object.assign(new Error(said), { code: "ER_TABLEACCESS_DENIED_ERROR" });
    expect(mysqlFault(error, SETTINGS).fault.detail).toEndWith(
      `missing right: GRANT ${right} ON \`vpn\`.\`eroutes\` TO 'erouted'@'10.0.0.9'`,
    );
  }
});

test("an optional column that the table lacks is named, with both remedies", () => {
  expect(unmapped({ peerid: "a", locip: "10.0.0.0/8" }, SETTINGS)?.detail).toEndWith(
    "the table has no column for locip, which is optional: add one of that name, or set another " +
      "name with columns.locip of egroup sites",
  );
});

test("indexes are advised for the tables that a view reads, not for the view", async () => {
  const folder = createFolder(["remote_mask", 'table = "sites_view"\nremote_mask']);
  try {
    const database = new Database(folder.path("peers.db"), { create: true });
    const columns = "peerid, password, remip, remmsk, peerip, bakpeerip, ourid";
    database.run(`create table t (${columns})`);
    database.run(`create view sites_view as select ${columns} from t`);
    database.close();
    const { out } = await runWith(["check", "--config", folder.config]);
    expect(out).toContain("sites_view is a view: indexes on peerid and remip have to be on the");
    expect(out).not.toContain("has no index");
  } finally {
    folder.dispose();
  }
});
