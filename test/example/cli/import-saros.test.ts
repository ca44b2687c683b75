/** `erouted import saros`: erouted accepts the output, and nothing is lost silently. */

import { afterEach, expect, test } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { parse } from "smol-toml";
import { translateSaros } from "../../../src/cli/saros/translate.ts";
import { patient } from "../../patience.ts";
import { createFolder, type Folder } from "./folder.ts";
import { runWith } from "./terminal.ts";

const ROUTER = `
eth 0 IPaddr "10.0.0.1"
ppp 1 l_addr ON
eroute 0 descr "All the sites"
eroute 0 peerid "site-*"
eroute 0 ourid "concentrator"
eroute 0 locip "10.0.0.0"
eroute 0 locmsk "255.255.0.0"
eroute 0 remip "192.168.0.7"
eroute 0 remmsk "255.255.0.0"
eroute 0 ESPauth "SHA256"
eroute 0 ESPenc "AES"
eroute 0 enckeybits 256
eroute 0 ltime 28800
eroute 0 lkbytes 100000
eroute 0 authmeth "PRESHARED"
eroute 0 nosa "drop"
eroute 0 autosa 1
eroute 0 peerip "203.0.113.9"
eroute 1 peerid "lab-gw"
eroute 1 peerip "198.51.100.7"
eroute 1 locip 10.0.0.0
eroute 1 locmsk 255.255.0.0
eroute 1 remip 172.20.0.0
eroute 1 remmsk 255.255.255.0
eroute 1 ESPenc "3DES"
eroute 1 ESPauth "MD5"
eroute 1 autosa 1
eroute 2 descr "spare"
egroup 0 eroute 0
egroup 0 dbhost "db.example"
egroup 0 dbname "vpn"
egroup 0 dbuser "erouted"
egroup 0 dbpwd "database word"
egroup 0 dbtable "sites"
egroup 0 remmsk "255.255.255.0"
egroup 0 fpeerid "device_id"
egroup 0 fpwd "psk"
ike 0 encalg "AES"
ike 0 keybits 256
ike 0 authalg "SHA256"
ike 0 ikegroup 14
ike 0 aggressive ON
ike 0 inactto 20
dpd 0 okint 45
def_eroute 0 nosain "pass"
user 0 name "admin"
user 0 epassword "PDZxU0FFQFU="
user 1 name "lab-gw"
user 1 password "lab \\ key"
`;

const folders: Folder[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) folder.dispose();
});

async function imported(text: string | Uint8Array, ...args: readonly string[]) {
  const folder = createFolder();
  folders.push(folder);
  const router = folder.write("router.txt", text);
  const paths = ["--output", folder.path("out.toml"), "--report", folder.path("report.txt")];
  const ran = await runWith([
    ...["import", "saros", router, ...paths],
    ...args.map((arg) => arg.replace("FOLDER", folder.path("."))),
  ]);
  const read = (name: string) => readFileSync(folder.path(name), "utf8");
  return { ...ran, folder, read };
}

test("the output passes erouted check, including secrets", async () => {
  const { code, err, folder, read } = await imported(ROUTER, "--secrets", "FOLDER/secrets");
  expect(code).toBe(0);
  const warnings = err.split("\n").filter((line) => line.includes("expected"));
  expect(warnings.filter((line) => !OF_IKEV1.test(line))).toEqual([]);
  const checked = await runWith(["check", "--offline", "--config", folder.path("out.toml")]);
  expect(checked.out).toMatch(/^ok {6}configuration .*2 eroutes, 1 egroup, 1 user$/);
  expect(checked.code).toBe(0);
  expect(read("secrets/user1.secret")).toBe("lab \\ key\n");
  expect(statSync(folder.path("secrets/user1.secret")).mode & 0o777).toBe(0o600);
  expect(read("secrets/egroup0.secret")).toBe("database word\n");
  expect(read("out.toml")).not.toContain("lab \\\\ key");
});

test("R9: base eroute, egroup and normal eroute have the router's values", async () => {
  const { read } = await imported(ROUTER, "--secrets", "FOLDER/secrets");
  const { eroute, egroup, ike, default_eroute } = parse(read("out.toml"));
  expect(eroute).toEqual([
    {
      name: "All-the-sites",
      egroup: "egroup0",
      peerid: "site-*",
      ourid: "concentrator",
      local_subnet: "10.0.0.0/16",
      remote_subnet: "192.168.0.0/16",
      ike_version: "both",
      ike: "aes256-sha256-modp2048",
      esp: "aes256-sha256",
      lifetime: "28800s",
      lifetime_bytes: 102_400_000,
      dpd: "45s",
      no_sa: "drop",
    },
    {
      name: "eroute1",
      peerid: "lab-gw",
      peerip: "198.51.100.7",
      local_subnet: "10.0.0.0/16",
      remote_subnet: "172.20.0.0/24",
      ike_version: "both",
      legacy: true,
      ike: "aes256-sha256-modp2048",
      esp: ["aes256-sha256", "3des-md5"],
      dpd: "45s",
      start: "always",
    },
  ]);
  expect(egroup).toMatchObject([
    {
      database: "mysql://erouted@db.example/vpn",
      table: "sites",
      remote_mask: "255.255.255.0",
      columns: { peerid: "device_id", password: "psk" },
    },
  ]);
  expect(ike).toEqual({ half_open_timeout: "20s" });
  expect(default_eroute).toEqual({ inbound: "pass" });
});

test("every line on IPsec is in the report once, and no secret is", async () => {
  const { read, folder } = await imported(ROUTER, "--secrets", "FOLDER/secrets");
  const report = read("report.txt");
  const file = folder.path("router.txt");
  for (const [i, line] of ROUTER.split("\n").entries()) {
    if (!/^(eroute|egroup|ike|dpd|def_eroute|user)/.test(line)) continue;
    const [entity, instance, key = ""] = line.split(" ");
    const start = `${file}:${i + 1}: `;
    const told = report
      .split("\n")
      .filter((said) => said.startsWith(start) && !said.includes("(all of it)"));
    expect([line, told]).toEqual([line, [expect.stringContaining(key.toLowerCase())]]);
    expect(told[0]).toContain(`${entity} ${instance}`);
  }
  expect(report).toContain("left out  eroute 0 peerip: in a base eroute it comes from the row");
  expect(report).toContain("eroute 1 espenc -> proposal 3des-md5 of IKEv1, with legacy");
  expect(report).toContain(
    "TO DO     eroute 2 (all of it): the eroute is left out: it has no peerid",
  );
  expect(report).toContain("taken     ike 0 aggressive -> ikev1_mode both");
  expect(report).toContain(`${file}: left out  eth: 1 line, not about IPsec`);
  for (const secret of ["lab \\ key", "database word", "PDZxU0FFQFU="]) {
    expect(report).not.toContain(secret);
  }
});

test("an encrypted password cannot be read back: the user waits for a file", async () => {
  const encrypted = ROUTER.replace(/password "lab .*"/, 'epassword "KD5lSVJDVVg="');
  const { code, folder, read } = await imported(encrypted, "--secrets", "FOLDER/secrets");
  expect(read("report.txt")).toMatch(/:\d+: TO DO {5}user 1 epassword: .*cannot be read back/);
  expect(read("out.toml")).toContain('# [[user]]\n# name = "lab-gw"\n# password_file = ');
  expect(code).toBe(0);
  const { code: checked } = await runWith([
    ...["check", "--offline", "--config", folder.path("out.toml")],
  ]);
  expect(checked).toBe(0);
});

test("lines that make no sense are reported with file and line; nothing is written", async () => {
  const before = `eroute x peerid "a"\neroute 0 peerid one two\n`;
  const text = `${before}${ROUTER}\neroute 1 remmsk 255.0.255.0`;
  const { code, err, folder, read } = await imported(text);
  const file = folder.path("router.txt");
  expect(err.split("\n")).toEqual([
    `${file}:1: has the instance "x", not a number up to 99999`,
    `${file}:2: has a value of "peerid" that is not one word, nor in double quotes`,
    `${file}:${text.split("\n").length}: ` +
      'eroute 1 remmsk: "255.0.255.0" is not a mask of an IPv4 subnet',
  ]);
  expect(code).toBe(1);
  expect(() => read("out.toml")).toThrow("ENOENT");
});

/** A normal eroute with its subnet. */
function normalEroute(instance: number, peerid: string, remip: string): string {
  return `eroute ${instance} peerid "${peerid}"
eroute ${instance} peerip 198.51.100.7
eroute ${instance} locip 10.0.0.0
eroute ${instance} locmsk 255.255.0.0
eroute ${instance} remip ${remip}
eroute ${instance} remmsk 255.255.255.0
`;
}

async function passesCheck(folder: Folder, warning = /^$/) {
  const { code, out, err } = await runWith([
    ...["check", "--offline", "--config", folder.path("out.toml")],
  ]);
  const others = err.split("\n").filter((line) => !warning.test(line) && !OF_IKEV1.test(line));
  expect([code, others]).toEqual([0, []]);
  return out;
}

/** What `erouted check` says of IKEv1, which the old routers speak. */
const OF_IKEV1 = /^$|allows Aggressive Mode|legacy allows|has a password that/;

test.each([
  ["CRLF", (text: string) => text.replaceAll("\n", "\r\n")],
  ["CR", (text: string) => text.replaceAll("\n", "\r")],
  ["a byte order mark", (text: string) => `\ufeff${text}`],
  ["UTF-16", (text: string) => Buffer.from(`\ufeff${text}`, "utf16le")],
  ["tabs and blanks", (text: string) => text.replace(/^(\w+) (\d) (\w+) /gm, "  $1\t$2  $3\t ")],
])("a file with %s says the same", async (_, change) => {
  const plain = await imported(ROUTER);
  const changed = await imported(change(ROUTER));
  expect([changed.code, changed.read("out.toml")]).toEqual([0, plain.read("out.toml")]);
});

test("keys are the router's octets: Latin-1, and what erouted has notations for", async () => {
  const text = [
    ...[normalEroute(0, "one", "172.20.0.0"), normalEroute(1, "two", "172.20.1.0")],
    'user 0 name "one"\nuser 0 password "Schl\xfcssel"\n',
    'user 1 name "two"\nuser 1 password "0x1234"\n',
  ].join("");
  const { code, folder, read } = await imported(Buffer.from(text, "latin1"), "--secrets", "FOLDER");
  expect([code, read("user0.secret")]).toEqual([0, "0x5363686cfc7373656c\n"]);
  expect(read("user1.secret")).toBe("0x307831323334\n");
  expect(read("report.txt")).toContain(": is read as ISO 8859-1");
  expect(await passesCheck(folder)).toContain("2 eroutes, 0 egroups, 2 users");
});

test.each(["", "\n\n", "eth 0 IPaddr 10.0.0.1\n", "\u0000\u0001\ufffd"])(
  "%j is no configuration with IPsec: refused, nothing is written",
  async (text) => {
    const { code, err, read } = await imported(text);
    expect([code, err]).toEqual([1, expect.stringContaining("is it a router's configuration?")]);
    expect(() => read("out.toml")).toThrow("ENOENT");
  },
);

test("R1: eroutes to one peer become one, as far as their subnets can be one's", async () => {
  const text = [
    normalEroute(0, "lab", "172.20.0.0"),
    normalEroute(1, "LAB", "172.20.1.0"),
    normalEroute(2, "lab", "172.20.2.0").replace("10.0.0.0", "10.9.0.0"),
    'user 0 name "lab"\nuser 0 password "a key of the lab"\n',
  ].join("");
  const { folder, read } = await imported(text, "--secrets", "FOLDER");
  expect(parse(read("out.toml")).eroute).toMatchObject([
    { name: "eroute0", remote_subnet: ["172.20.0.0/24", "172.20.1.0/24"] },
    { name: "eroute2", remote_subnet: "172.20.2.0/24" },
  ]);
  expect(read("report.txt")).toMatch(
    /:7: taken {5}eroute 1 \(all of it\) -> part of eroute eroute0/,
  );
  expect(read("report.txt")).toMatch(
    /:13: TO DO {5}eroute 2 peerid: eroute eroute0 has the same .* local_subnet, remote_subnet/,
  );
  await passesCheck(folder, /matches all its IDs first/);
});

test("R3: a pattern's users are taken over, once each; not those of a base eroute", async () => {
  const users = ["LAB-1", "lab-2", "lab-1", "site-7", "admin"].map(
    (name, i) => `user ${i} name "${name}"\nuser ${i} password "key of number ${i}"\n`,
  );
  const text =
    ROUTER.replace(/^(eroute|user) 1 .*\n/gm, "") + normalEroute(1, "lab-*", "172.20.0.0");
  const { folder, read } = await imported(
    `${text.replace(/^user .*\n/gm, "")}${users.join("")}eroute 1 autosa 1\n`,
    "--secrets",
    "FOLDER",
  );
  expect(parse(read("out.toml")).user).toMatchObject([{ name: "LAB-1" }, { name: "lab-2" }]);
  const report = read("report.txt");
  expect(report).toContain("TO DO     user 2 name: user 0 has the same name");
  expect(report).toContain("left out  user 3 name: base eroute All-the-sites sends this ID to its");
  expect(report).toContain("left out  eroute 1 autosa: its peerid is a pattern");
  expect(await passesCheck(folder)).toContain("2 eroutes, 1 egroup, 2 users");
});

test("R11: two egroups; one linked to no eroute, or to a taken one, is reported", async () => {
  const second = ROUTER.match(/^e(route|group) 0 .*\n/gm)?.join("") ?? "";
  const text = `${ROUTER}${second
    .replace(/^(e\w+) 0/gm, "$1 5")
    .replace("egroup 5 eroute 0", "egroup 5 eroute 5")
    .replace("site-*", "shop-*")
    .replace("192.168.0.7", "172.16.0.0")}`;
  const more = (instance: number, eroute: number) =>
    `egroup ${instance} eroute ${eroute}\negroup ${instance} dbhost db\n` +
    `egroup ${instance} dbname vpn\negroup ${instance} dbuser erouted\n`;
  const { folder, read } = await imported(text + more(6, 0) + more(7, 77), "--secrets", "FOLDER");
  expect(parse(read("out.toml")).eroute).toMatchObject([
    { peerid: "site-*", egroup: "egroup0" },
    { peerid: "lab-gw" },
    { peerid: "shop-*", egroup: "egroup5" },
  ]);
  expect(read("report.txt")).toContain(
    "egroup 6 (all of it): eroute 0 is linked to egroup0 already",
  );
  expect(read("report.txt")).toContain("egroup 7 (all of it): there is no eroute 77");
  await passesCheck(folder, /has no eroute/);
});

test.each([
  [
    'dbhost "db.example"',
    'dbhost "db example"',
    "the database of these lines names a host that is",
  ],
  ['dbtable "sites"', 'dbtable "vpn.sites"', '"vpn.sites" is not a table name'],
])("R2: %s as %s is told with the router's line", async (from, to, why) => {
  const { code, err } = await imported(ROUTER.replace(from, to));
  const line = ROUTER.split("\n").findIndex((text) => text.includes(from)) + 1;
  expect([code, err]).toEqual([1, expect.stringContaining(`:${line}: egroup 0 `)]);
  expect(err).toContain(why);
});

test("a subnet without its mask is a single address, and the report says so", async () => {
  const { read } = await imported(ROUTER.replace(/eroute 1 locmsk .*\n/, ""));
  expect(read("report.txt")).toMatch(
    /TO DO {5}eroute 1 locip: .*10\.0\.0\.0\/32; there is no locmsk/,
  );
});

test(
  "3,000 eroutes with a user each are imported, with a short report",
  async () => {
    const text = Array.from({ length: 3_000 }, (_, i) => [
      normalEroute(i, `branch-${i}`, `172.${16 + (i >> 8)}.${i & 255}.0`),
      `eroute ${i} ESPenc AES\neroute ${i} ESPauth SHA1\neroute ${i} ikever 2\n`,
      `eroute ${i} descr "Branch number ${i}"\n`,
      `user ${i} name "branch-${i}"\nuser ${i} password "the key of branch number ${i}"\n`,
    ]);
    const { code, err, read } = await imported(text.flat().join(""), "--secrets", "FOLDER/secrets");
    expect([code, err.split("\n").length]).toEqual([0, 21]);
    expect(err).toContain("has 2980 more warnings like these");
    expect(parse(read("out.toml")).user).toHaveLength(3_000);
  },
  patient(20_000),
);

test("without options TOML goes to standard output and the report to standard error", async () => {
  const folder = createFolder();
  folders.push(folder);
  const { code, out, err } = await runWith(["import", "saros", "-"], ROUTER);
  expect(code).toBe(0);
  expect(parse(out)).toMatchObject({ eroute: [{ name: "All-the-sites" }, { name: "eroute1" }] });
  expect(err).toContain("-:50: TO DO     user 1 password: put it into the file");
});

test("any text either is translated into TOML that can be parsed, or has faults", () => {
  const words = ["eroute", "egroup", "user", "0", "1", "peerid", "locip", '"a\u0001"', '"', "x"];
  for (let seed = 1; seed < 3_000; seed++) {
    let state = seed;
    const text = Array.from({ length: 24 }, () => {
      state = (state * 48_271) % 0x7fff_ffff;
      return `${words[state % words.length]}${state % 4 === 0 ? "\n" : " "}`;
    }).join("");
    const translated = translateSaros(text, { secretsFolder: undefined, encoding: "UTF-8" });
    if ("toml" in translated) parse(translated.toml);
    else expect(translated.faults.length).toBeGreaterThan(0);
  }
});

test("--output - is standard output, as elsewhere, and no file of that name", async () => {
  const folder = createFolder();
  try {
    const file = folder.write("router.txt", ROUTER);
    const there = await runWith(["import", "saros", file]);
    const dash = await runWith(["import", "saros", file, "--output", "-"]);
    expect(dash.out).toBe(there.out);
    expect(existsSync("-")).toBe(false);
  } finally {
    folder.dispose();
  }
});

test("ike2 is known: the report says what becomes of its algorithms and times", () => {
  const text = `${ROUTER}\nike2 0 rencalgs "aes128"\nike2 0 rdhmingroup 14\nike2 0 ltime 600\n`;
  const translated = translateSaros(text, { secretsFolder: undefined, encoding: "UTF-8" });
  if ("faults" in translated) throw new Error(JSON.stringify(translated.faults));
  const notes = translated.notes.filter(({ setting }) => setting.startsWith("ike2 "));
  expect(notes.map(({ kind }) => kind)).toEqual(["to-do", "to-do", "to-do"]);
  expect(notes[0]?.detail).toContain("erouted's own IKEv2 proposals apply");
});
