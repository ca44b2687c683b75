/**
 * A capture of one site, which Wireshark's own dissector decrypts with the keys in the second file.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
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
    sites: [rowOf(1), rowOf(2)],
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
  const inside = await dissected(keys.flat());
  expect(inside).toEqual(expect.arrayContaining(["site-1", "concentrator.example", "site-2"]));
  expect(inside).toContain("AUTHENTICATION_FAILED");
  const log = await scenario.erouted.log();
  expect(log).toMatch(/warning site-1 .*operator-keys/);
  for (const [, , secret = ""] of keys.flat().map((line) => line.split(","))) {
    expect(log).not.toContain(secret);
  }
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

/** What tshark finds inside all messages, with the keys in Wireshark's place for them. */
async function dissected(keys: readonly string[]): Promise<string[]> {
  const preferences = `${FOLDER}/wireshark`;
  await mkdir(preferences);
  await writeFile(
    `${preferences}/ikev2_decryption_table`,
    keys.map((line) => `${line}\n`).join(""),
  );
  // A pcapng file may have several sections.
  const both = await Promise.all([1, 2].map((n) => readFile(fileOf(`site-${n}`))));
  await writeFile(`${FOLDER}/both.pcapng`, Buffer.concat(both));
  const tshark = ["tshark", "-r", `${FOLDER}/both.pcapng`, "-V"];
  const shown = await run(undefined, ["env", `WIRESHARK_CONFIG_DIR=${preferences}`, ...tshark]);
  const words = /(?:Identification Data:|Notify Message Type: )(\S+)/g;
  return [...shown.out.matchAll(words)].map(([, word = ""]) => word);
}
