/** `erouted peers remote-config`: the other end of a row, for routers of several makers. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { translateSaros } from "../../../src/cli/saros/translate.ts";
import { createFolder, type Folder } from "./folder.ts";
import { type Ran, runWith } from "./terminal.ts";

let folder: Folder;

const KEY = "a-key-that-is-long-enough-0123";

beforeEach(async () => {
  folder = createFolder();
  await peers(["init"]);
  const rows = `peerid,password,remip,locip
site-1,${KEY},192.168.1.0/24,
site-2,"0x00ff",192.168.2.0/24,"10.0.1.0/24, 10.0.2.0/24"
site-3,"with ""quotes"" and $",192.168.3.0/24,
`;
  expect((await peers(["import", "-"], rows)).code).toBe(0);
});

afterEach(() => folder.dispose());

function peers(args: readonly string[], stdin = ""): Promise<Ran> {
  return runWith(["peers", ...args, "--config", folder.config], stdin);
}

const remote = (site: string, router: string, ...more: readonly string[]) =>
  peers(["remote-config", site, "--for", router, ...more]);

test("strongSwan gets IDs, swapped subnets, one proposal and the key", async () => {
  const { code, out } = await remote("site-1", "strongswan");
  expect(code).toBe(0);
  expect(out).toContain("remote_addrs = concentrator.example\n");
  expect(out).toContain("proposals = aes256gcm16-prfsha256-x25519\n");
  expect(out).toContain("local_ts = 192.168.1.0/24\n        remote_ts = 10.0.0.0/16\n");
  expect(out).toContain(`secret = "${KEY}"\n`);
});

test("strongSwan and OpenWrt call again and again, and repeat a request for a minute", async () => {
  for (const router of ["strongswan", "openwrt"]) {
    const { out } = await remote("site-1", router);
    expect(out).toMatch(/keyingtries(?:'? ?=? ?)'?0/);
    expect(out).toMatch(/start_?action(?: = |' ')?.*start/);
    expect(out).toMatch(/close_?action(?: = |' ')?.*start/);
    expect(out).toMatch(/dpd_?action(?: = |' ')?.*restart/);
    expect(out).toContain("# /etc/strongswan.d/erouted-repeats.conf\n");
    expect(out).toContain("retransmit_tries = 6\n");
  }
});

test("keys that quotes cannot hold are written in hexadecimal, or refused", async () => {
  expect((await remote("site-2", "strongswan")).out).toContain("secret = 0x00ff\n");
  const hex = Buffer.from('with "quotes" and $').toString("hex");
  expect((await remote("site-3", "libreswan")).out).toContain(`: PSK 0x${hex}`);
  for (const router of ["saros", "mikrotik", "openwrt"]) {
    const { code, out, err } = await remote("site-3", router);
    expect([router, code, out]).toEqual([router, 1, ""]);
    expect(err).toContain("only keys of plain characters");
  }
});

test("RFC 8784: strongSwan and libreswan get the PPK, others do not support it", async () => {
  const ppk = "7e".repeat(32);
  const file = (site: string, id: string) =>
    peers(["import", "-", "--update"], `peerid,ppk,ppk_id\n${site},0x${ppk},${id}\n`);
  await file("site-1", "pq-1");
  const { out } = await remote("site-1", "strongswan");
  expect(out).toContain("ppk_id = pq-1\n    ppk_required = yes\n");
  expect(out).toContain(`ppk-erouted {\n    id-1 = pq-1\n    secret = 0x${ppk}\n`);
  const libreswan = await remote("site-1", "libreswan");
  expect(libreswan.out).toContain("  ppk=insist\n");
  expect(libreswan.out).toContain(`@site-1 @concentrator.example : PPKS "pq-1" 0x${ppk}`);
  for (const router of ["saros", "mikrotik", "openwrt"]) {
    const { code, err } = await remote("site-1", router);
    expect([router, code, err]).toEqual([
      router,
      1,
      expect.stringContaining("does not support PPKs"),
    ]);
  }
  await file("site-1", "");
  expect((await remote("site-1", "strongswan")).out).toContain("ppk_id = site-1\n");
  await file("site-1", "0x00ff");
  expect((await remote("site-1", "strongswan")).err).toContain('"0x00ff" is not an ID');
});

test("a row that demands post-quantum keys: routers that have none are refused", async () => {
  const demand = (value: string) =>
    peers(["import", "-", "--update"], `peerid,post_quantum\nsite-1,${value}\n`);
  expect((await remote("site-1", "strongswan")).out).not.toContain("mlkem");
  expect((await demand("1")).code).toBe(0);
  expect((await remote("site-1", "strongswan")).out).toContain("-ke1_mlkem768\n");
  expect((await remote("site-1", "libreswan")).out).toContain("addke1=ml_kem_768");
  for (const router of ["saros", "mikrotik", "openwrt"]) {
    expect([router, (await remote("site-1", router)).code]).toEqual([router, 1]);
  }
  expect((await demand("0")).code).toBe(0);
});

test("several subnets are all written; a router with room for one says so", async () => {
  const { out } = await remote("site-2", "strongswan");
  expect(out).toContain("remote_ts = 10.0.1.0/24, 10.0.2.0/24");
  expect((await remote("site-2", "libreswan")).out).toContain(
    "rightsubnets={10.0.1.0/24 10.0.2.0/24}",
  );
  const lists = await peers(["import", "-", "--update"], `peerid,password\nsite-2,${KEY}\n`);
  expect(lists.code).toBe(0);
  expect((await remote("site-2", "saros")).err).toContain("one IPv4 subnet on each side");
  const policies = (await remote("site-2", "mikrotik")).out.match(/ipsec policy add/g);
  expect(policies).toHaveLength(2);
});

test("`import saros` reads the commands for a Westermo or Digi router", async () => {
  const { out } = await remote("site-1", "saros");
  const translated = translateSaros(out, { secretsFolder: undefined, encoding: "UTF-8" });
  if ("faults" in translated) throw new Error(JSON.stringify(translated.faults));
  const { toml, others } = translated;
  expect(toml).toContain('peerid = "concentrator.example"');
  expect(toml).toContain('ourid = "site-1"');
  expect(toml).toContain('local_subnet = "192.168.1.0/24"');
  expect(toml).toContain('remote_subnet = "10.0.0.0/16"');
  expect(toml).toContain('ike = "aes256-sha256-modp2048"');
  expect(toml).toContain('esp = "aes256-sha256-modp2048"');
  // Saving concerns no tunnel; all other lines do.
  expect([...others]).toEqual([["config", 1]]);
});

test("a router without any of the proposals is reported, with those that it supports", async () => {
  const strict = createFolder(["remote_sub", 'esp = "aes256gcm16-x25519"\nremote_sub']);
  const run = (...args: readonly string[]) =>
    runWith(
      ["peers", ...args, "--config", strict.config],
      `peerid,password,remip
site-1,${KEY},192.168.1.0/24
`,
    );
  await run("init");
  await run("import", "-");
  const { code, err } = await run("remote-config", "site-1", "--for", "saros");
  expect(code).toBe(1);
  expect(err).toContain("it supports none of the base eroute's esp proposals: it knows aes256");
  strict.dispose();
});

test("additional key exchanges are written only where the eroute demands them", async () => {
  const first = "aes256gcm16-prfsha256-x25519-ke1_mlkem1024-ke1_mlkem768";
  const configOf = async (...ike: readonly string[]) => {
    const own = createFolder(["remote_sub", `ike = ${JSON.stringify(ike)}\nremote_sub`]);
    const run = (args: readonly string[], stdin = "") =>
      runWith(["peers", ...args, "--config", own.config], stdin);
    await run(["init"]);
    await run(["import", "-"], `peerid,password,remip\nsite-1,${KEY},192.168.1.0/24\n`);
    const swan = await run(["remote-config", "site-1", "--for", "strongswan"]);
    const libreswan = await run(["remote-config", "site-1", "--for", "libreswan"]);
    const openwrt = await run(["remote-config", "site-1", "--for", "openwrt"]);
    own.dispose();
    const libre = libreswan.out.match(/ ike=(.*)|intermediate=yes/g);
    return [swan.out.match(/ proposals = (.*)/)?.[1], libre?.join().trim(), openwrt.code];
  };
  const plain = "aes256gcm16-prfsha256-x25519";
  const libre = "ike=aes_gcm256-sha2_256";
  expect(await configOf(first, plain)).toEqual([plain, `${libre}-dh31`, 0]);
  const both = `${libre};dh31;addke1=ml_kem_1024,intermediate=yes`;
  expect(await configOf(first)).toEqual([`${plain}-ke1_mlkem1024`, both, 1]);
  expect(await configOf(`${first}-ke1_none`)).toEqual([plain, `${libre}-dh31`, 0]);
});

test("strongSwan gets every ESP algorithm, libreswan those that it knows", async () => {
  for (const [esp, libreswan] of [
    ["aes128ccm16-x25519", 1],
    ["aes256ctr-sha256", 1],
    ["aes128gmac", 1],
    ["camellia256-aescmac", 1],
    ["aes256-sha512-x25519", 0],
  ] as const) {
    const own = createFolder(["remote_sub", `esp = "${esp}"\nremote_sub`]);
    const run = (args: readonly string[], stdin = "") =>
      runWith(["peers", ...args, "--config", own.config], stdin);
    await run(["init"]);
    await run(["import", "-"], `peerid,password,remip\nsite-1,${KEY},192.168.1.0/24\n`);
    const swan = await run(["remote-config", "site-1", "--for", "strongswan"]);
    const other = await run(["remote-config", "site-1", "--for", "libreswan"]);
    own.dispose();
    expect([swan.out.match(/ esp_proposals = (.*)/)?.[1], other.code]).toEqual([esp, libreswan]);
  }
});

test("--address is where the site calls; without it our ID has to be a name", async () => {
  const { out } = await remote("site-1", "mikrotik", "--address", "192.0.2.1");
  expect(out).toContain("address=192.0.2.1 exchange-mode=ike2");
  expect(out).toContain("remote-id=fqdn:concentrator.example");
  const plain = createFolder(["concentrator.example", "hub"]);
  const run = (...args: readonly string[]) => runWith(["peers", ...args, "--config", plain.config]);
  await run("init");
  await run("add", "--peerid", "site-1", "--remip", "192.168.1.0", "--generate");
  const { code, err } = await run("remote-config", "site-1", "--for", "openwrt");
  expect([code, err]).toEqual([1, expect.stringContaining("--address HOST")]);
  plain.dispose();
});

test("--output writes files for their owner, and never over an existing one", async () => {
  const to = folder.path("site-1");
  expect((await remote("site-1", "libreswan", "--output", to)).code).toBe(0);
  const secrets = `${to}/erouted.secrets`;
  expect(readFileSync(secrets, "utf8")).toBe(`@site-1 @concentrator.example : PSK "${KEY}"\n`);
  expect(statSync(secrets).mode & 0o777).toBe(0o600);
  const again = await remote("site-1", "libreswan", "--output", to);
  expect([again.code, again.err]).toEqual([1, expect.stringContaining("exists already")]);
});

test("add --print prints the configuration instead of the key, or adds nothing", async () => {
  const add = ["add", "--peerid", "site-9", "--remip", "192.168.9.0/24", "--generate", "--print"];
  const added = await peers([...add, "strongswan"]);
  expect(added.code).toBe(0);
  expect(added.out).toMatch(/id = site-9\n[\s\S]*secret = "[A-Za-z0-9]{32}"/);
  const shown = await remote("site-9", "strongswan");
  expect(shown.out).toBe(added.out);
  const odd = ["add", "--peerid", "site-#", "--remip", "192.168.8.0/24", "--generate"];
  expect((await peers([...odd, "--print", "strongswan"])).code).toBe(1);
  expect((await peers(["show", "site-#"])).code).toBe(1);
});

test("--json has the files, and an unknown router is wrong usage", async () => {
  const { out } = await remote("site-1", "libreswan", "--json");
  const { files } = JSON.parse(out);
  expect(files.map(({ path }: { path: string }) => path)).toEqual([
    "/etc/ipsec.d/erouted.conf",
    "/etc/ipsec.d/erouted.secrets",
  ]);
  expect((await remote("site-1", "zyxel")).code).toBe(2);
  expect((await remote("nobody", "saros")).code).toBe(1);
});

test("where an eroute allows only IKEv1, strongSwan, libreswan and SarOS get that", async () => {
  folder.dispose();
  folder = createFolder(['peerid = "site-*"', 'peerid = "site-*"\nike_version = "v1"']);
  await peers(["init"]);
  await peers(["import", "-"], `peerid,password,remip\nsite-1,${KEY},192.168.1.0/24\n`);
  const swan = await remote("site-1", "strongswan");
  expect(swan.out).toContain("    version = 1\n    aggressive = yes\n");
  expect(swan.out).toContain("proposals = aes256-sha256-modp2048\n");
  const libre = await remote("site-1", "libreswan");
  expect(libre.out).toContain("ikev1-policy=accept\nconn erouted\n");
  expect(libre.out).toContain("  ikev2=no\n  aggressive=yes\n");
  expect(libre.out).toContain("  ike=aes256-sha2_256-dh14\n");
  const saros = await remote("site-1", "saros");
  expect(saros.out).toContain('ike 0 aggressive "ON"\neroute 0 ikever 1\n');
  const mikrotik = await remote("site-1", "mikrotik");
  expect([mikrotik.code, mikrotik.err]).toEqual([1, expect.stringContaining("only IKEv1")]);
});
