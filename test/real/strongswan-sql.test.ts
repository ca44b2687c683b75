/** strongSwan's tables converted to ours, as docs/migration.md says: in MariaDB and in SQLite. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { patient } from "../patience.ts";
import { MARIADB_USER, startMariadb } from "./mariadb.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "erouted-strongswan-sql-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Of the plugin's tables, the columns that matter here. */
function tables(blob: string): readonly string[] {
  return [
    `CREATE TABLE identities (id integer, type integer, data ${blob})`,
    `CREATE TABLE shared_secrets (id integer, type integer, data ${blob})`,
    "CREATE TABLE shared_secret_identity (shared_secret integer, identity integer)",
    "CREATE TABLE ike_configs (id integer, local varchar(128), remote varchar(128))",
    `CREATE TABLE peer_configs (id integer, name varchar(32), ike_cfg integer,
      local_id varchar(64), remote_id varchar(64))`,
    "CREATE TABLE peer_config_child_config (peer_cfg integer, child_cfg integer)",
    `CREATE TABLE child_config_traffic_selector
      (child_cfg integer, traffic_selector integer, kind integer)`,
    `CREATE TABLE traffic_selectors
      (id integer, type integer, start_addr ${blob}, end_addr ${blob})`,
  ];
}

/** Four sites: by name, by address with two subnets, by mail address with a range, without one. */
const ROWS = [
  `INSERT INTO identities VALUES (1, 2, X'${hex("gw.example")}'), (2, 2, X'${hex("site-1")}'),
    (3, 1, X'c6336407'), (4, 3, X'${hex("site@example")}'), (5, 11, X'${hex("site-4")}'),
    (6, 9, X'3000')`,
  `INSERT INTO shared_secrets VALUES (1, 1, X'${hex("key of site 1")}'), (2, 1, X'00ff'),
    (3, 1, X'${hex("key of 3")}'), (4, 1, X'${hex("key of 4")}'), (5, 2, X'${hex("of EAP")}')`,
  // A key is often linked to both ends.
  `INSERT INTO shared_secret_identity VALUES (1, 1), (1, 2), (2, 1), (2, 3), (3, 4), (4, 5),
    (5, 2), (4, 6)`,
  "INSERT INTO ike_configs VALUES (1, '192.0.2.1', '%any'), (2, '192.0.2.1', '198.51.100.7')",
  `INSERT INTO peer_configs VALUES (1, 'one', 1, '@gw.example', '@site-1'),
    (2, 'two', 2, 'gw.example', '198.51.100.7'), (3, 'three', 1, 'gw.example', 'site@example')`,
  "INSERT INTO peer_config_child_config VALUES (1, 1), (2, 2), (3, 3)",
  `INSERT INTO child_config_traffic_selector VALUES (1, 9, 0), (1, 1, 1), (2, 2, 1), (2, 3, 1),
    (3, 4, 1), (1, 5, 1), (2, 9, 0)`,
  `INSERT INTO traffic_selectors VALUES (1, 7, X'c0a80100', X'c0a801ff'),
    (2, 7, X'c0a80200', X'c0a803ff'), (3, 7, X'c0a80905', X'c0a80905'),
    (4, 7, X'c0a80a01', X'c0a80afe'), (5, 8, X'20010db8000000000000000000000000',
    X'20010db800000000ffffffffffffffff'), (9, 7, X'0a000000', X'0a00ffff')`,
];

const SITES = {
  "site-1": { password: `0x${hex("key of site 1")}`, remip: "192.168.1.0/24", peerip: "" },
  "198.51.100.7": {
    ...{ password: "0x00ff", remip: "192.168.2.0/23, 192.168.9.5/32", peerip: "198.51.100.7" },
  },
  "site@example": {
    ...{ password: `0x${hex("key of 3")}`, remip: "192.168.10.1-192.168.10.254", peerip: "" },
  },
  "site-4": { password: `0x${hex("key of 4")}`, remip: "", peerip: "" },
};

function hex(text: string): string {
  return Buffer.from(text).toString("hex");
}

function configuration(name: string, database: string): string {
  const file = join(folder, `${name}.toml`);
  writeFileSync(
    file,
    `[[egroup]]
name = "sites"
${database}
[[eroute]]
name = "fleet"
egroup = "sites"
peerid = "*"
local_subnet = "10.0.0.0/16"
remote_subnet = "192.168.0.0/16"
`,
  );
  return file;
}

function erouted(...args: readonly string[]) {
  const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, "src/main.ts", ...args]);
  return { code: exitCode, said: stdout.toString() + stderr.toString() };
}

test(
  "MariaDB: the statement fills the table; peers check reports what is missing",
  async () => {
    const server = await startMariadb();
    writeFileSync(join(folder, "db.secret"), MARIADB_USER.password, { mode: 0o600 });
    const url = `mysql://${MARIADB_USER.name}@/${MARIADB_USER.database}?socket=${server.socket}`;
    const password = `password_file = "${join(folder, "db.secret")}"`;
    const config = configuration("mysql", `database = "${url}"\n${password}`);
    expect(erouted("peers", "init", "--config", config).code).toBe(0);
    const statement = readFileSync("docs/strongswan-mysql.sql", "utf8").replace(/;\s*$/, "");
    const plugin = [...tables("varbinary(256)"), ...ROWS];
    await server.sql(`use ${MARIADB_USER.database}`, ...plugin, statement);
    const rows = await server.sql(
      `select peerid, password, ifnull(remip, '') remip, ifnull(peerip, '') peerip
      from ${MARIADB_USER.database}.eroutes`,
    );
    const sites = rows.map(({ peerid, ...rest }) => [String(peerid), rest]);
    expect(Object.fromEntries(sites)).toEqual(SITES);
    const checked = erouted("peers", "check", "--config", config);
    expect(checked.said).toMatch(/site@example.*192\.168\.10\.1-192\.168\.10\.254/);
    expect(checked.said).toContain("site-4");
    expect(checked.said).not.toContain("site-1 ");
    await server.dispose();
  },
  patient(30_000),
);

test("SQLite: peers import accepts what the statement writes", () => {
  const file = join(folder, "ipsec.db");
  const made = Bun.spawnSync(["sqlite3", file], {
    stdin: new Blob([[...tables("blob"), ...ROWS, ""].join(";\n")]),
  });
  expect([made.exitCode, made.stderr.toString()]).toEqual([0, ""]);
  const csv = join(folder, "sites.csv");
  const written = Bun.spawnSync(["sqlite3", file], {
    ...{ stdin: Bun.file("docs/strongswan-sqlite.sql"), stdout: Bun.file(csv) },
  });
  expect([written.exitCode, written.stderr.toString()]).toEqual([0, ""]);
  const [head, ...lines] = readFileSync(csv, "utf8").trim().split(/\r?\n/);
  expect(head).toBe("peerid,password,remip,peerip");
  const expected = Object.entries(SITES).map(([peerid, { password, remip, peerip }]) =>
    [peerid, password, remip.includes(" ") ? `"${remip}"` : remip, peerip].join(","),
  );
  expect(lines.sort()).toEqual(expected.sort());
  const config = configuration("sqlite", `database = "sqlite:${join(folder, "peers.db")}"`);
  expect(erouted("peers", "init", "--config", config).code).toBe(0);
  const refused = erouted("peers", "import", "--config", config, csv);
  expect([refused.code, refused.said]).toEqual([1, expect.stringContaining("site@example")]);
  const good = readFileSync(csv, "utf8").replace(/^(site@|site-4).*\r?\n/gm, "");
  writeFileSync(csv, good);
  expect(erouted("peers", "import", "--config", config, csv)).toMatchObject({ code: 0 });
});
