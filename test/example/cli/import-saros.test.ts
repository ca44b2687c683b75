/** `erouted import saros`: what is written is accepted by erouted, and nothing is lost silently. */

import { afterEach, expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { parse } from "smol-toml";
import { translateSaros } from "../../../src/cli/saros/translate.ts";
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

async function imported(text: string, ...args: readonly string[]) {
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

test("what is written passes erouted check, secrets included", async () => {
  const { code, err, folder, read } = await imported(ROUTER, "--secrets", "FOLDER/secrets");
  expect([code, err]).toEqual([0, expect.not.stringContaining("expected")]);
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
      ike: "aes256-sha256-modp2048",
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
  expect(report).toContain("left out  eroute 1 espenc: 3DES, MD5 is not offered");
  expect(report).toContain(
    "TO DO     eroute 2 (all of it): the eroute is left out: it has no peerid",
  );
  expect(report).toContain("TO DO     ike 0 aggressive");
  expect(report).toContain(`${file}: left out  eth: 1 line, no IPsec`);
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

test("lines that make no sense are all told with file and line; nothing is written", async () => {
  const before = `eroute x peerid "a"\neroute 0 peerid one two\n`;
  const text = `${before}${ROUTER}\neroute 1 remmsk 255.0.255.0`;
  const { code, err, folder, read } = await imported(text);
  const file = folder.path("router.txt");
  expect(err.split("\n")).toEqual([
    `${file}:1: has the instance "x", not a number`,
    `${file}:2: has a value of "peerid" that is not one word, nor in double quotes`,
    `${file}:${text.split("\n").length}: ` +
      'eroute 1 remmsk: "255.0.255.0" is no mask of an IPv4 subnet',
  ]);
  expect(code).toBe(1);
  expect(() => read("out.toml")).toThrow("ENOENT");
});

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
    const translated = translateSaros(text, { secretsFolder: undefined });
    if ("toml" in translated) parse(translated.toml);
    else expect(translated.faults.length).toBeGreaterThan(0);
  }
});
