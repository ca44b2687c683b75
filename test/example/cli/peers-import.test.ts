/** `erouted peers import|export`: files of rows, all checked before any is written. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, statSync } from "node:fs";
import { csvLine, readRows } from "../../../src/cli/peers/row-file.ts";
import { ok } from "../../../src/octets/result.ts";
import { patient } from "../../patience.ts";
import { createFolder, type Folder } from "./folder.ts";
import { type Ran, runWith } from "./terminal.ts";

let folder: Folder;

beforeEach(async () => {
  folder = createFolder();
  expect((await peers(["init"])).code).toBe(0);
});

afterEach(() => folder.dispose());

function peers(args: readonly string[], stdin = "", on = {}): Promise<Ran> {
  return runWith(["peers", ...args, "--config", folder.config], stdin, on);
}

const KEY = "a-key-that-is-long-enough-0123";
const CSV = `peerid,password,remip,peerip
site-1,${KEY}1,192.168.1.0,198.51.100.1
site-2,"${KEY}2, with ""quotes""",192.168.2.0/24,
`;

async function rows(): Promise<readonly Record<string, string | null>[]> {
  const { out } = await peers(["export", "--json", "--with-passwords"]);
  return out === "" ? [] : out.split("\n").map((line) => JSON.parse(line));
}

test("R10: a row with another row's subnet is refused, of the file or of the table", async () => {
  const file = folder.write("sites.csv", CSV);
  await peers(["import", file]);
  const more = folder.write(
    "more.csv",
    `peerid,password,remip\nsite-3,${KEY}3,192.168.1.0\nsite-4,${KEY}4,192.168.4.0\n` +
      `site-5,${KEY}5,192.168.4.0/24\nsite-6,${KEY}6,192.168.6.0\n`,
  );
  const ran = await peers(["import", more]);
  expect(ran.code).toBe(1);
  expect(ran.err).toContain("site-3: has the subnet 192.168.1.0/24, and so has site-1");
  expect(ran.err).toContain("site-5: has the subnet 192.168.4.0/24, and so has site-4");
  expect(ran.out).toEndWith("2 to add, 0 to change, 0 as they are, 2 refused");
  expect((await rows()).length).toBe(2);
  const all = await peers(["import", more, "--allow-overlap"]);
  expect(all.code).toBe(0);
  expect((await rows()).length).toBe(6);
});

test("the rows of a CSV file are added, with quoted keys as they are", async () => {
  const file = folder.write("sites.csv", CSV);
  const ran = await peers(["import", file]);
  expect(ran).toMatchObject({ code: 0, out: `${file}: 2 to add, 0 to change, 0 as they are` });
  expect(ran.err).toEndWith("2 rows written");
  expect(await rows()).toMatchObject([
    { peerid: "site-1", password: `${KEY}1`, remip: "192.168.1.0", peerip: "198.51.100.1" },
    { peerid: "site-2", password: `${KEY}2, with "quotes"`, peerip: null },
  ]);
});

test("--dry-run says what would be done, and writes nothing", async () => {
  const { code, out } = await peers(["import", "-", "--dry-run"], CSV);
  expect([code, out.split("\n")]).toEqual([
    0,
    ["add     site-1", "add     site-2", "-: 2 to add, 0 to change, 0 as they are"],
  ]);
  expect(await rows()).toEqual([]);
});

test("every faulty line is reported, without keys, and nothing is written", async () => {
  const text = `peerid,password,remip
site-1,${KEY},192.168.1.0
pump-1,${KEY},192.168.2.0
SITE-1,${KEY},192.168.3.0
site-4,,192.168.4.0
site-5,${KEY},10.9.9.0
,${KEY},192.168.6.0
site-7,${KEY}
`;
  const { code, out, err } = await peers(["import", "-"], text);
  expect(code).toBe(1);
  const at = (line: number) => err.split("\n").find((said) => said.startsWith(`-:${line}:`));
  expect(at(2)).toBeUndefined();
  expect(at(3)).toContain("pump-1: no base eroute of egroup sites matches");
  expect(at(4)).toContain("SITE-1: is at 2 already");
  expect(at(5)).toContain("site-4: password is missing: --generate makes one");
  expect(at(6)).toContain("10.9.9.0");
  expect(at(7)).toContain("peerid is missing");
  expect(at(8)).toContain("has 2 fields, the first line has 3");
  expect(err).toContain("6 rows refused: nothing has been written");
  expect(out + err).not.toContain(KEY);
  expect(await rows()).toEqual([]);
});

test("existing rows are changed only with --update, in columns of the file", async () => {
  await peers(["import", "-"], CSV);
  const text = "peerid;remip;peerip\nSITE-1;192.168.9.0;\nsite-2;192.168.2.0/24;\n";
  const refused = await peers(["import", "-"], text);
  expect(refused.code).toBe(1);
  expect(refused.err).toContain("exists already, with another remip, peerip: --update changes");
  const dry = await peers(["import", "-", "--update", "--dry-run"], text);
  expect(dry.out).toContain("change  SITE-1: remip, peerip");
  const changed = await peers(["import", "-", "--update"], text);
  expect(changed.out).toBe("-: 0 to add, 1 to change, 1 as they are");
  expect((await rows())[0]).toMatchObject({
    ...{ peerid: "site-1", password: `${KEY}1`, remip: "192.168.9.0", peerip: null },
  });
});

test("an empty password removes no key, and --generate makes missing ones", async () => {
  await peers(["import", "-"], CSV);
  const text = "peerid,password,remip\nsite-1,,192.168.8.0\nsite-3,,192.168.3.0\n";
  const { code, out, err } = await peers(["import", "-", "--update", "--generate"], text);
  expect([code, out]).toEqual([0, "-: 1 to add, 1 to change, 0 as they are"]);
  const [first, , third] = await rows();
  expect(first).toMatchObject({ password: `${KEY}1`, remip: "192.168.8.0" });
  expect(third?.password).toMatch(/^[A-Za-z0-9]{32}$/);
  expect(out + err).not.toContain(String(third?.password));
});

test("JSON is read as a list and line by line; an export can be imported elsewhere", async () => {
  await peers(["import", "-"], CSV);
  const lines = (await peers(["export", "--json", "--with-passwords"])).out;
  const list = `[${lines.split("\n").join(",")}]`;
  const csv = (await peers(["export", "--with-passwords"])).out;
  const before = await rows();
  for (const text of [lines, list, csv]) {
    for (const { peerid } of before) await peers(["remove", String(peerid)]);
    expect(await rows()).toEqual([]);
    const { code, err } = await peers(["import", "-"], text);
    expect([code, err]).toEqual([0, expect.stringContaining("2 rows written")]);
    expect(await rows()).toEqual(before);
    expect((await peers(["import", "-"], text)).out).toContain("0 to add, 0 to change, 2 as they");
  }
});

const COLUMNS = {
  ...{ peerid: "peerid", password: "password", remip: "remip", remmsk: "remmsk" },
  ...{ peerip: "peerip", bakpeerip: "bakpeerip", ourid: "ourid" },
};

test("formulas of spreadsheets are guarded in CSV, and come back unchanged", () => {
  const cells = ["=1+1", "+1", "-1", "@x", "\t=1", "'=1", "''-1", "'plain", "10.0.0.0/8", ""];
  const line = csvLine(cells);
  expect(line).toStartWith("'=1+1,'+1,'-1,'@x,");
  for (const cell of line.split(",")) expect(cell.replace(/^"/, "")).not.toMatch(/^[=+\-@\t\r]/);
  const guarded = readRows(`peerid,ourid\n${csvLine(["=site", "'-us"])}\n`, "csv", COLUMNS);
  expect(guarded).toMatchObject(ok([{ fields: { peerid: "=site", ourid: "'-us" } }]));
  for (const cell of cells.filter((text) => text !== "")) {
    const read = readRows(`peerid\n${csvLine([cell])}\n`, "csv", COLUMNS);
    expect(read).toMatchObject(ok([{ fields: { peerid: cell } }]));
  }
});

test("an export contains no characters that a terminal interprets", async () => {
  expect(csvLine(["a\u001b[2Jb\u009bc"])).toBe("a?[2Jb?c");
  const faulty = '{"peerid": "site-1", "password": "\u009b0m"}';
  await peers(["import", "-", "--format", "json"], faulty);
  const json = (await peers(["export", "--json", "--with-passwords"])).out;
  expect(json).not.toMatch(/\p{Cc}/u);
});

test("a file as a whole can be wrong: first line, quotes, format", async () => {
  const cases = [
    { text: "", says: "has no line with the column names" },
    { text: "peerid,pasword\n", says: 'line 1: no column is called "pasword"; did you mean pass' },
    { text: "remip\n", says: "line 1: there is no column peerid" },
    { text: "peerid,peerid\n", says: "column peerid is there twice" },
    { text: 'peerid,password\na,"b"c\n', says: "line 2: is not CSV (CSV_INVALID_CLOSING_QUOTE)" },
    { text: "[{", says: "is not a JSON list" },
  ];
  for (const { text, says } of cases) {
    const { code, err } = await peers(["import", "-"], text);
    expect([text, code]).toEqual([text, 1]);
    expect(err).toContain(says);
  }
  expect((await peers(["import", "-", "--format", "json"], "7\n")).err).toContain(
    "-:1: is not a JSON object",
  );
  expect((await peers(["import", folder.path("nowhere.csv")])).err).toContain("no such file");
});

test("column names may be those of the table", async () => {
  const columns = 'remote_mask = "255.255.255.0"\ncolumns = { password = "psk" }';
  const mapped = createFolder(['remote_mask = "255.255.255.0"', columns]);
  const run = (...args: readonly string[]) =>
    runWith(["peers", ...args, "--config", mapped.config], `peerid,PSK\nsite-1,${KEY}\n`);
  await run("init");
  const { code, err } = await run("import", "-");
  expect(err).toContain("remip");
  expect(code).toBe(1);
  expect(err).not.toContain("no column");
  mapped.dispose();
});

test("--json says what is done to which row", async () => {
  const { out } = await peers(["import", "-", "--json"], `${CSV}x,y,z,\n`);
  expect(JSON.parse(out)).toMatchObject({
    ...{ dry_run: false, added: 2, changed: 0, unchanged: 0 },
    rows: [{ at: 2, peerid: "site-1", do: "add" }, { peerid: "site-2" }],
    refused: [{ at: 4, peerid: "x" }],
  });
});

test("export has no keys; a file is its owner's, and replaced only with --force", async () => {
  await peers(["import", "-"], CSV);
  const { out } = await peers(["export"]);
  expect(out).not.toContain(KEY);
  expect(out).toStartWith("peerid,remip,remmsk,");
  const file = folder.path("out.csv");
  const written = await peers(["export", file, "--with-passwords"]);
  expect(written).toMatchObject({ code: 0, out: "", err: `${file}: 2 rows written` });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, "utf8")).toContain(`"${KEY}2, with ""quotes"""`);
  expect(existsSync(`${file}.part`)).toBe(false);
  chmodSync(file, 0o644);
  expect((await peers(["export", file])).code).toBe(2);
  expect((await peers(["export", file, "--force"])).code).toBe(0);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test(
  "10,000 rows go in and out in a few seconds, with a bar on a terminal only",
  async () => {
    const lines = Array.from({ length: 10_000 }, (_, i) => {
      const net = `192.168.${i >> 8}.${i & 255}/32`;
      return `site-${i},${KEY}${i},${net}`;
    });
    const text = `peerid,password,remip\n${lines.join("\n")}\n`;
    const shown: (string | undefined)[] = [];
    const on = { progress: (line: string | undefined) => void shown.push(line) };
    const { code, err } = await peers(["import", "-"], text, on);
    expect([code, err]).toEqual([0, expect.stringContaining("10000 rows written")]);
    expect(shown).toContain(`[${"#".repeat(15)}${".".repeat(15)}] 5000 of 10000 checked`);
    expect(shown).toContain(`[${".".repeat(30)}] 0 of 10000 written`);
    expect(shown.at(-1)).toBeUndefined();
    expect((await peers(["export"])).out.split("\n")).toHaveLength(10_001);
  },
  patient(20_000),
);
