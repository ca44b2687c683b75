/** `erouted peers`: rows in and out, checked as the daemon will check them, keys never shown. */

import { afterEach, expect, test } from "bun:test";
import { CA_PEM, CONCENTRATOR_KEY, CONCENTRATOR_PEM } from "../config/certificates.ts";
import { createFolder, type Folder, IKE_PORT, SECOND_EGROUP } from "./folder.ts";
import { type Ran, runWith } from "./terminal.ts";

const folders: Folder[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) folder.dispose();
});

function folder(...changes: readonly (readonly [string, string])[]): Folder {
  const made = createFolder(...changes);
  folders.push(made);
  return made;
}

async function initialized(): Promise<Folder> {
  const made = folder();
  expect((await peers(made, ["init"])).code).toBe(0);
  return made;
}

function peers(at: Folder, args: readonly string[], stdin = ""): Promise<Ran> {
  return runWith(["peers", ...args, "--config", at.config], stdin);
}

const SITE_1 = ["--peerid", "site-1", "--remip", "192.168.1.0"];

test("init creates the table once, and says where", async () => {
  const at = folder();
  const first = await peers(at, ["init"]);
  expect(first).toMatchObject({ code: 0, err: "" });
  expect(first.out).toBe(`sqlite:${at.path("peers.db")} table eroutes: created`);
  expect((await peers(at, ["init"])).out).toEndWith("exists already");
});

test("add with --generate prints the key once, and nothing prints it again", async () => {
  const at = await initialized();
  const added = await peers(at, ["add", ...SITE_1, "--generate"]);
  expect(added.code).toBe(0);
  expect(added.out).toMatch(/^[A-Za-z0-9]{32}$/);
  expect(added.err).toEndWith("added site-1");
  for (const args of [["list"], ["list", "--json"], ["add", ...SITE_1, "--generate"]]) {
    const { out, err } = await peers(at, args);
    expect(out + err).not.toContain(added.out);
  }
});

test("two generated keys differ", async () => {
  const at = await initialized();
  const keys = new Set<string>();
  for (let i = 1; i <= 20; i++) {
    const site = ["--peerid", `site-${i}`, "--remip", `192.168.${i}.0`];
    keys.add((await peers(at, ["add", ...site, "--generate"])).out);
  }
  expect(keys.size).toBe(20);
});

test("a key comes from a file or standard input, without its line feed", async () => {
  const at = await initialized();
  const file = at.write("key", "correct horse\n");
  expect((await peers(at, ["add", ...SITE_1, "--password-file", file])).code).toBe(0);
  const second = ["add", "--peerid", "site-2", "--remip", "192.168.2.0", "--password-stdin"];
  expect((await peers(at, second, "battery staple\r\n")).code).toBe(0);
  const { Database } = await import("bun:sqlite");
  const database = new Database(at.path("peers.db"), { readonly: true });
  const rows = database.prepare("select peerid, password from eroutes order by peerid").values();
  database.close();
  expect(rows).toEqual([
    ["site-1", "correct horse"],
    ["site-2", "battery staple"],
  ]);
});

test("a file without a key, with two lines, or that does not exist, is refused", async () => {
  const at = await initialized();
  const cases = [
    { file: at.write("empty", "\n"), says: "contains no key" },
    { file: at.write("two", "a\nb\n"), says: "more than one line" },
    { file: at.write("huge", "x".repeat(5000)), says: "more than 4096 octets" },
    { file: at.path("nowhere"), says: "no such file" },
  ];
  for (const { file, says } of cases) {
    const { code, out, err } = await peers(at, ["add", ...SITE_1, "--password-file", file]);
    expect([file, code, out]).toEqual([file, 1, ""]);
    expect(err).toContain(says);
  }
});

test("R6: a row that the daemon would refuse is refused before it is written", async () => {
  const at = await initialized();
  const cases = [
    { args: ["--peerid", "site-1"], says: "remip" },
    { args: ["--peerid", "site-1", "--remip", "192.168.1"], says: "remip" },
    { args: [...SITE_1, "--remmsk", "255.0.255.0"], says: "remmsk" },
    { args: ["--peerid", "site-1", "--remip", "10.9.0.0/24"], says: "192.168.0.0/16" },
    { args: [...SITE_1, "--peerip", "no host"], says: "peerip" },
    { args: [...SITE_1, "--locip", "10.1.0.0/24", "--disabled"], says: "locip" },
    { args: [...SITE_1, "--lifetime", "1s"], says: "lifetime" },
    { args: ["--peerid", "stie-1", "--remip", "192.168.1.0"], says: 'nearest pattern is "site-*"' },
    { args: ["--peerid", "", "--remip", "192.168.1.0"], says: "0 characters" },
  ];
  for (const { args, says } of cases) {
    const { code, out, err } = await peers(at, ["add", ...args, "--generate"]);
    expect([args, code, out]).toEqual([args, 1, ""]);
    expect(err).toContain(says);
  }
  expect((await peers(at, ["list", "--json"])).out).toBe("");
});

test("a second row for a site is refused", async () => {
  const at = await initialized();
  await peers(at, ["add", ...SITE_1, "--generate"]);
  const again = await peers(at, ["add", "--peerid", "SITE-1", ...SITE_1.slice(2), "--generate"]);
  expect(again).toMatchObject({ code: 1, out: "" });
  expect(again.err).toContain("there is a row for SITE-1 already");
});

test("list shows all columns but the key, as a table and as JSON lines", async () => {
  const at = await initialized();
  await peers(at, ["add", ...SITE_1, "--peerip", "198.51.100.7", "--generate"]);
  const table = await peers(at, ["list"]);
  expect(table.out.split("\n").map((line) => line.split(/ {2,}/))).toEqual([
    ["PEERID", "PASSWORD", "REMIP", "REMMSK", "PEERIP", "BAKPEERIP", "OURID"],
    ["site-1", "set", "192.168.1.0", "-", "198.51.100.7", "-", "-"],
  ]);
  const json = await peers(at, ["list", "--json"]);
  expect(JSON.parse(json.out)).toEqual({
    peerid: "site-1",
    remip: "192.168.1.0",
    remmsk: null,
    peerip: "198.51.100.7",
    bakpeerip: null,
    ourid: null,
    locip: null,
    disabled: "0",
    lifetime: null,
    inactivity: null,
    if_id: null,
    ppk_id: null,
    post_quantum: null,
    has_password: true,
    has_ppk: false,
  });
});

test("columns that few rows use are shown by list only if one of these rows does", async () => {
  const at = await initialized();
  const own = ["--locip", "10.0.1.0/24", "--lifetime", "30m", "--inactivity", "900"];
  const more = ["--if-id", "42", "--post-quantum", "--generate"];
  const added = await peers(at, ["add", ...SITE_1, ...own, ...more]);
  expect([added.code, added.err]).toEqual([0, expect.any(String)]);
  const table = await peers(at, ["list"]);
  expect(table.out.split("\n").map((line) => line.split(/ {2,}/).slice(7))).toEqual([
    ["LOCIP", "LIFETIME", "INACTIVITY", "IF_ID", "POST_QUANTUM"],
    ["10.0.1.0/24", "30m", "900", "42", "1"],
  ]);
});

test("show prints a row without its key, and the resulting eroute", async () => {
  const at = await initialized();
  const subnets = ["--peerid", "site-1", "--remip", "192.168.1.0/24,192.168.7.0/24"];
  const added = await peers(at, ["add", ...subnets, "--peerip", "192.0.2.1", "--generate"]);
  expect(added.err).toContain("note: only packets to the first of its 2 subnets call it");
  const shown = await peers(at, ["show", "SITE-1"]);
  expect(shown).toMatchObject({ code: 0, err: "" });
  expect(shown.out.split("\n").map((line) => line.split(/ {2,}/))).toEqual([
    ["peerid", "site-1"],
    ["remip", "192.168.1.0/24,192.168.7.0/24"],
    ["peerip", "192.0.2.1"],
    ["disabled", "0"],
    ["has_password", "true"],
    ["has_ppk", "false"],
    ["eroute", "fleet/site-1: 10.0.0.0/16 <-> 192.168.1.0/24, 192.168.7.0/24"],
    ["note", "only packets to the first of its 2 subnets call it"],
  ]);
  const json = JSON.parse((await peers(at, ["show", "site-1", "--json"])).out);
  expect(json).toMatchObject({
    peerid: "site-1",
    eroute: "fleet/site-1",
    notes: [expect.stringContaining("first")],
  });
  expect(JSON.stringify(json)).not.toContain(added.out);
  expect(await peers(at, ["show", "site-9"])).toMatchObject({ code: 1, out: "" });
});

test("RFC 8784: a PPK is made, shown once, and from then on only its existence", async () => {
  const at = await initialized();
  const made = await peers(at, ["add", ...SITE_1, "--generate", "--ppk", "--ppk-id", "pq-1"]);
  const [password = "", ppk = "", ...more] = made.out.split("\n");
  expect([made.code, password.length, more]).toEqual([0, 32, []]);
  expect(ppk).toMatch(/^0x[0-9a-f]{64}$/);
  for (const args of [["list"], ["list", "--json"], ["show", "site-1"], ["check"], ["export"]]) {
    const { code, out, err } = await peers(at, args);
    expect([args, code, `${out}${err}`.includes(ppk.slice(2))]).toEqual([args, 0, false]);
  }
  expect((await peers(at, ["show", "site-1"])).out).toMatch(/ppk_id +pq-1\n(.*\n)*has_ppk +true/);
  expect((await peers(at, ["list"])).out).toContain("PPK");
  expect((await peers(at, ["export", "--with-passwords"])).out).toContain(ppk);
  const json = await peers(at, [
    ...["add", "--peerid", "site-2", "--remip", "192.168.0.0", "--json", "--generate", "--ppk"],
  ]);
  expect(JSON.parse(json.out).ppk).toMatch(/^0x[0-9a-f]{64}$/);
  const alone = await peers(at, ["add", ...SITE_1, "--password-stdin", "--ppk"], "key");
  expect([alone.code, alone.err]).toEqual([2, expect.stringContaining("--ppk-file")]);
});

test("RFC 8784 §6: check warns of a PPK below 256 bits, and refuses an invalid one", async () => {
  const at = await initialized();
  const text = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ";
  const rows: readonly (readonly [string, string, RegExp | undefined])[] = [
    ["0x00ff", "1", /its ppk has 16 bits: 256 random ones/],
    [`0x${"7e".repeat(32)}`, "", undefined],
    [text, "", undefined],
    [text.slice(1), "", /its ppk has 42 characters/],
    ["0xzz", "", /ppk of site-1 begins with 0x, but/],
    ["", "1", /has a ppk_id, but no ppk/],
  ];
  const { Database } = await import("bun:sqlite");
  const database = new Database(at.path("peers.db"));
  database.run(
    "insert into eroutes (peerid, password, remip) values ('site-1', 'k', '192.168.0.0')",
  );
  for (const [ppk, id, says] of rows) {
    database.run("update eroutes set ppk = ?, ppk_id = ?", [ppk, id]);
    const { out } = await peers(at, ["check"]);
    if (says === undefined) expect([ppk, out]).toEqual([ppk, expect.not.stringContaining("ppk")]);
    else expect(out).toMatch(says);
    if (ppk.length > 4) expect(out).not.toContain(ppk.slice(2));
  }
});

test("check names each row that is refused, and each that may surprise", async () => {
  const at = await initialized();
  expect(await peers(at, ["check"])).toMatchObject({
    code: 0,
    out: expect.stringMatching(/: 0 rows, 0 refused$/),
  });
  await peers(at, ["add", ...SITE_1, "--generate"]);
  await peers(at, ["add", "--peerid", "site-2", ...SITE_1.slice(2), "--disabled", "--generate"]);
  const right = await peers(at, ["check"]);
  expect(right.code).toBe(0);
  expect(right.out).toEndWith("2 rows, 0 refused, 1 disabled");
  const { Database } = await import("bun:sqlite");
  const database = new Database(at.path("peers.db"));
  const insert = database.prepare(
    "insert into eroutes (peerid, password, remip, peerip) " +
      "values (?1, 'a long key of ' || ?1, ?2, '192.0.2.1')",
  );
  insert.run("site-3", "192.168.1.128/25");
  insert.run("site-4", "10.0.0.0/24");
  insert.run("site-5", "192.168.8.0/23");
  insert.run("stranger", "192.168.9.0/24");
  insert.finalize();
  database.close();
  const checked = await peers(at, ["check"]);
  expect(checked.code).toBe(1);
  expect(checked.out.split("\n").map((line) => line.replace(/sqlite:.*: /, ""))).toEqual([
    "note    site-3: packets cannot call it: remip begins with 192.168.1.128, " +
      "the look-up uses 192.168.1.0/24",
    expect.stringMatching(/^FAILED {2}site-4: the subnet of site-4 is 10\.0\.0\.0\/24/),
    "note    site-5: only packets to 192.168.8.0/24 call it, not to all of 192.168.8.0/23",
    expect.stringMatching(/^FAILED {2}stranger: no base eroute of egroup sites matches/),
    "note    site-3: has 192.168.1.128/25 inside 192.168.1.0/24 of site-1: packets to " +
      "192.168.1.128/25 go to this site",
    "FAILED  6 rows, 2 refused, 1 disabled",
  ]);
});

test("an ID with blanks at an end, or a control character, is refused, and named", async () => {
  const at = await initialized();
  for (const peerid of ["site-7 ", " site-7", "site-7\u0000", "site\t7"]) {
    const added = await peers(at, ["add", "--peerid", peerid, ...SITE_1.slice(2), "--generate"]);
    expect([peerid, added.code]).toEqual([peerid, 1]);
    expect(added.err).toContain("peerid ");
  }
  const { Database } = await import("bun:sqlite");
  const database = new Database(at.path("peers.db"));
  database.run(
    "insert into eroutes (peerid, password, remip) values ('site-7 ', 'k', '192.168.7.0')",
  );
  database.close();
  expect((await peers(at, ["check"])).out).toContain('peerid "site-7 " has blanks at an end');
});

test("list shows more rows than a page holds, each once", async () => {
  const at = await initialized();
  const { Database } = await import("bun:sqlite");
  const database = new Database(at.path("peers.db"));
  const insert = database.prepare("insert into eroutes (peerid, password) values (?, 'k')");
  database.transaction(() => {
    for (let i = 0; i < 1201; i++) insert.run(`site-${i}`);
  })();
  insert.finalize();
  database.close();
  const lines = (await peers(at, ["list", "--json"])).out.split("\n");
  expect(new Set(lines).size).toBe(1201);
  expect(lines).toHaveLength(1201);
});

test("list does not pass a row's control characters to the terminal", async () => {
  const at = await initialized();
  const { Database } = await import("bun:sqlite");
  const database = new Database(at.path("peers.db"));
  database.run("insert into eroutes (peerid, password) values ('a\u001b[2Jb', 'k')");
  database.close();
  expect((await peers(at, ["list"])).out).toContain("a?[2Jb");
});

test("remove removes one row, and fails if there is none", async () => {
  const at = await initialized();
  await peers(at, ["add", ...SITE_1, "--generate"]);
  const removed = await peers(at, ["remove", "site-1"]);
  expect([removed.code, removed.err]).toEqual([0, expect.stringContaining("next look")]);
  const again = await peers(at, ["remove", "site-1"]);
  expect(again).toMatchObject({ code: 1, out: "" });
  expect(again.err).toContain("no row for site-1");
});

test("a missing table is a failure that names the command to create it", async () => {
  const { code, err } = await peers(folder(), ["list"]);
  expect(code).toBe(1);
  expect(err).toContain("erouted peers init --egroup sites");
});

test("R11: with several egroups the command asks which one", async () => {
  const at = folder(["\n[[eroute]]", SECOND_EGROUP]);
  const unnamed = await peers(at, ["init"]);
  expect(unnamed.code).toBe(2);
  expect(unnamed.err).toContain("--egroup: sites, pumps");
  const misspelt = await peers(at, ["init", "--egroup", "pmups"]);
  expect(misspelt.code).toBe(2);
  expect(misspelt.err).toContain("did you mean pumps?");
  expect((await peers(at, ["init", "--egroup", "pumps"])).code).toBe(0);
  expect((await peers(at, ["init", "--egroup", "sites"])).code).toBe(0);
  const wrong = await peers(at, ["add", ...SITE_1, "--generate", "--egroup", "pumps"]);
  expect(wrong.code).toBe(1);
  expect(wrong.err).toContain("use --egroup sites");
});

test("a faulty configuration ends with 3, every fault on its own line", async () => {
  const at = folder(['peerid = "site-*"', 'peerdi = "site-*"'], [`port = ${IKE_PORT}`, "port = 0"]);
  const { code, out, err } = await peers(at, ["list"]);
  expect([code, out]).toEqual([78, ""]);
  const lines = err.split("\n");
  expect(lines.length).toBeGreaterThanOrEqual(2);
  for (const line of lines) expect(line).toContain("erouted.toml");
});

test("a missing configuration file ends with 3", async () => {
  const { code, err } = await runWith(["peers", "list", "--config", "/nowhere/erouted.toml"]);
  expect(code).toBe(78);
  expect(err).toContain("/nowhere/erouted.toml: there is no such file");
});

for (const columns of [60, 80, 120]) {
  test(`list fits a terminal of ${columns} columns`, async () => {
    const at = await initialized();
    const remip = Array.from({ length: 6 }, (_, i) => `192.168.${i + 20}.0/24`).join(", ");
    const long = ["--peerid", `site-${"long-".repeat(20)}`, "--remip", remip];
    await peers(at, ["add", ...SITE_1, "--generate", "--bakpeerip", "backup.site-1.example"]);
    expect(await peers(at, ["add", ...long, "--generate"])).toMatchObject({ code: 0 });
    const { out } = await runWith(["peers", "list", "--config", at.config], "", { columns });
    expect(out.split("\n").filter((line) => Bun.stringWidth(line) > columns)).toEqual([]);
    expect(out).toContain("site-1 ");
    expect(out).toContain("…");
  });
}

test("a row needs no key where both ends have certificates, and one everywhere else", async () => {
  const bare = folder();
  await peers(bare, ["init"]);
  const refused = await peers(bare, ["add", ...SITE_1]);
  expect(refused.code).toBe(2);
  expect(refused.err).toContain("--password-file FILE, --password-stdin, --generate");
  const files = ["ca.pem", "own.pem", "own.key"].map((name) => `"FOLDER/${name}"`);
  const [ca, certificate, key] = files;
  const more = `ca_file = ${ca}\ncertificate_file = ${certificate}\nprivate_key_file = ${key}\n`;
  const at = folder(['name = "fleet"', `name = "fleet"\n${more}`]);
  at.write("ca.pem", CA_PEM);
  at.write("own.pem", CONCENTRATOR_PEM);
  at.write("own.key", CONCENTRATOR_KEY);
  await peers(at, ["init"]);
  expect(await peers(at, ["add", ...SITE_1])).toMatchObject({ code: 0, out: "" });
  const shown = await peers(at, ["show", "site-1"]);
  expect(shown.code).toBe(0);
  const remote = ["remote-config", "site-1", "--for", "strongswan", "--address", "192.0.2.1"];
  const printed = await peers(at, remote);
  expect(printed.err).toContain("eroute fleet does not use pre-shared keys at both ends");
});
