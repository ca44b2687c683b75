/**
 * A capture of one site, which Wireshark's own dissector decrypts with the keys in the second file.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { patient } from "../../patience.ts";
import { run, until } from "./hosts.ts";
import { bringUp, rowOf, type Scenario, startScenario, startSite } from "./scenario.ts";
import type { StrongSwan } from "./strongswan.ts";

const FOLDER = "/run/captures";
const TOKEN = "a-token-to-operate-with-0123";

let scenario: Scenario;
let gcm: StrongSwan;
let cbc: StrongSwan;

beforeAll(async () => {
  await mkdir(FOLDER, { recursive: true });
  scenario = await startScenario({
    sites: [rowOf(1), rowOf(2), rowOf(3)],
    eroute: 'ike_version = "both"',
    status: 'operate_token_file = "/run/erouted/operate.token"',
    files: { "operate.token": TOKEN },
  });
  const { laboratory } = scenario;
  gcm = await startSite(await laboratory.addSite(1), { ike: "aes256gcm16-prfsha384-x25519" });
  cbc = await startSite(await laboratory.addSite(2), { psk: "not the key of the row" });
});

afterAll(async () => {
  for (const swan of [gcm, cbc]) await swan?.stop();
  await scenario?.erouted.stop();
});

test("keys are refused as long as the configuration does not allow them", async () => {
  const { status, err } = await scenario.erouted.command(...captureOf("site-1", 1));
  expect([status, err]).toEqual([1, expect.stringContaining("403: keys are not exported")]);
  await scenario.erouted.configure((text) =>
    text.replace("[status]", "[status]\nallow_key_export = true"),
  );
  const reloaded = await scenario.erouted.command("reload");
  expect([reloaded.status, reloaded.out]).toEqual([0, expect.stringMatching(/allow_key_export/)]);
});

test("Wireshark decrypts, with AES-GCM and AES-CBC, rekeyed SAs and one that failed", async () => {
  const captures = [1, 2].map((n) => scenario.erouted.begin(...captureOf(`site-${n}`, 600)));
  const begun = () => Promise.all([1, 2].map((n) => Bun.file(fileOf(`site-${n}`)).exists()));
  await until("the captures have begun", async () => (await begun()).every((one) => one));
  const refused = cbc.initiate();
  await bringUp(scenario, gcm);
  const before = await gcm.ikeSpis();
  await gcm.rekeyIke();
  await until("the site has a new IKE SA", async () => {
    const now = await gcm.ikeSpis();
    return now.length === 1 && !now.some((spis) => before.includes(spis));
  });
  await gcm.terminate();
  expect(await refused).toBe(false);
  const keysNow = () => Promise.all([1, 2].map((n) => linesOfKeys(`site-${n}`)));
  const written = async () => `${(await keysNow()).map((lines) => lines.length)}` === "2,1";
  await until("the keys of all three IKE SAs are written", written);
  await Bun.sleep(patient(500)); // the last messages may still be on their way into the files
  for (const capture of captures) {
    process.kill(capture.pid, "SIGINT");
    expect(await capture.exited).toBe(0);
    expect(await capture.output()).toContain("secret; Wireshark reads it");
  }
  const keys = await keysNow();
  expect(keys.map((lines) => lines.length)).toEqual([2, 1]);
  const inside = await dissected([1, 2], { ikev2_decryption_table: keys.flat() });
  expect(inside).toEqual(expect.arrayContaining(["site-1", "concentrator.example", "site-2"]));
  expect(inside).toContain("AUTHENTICATION_FAILED");
  const log = await scenario.erouted.log();
  expect(log).toMatch(/warning site-1 .*operator-keys/);
  for (const [, , secret = ""] of keys.flat().map((line) => line.split(","))) {
    expect(log).not.toContain(secret);
  }
});

test("Wireshark decrypts IKEv1, from the last message of Phase 1 on", async () => {
  const capture = scenario.erouted.begin(...captureOf("site-3", 600));
  await until("the capture has begun", () => Bun.file(fileOf("site-3")).exists());
  const old = { version: 1, aggressive: true, ike: "aes256-sha256-ecp256" } as const;
  const site = await scenario.laboratory.addSite(3);
  const swan = await startSite(site, { ...old, esp: "aes256-sha256" });
  await bringUp(scenario, swan);
  await swan.stop();
  await until("its keys are written", async () => (await linesOfKeys("site-3")).length === 1);
  await Bun.sleep(patient(500)); // as above
  process.kill(capture.pid, "SIGINT");
  expect(await capture.exited).toBe(0);
  expect(await capture.output()).toContain("ikev1_decryption_table");
  // Only Quick Mode says which subnets are meant.
  const subnet = /^192\.168\.3\.0/;
  expect((await dissected([3], {})).filter((word) => subnet.test(word))).toEqual([]);
  const inside = await dissected([3], { ikev1_decryption_table: await linesOfKeys("site-3") });
  expect(inside.filter((word) => subnet.test(word)).length).toBeGreaterThan(1);
});

function captureOf(site: string, seconds: number): string[] {
  const files = ["--out", fileOf(site), "--keys", `${FOLDER}/${site}.keys`];
  return ["capture", site, "--for", `${seconds}s`, ...files];
}

function fileOf(site: string): string {
  return `${FOLDER}/${site}.pcapng`;
}

async function linesOfKeys(site: string): Promise<string[]> {
  const file = `${FOLDER}/${site}.keys`;
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  return (await Bun.file(file).text()).split("\n").filter((line) => /^[0-9a-f]{16},/.test(line));
}

/** What tshark finds inside all messages, with the keys in Wireshark's places for them. */
async function dissected(
  sites: readonly number[],
  tables: Readonly<Record<string, readonly string[]>>,
): Promise<string[]> {
  const preferences = `${FOLDER}/wireshark`;
  await rm(preferences, { recursive: true, force: true });
  await mkdir(preferences);
  for (const [table, lines] of Object.entries(tables)) {
    await writeFile(`${preferences}/${table}`, lines.map((line) => `${line}\n`).join(""));
  }
  // A pcapng file may have several sections.
  const both = await Promise.all(sites.map((n) => readFile(fileOf(`site-${n}`))));
  await writeFile(`${FOLDER}/both.pcapng`, Buffer.concat(both));
  const tshark = ["tshark", "-r", `${FOLDER}/both.pcapng`, "-V"];
  const shown = await run(undefined, ["env", `WIRESHARK_CONFIG_DIR=${preferences}`, ...tshark]);
  const words = /(?:Identification Data:|Notify Message Type: )(\S+)/g;
  return [...shown.out.matchAll(words)].map(([, word = ""]) => word);
}
