/** A new configuration, and an operator's command, while sites are up. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { patient } from "../../patience.ts";
import { eventsOf } from "./events.ts";
import { run, until } from "./hosts.ts";
import { OFFICE, type Site } from "./laboratory.ts";
import {
  bringUp,
  dynamicPeerIds,
  pingBothWays,
  pskOf,
  rowOf,
  type Scenario,
  startScenario,
  startSite,
} from "./scenario.ts";
import type { StrongSwan } from "./strongswan.ts";
import { ping } from "./wire.ts";
import { xfrmStates } from "./xfrm-states.ts";

const PINGS = 40;

let scenario: Scenario;
let first: Site;
let second: Site;
let firstSwan: StrongSwan;
let secondSwan: StrongSwan;

beforeAll(async () => {
  scenario = await startScenario({
    sites: [rowOf(1), rowOf(2)],
    status: 'operate_token_file = "/run/erouted/operate.token"',
    files: { "operate.token": "an operator's token".replaceAll(" ", "-") },
  });
  first = await scenario.laboratory.addSite(1);
  second = await scenario.laboratory.addSite(2);
  firstSwan = await startSite(first);
  secondSwan = await startSite(second);
  await bringUp(scenario, firstSwan);
  await bringUp(scenario, secondSwan);
});

afterAll(async () => {
  await firstSwan?.stop();
  await secondSwan?.stop();
  expect(await scenario.erouted.stop()).toBe(0);
});

test("SIGHUP with a faulty file: all faults in the log, and every tunnel stays", async () => {
  const { erouted } = scenario;
  const before = await spis();
  const text = await Bun.file(erouted.configFile).text();
  await erouted.configure(() => text.replace("peerid =", "peer_id =").replace("[status]", "[sta]"));
  const pinging = pingFirst();
  process.kill(erouted.pid, "SIGHUP");
  await until("the refusal is in the log", async () =>
    (await erouted.log()).includes("reload-refused"),
  );
  const log = await erouted.log();
  expect(log).toContain("eroute[0].peer_id");
  expect(log).toMatch(/erouted\.toml:\d+: sta /);
  expect(await pinging).toEqual({ sent: PINGS, received: PINGS });
  expect(await spis()).toEqual(before);
  await erouted.configure(() => text);
});

test("reload keeps tunnels up: other proposals, lifetimes and dpd take effect later", async () => {
  const { erouted } = scenario;
  const before = await spis();
  await erouted.configure(
    (text) => `${text.trimEnd()}\nesp = "aes256gcm16"\nlifetime = "20m"\ndpd = "1m"\n`,
  );
  const pinging = pingFirst();
  const reloaded = await erouted.command("reload");
  expect([reloaded.status, reloaded.err]).toEqual([0, ""]);
  expect(reloaded.out).toContain("reread and is in force");
  expect(await pinging).toEqual({ sent: PINGS, received: PINGS });
  expect(await spis()).toEqual(before);
  expect(await erouted.log()).toContain("2 take new values when they next negotiate");
  await pingBothWays(scenario, second);
  // The site's offer for its next Child SA is no longer accepted; the present one stays.
  await secondSwan.rekeyChild().catch(() => undefined);
  const refused = async () =>
    (await eventsOf(erouted, "site-2")).some((event) => event.reason === "no-proposal-chosen");
  await until("the new proposals count", refused);
  expect(await spis()).toEqual(before);
  await erouted.configure((text) => text.replace(/\nesp = [\s\S]*$/, "\n"));
  expect((await erouted.command("reload")).status).toBe(0);
  // Otherwise strongSwan tries it again by itself, some seconds later.
  await secondSwan.rekeyChild();
  await until("its new Child SA is there, and two in all", async () => {
    const now = await spis();
    return now.length === 4 && !Bun.deepEquals(now, before);
  });
});

test("SIGHUP with the same file, again and again, while packets flow", async () => {
  const { erouted } = scenario;
  const before = await spis();
  const pinging = pingFirst();
  for (let i = 0; i < 10; i++) {
    process.kill(erouted.pid, "SIGHUP");
    await Bun.sleep(200);
  }
  expect(await pinging).toEqual({ sent: PINGS, received: PINGS });
  expect(await spis()).toEqual(before);
});

test("debug: each message of one site is logged in words, and none of another site", async () => {
  const { erouted } = scenario;
  const on = await erouted.command("debug", "site-1", "on", "--for", "5m");
  expect([on.status, on.err]).toEqual([0, ""]);
  await firstSwan.rekeyIke();
  await secondSwan.rekeyIke();
  const seen = /debug site-1 .* received CREATE_CHILD_SA request \d+: SA\(.*KE\(X25519\)/;
  await until("the rekey is in the log", async () => seen.test(await erouted.log()));
  const log = await erouted.log();
  expect(log).toMatch(/debug site-1 .* sent CREATE_CHILD_SA response \d+: SA\(/);
  expect(log).not.toMatch(/debug site-2 /);
  expect(log).not.toContain(pskOf(1));
  expect((await erouted.command("debug", "site-1", "off")).status).toBe(0);
});

test("capture: the IKE messages of one site, as tshark reads them", async () => {
  const { erouted } = scenario;
  const taking = erouted.command("capture", "site-1", "--for", "6s", "--out", "/run/site-1.pcapng");
  const { concentrator } = scenario.laboratory;
  const opened = async () => await Bun.file("/run/site-1.pcapng").exists();
  await until("the capture is open", opened);
  await firstSwan.rekeyIke();
  await secondSwan.rekeyIke();
  expect(await taking).toMatchObject({ status: 0 });
  const fields = ["-T", "fields", "-e", "ip.addr", "-e", "isakmp.exchangetype"];
  const read = await run(concentrator, ["tshark", "-r", "/run/site-1.pcapng", ...fields]);
  const lines = read.out.trim().split("\n");
  expect(lines.length).toBeGreaterThanOrEqual(4);
  expect(lines.filter((line) => !line.includes(first.address.v4))).toEqual([]);
  // CREATE_CHILD_SA.
  expect(lines.filter((line) => line.endsWith("\t36")).length).toBeGreaterThanOrEqual(2);
});

test("disconnect by hand closes only that site, and notifies it", async () => {
  const { erouted } = scenario;
  const pinging = pingFirst();
  const done = await erouted.command("disconnect", "site-2");
  expect([done.status, done.err]).toEqual([0, ""]);
  await until("the site has been notified", async () => (await secondSwan.ikeSpis()).length === 0);
  expect(await dynamicPeerIds(scenario)).toEqual(["site-1"]);
  expect(await pinging).toEqual({ sent: PINGS, received: PINGS });
  const reasons = (await eventsOf(erouted, "site-2")).map((event) => event.reason);
  expect(reasons).toContain("disconnected-by-hand");
  const again = await erouted.command("disconnect", "site-2");
  expect(again.status).toBe(1);
  expect(again.err).toContain("not connected");
  await bringUp(scenario, secondSwan);
});

test("a reload of one peer applies its row at once, long before any poll", async () => {
  const { erouted } = scenario;
  await erouted.sql("UPDATE eroutes SET password = ? WHERE peerid = ?", "new", "site-2");
  const pinging = pingFirst();
  const startedAt = performance.now();
  expect((await erouted.command("peers", "reload", "site-2")).status).toBe(0);
  await until(
    "it is closed",
    async () => (await dynamicPeerIds(scenario)).length === 1,
    patient(5_000),
  );
  console.info(`peers reload: ${Math.round(performance.now() - startedAt)} ms`);
  expect(await pinging).toEqual({ sent: PINGS, received: PINGS });
});

test("another local subnet closes sites with the old one; they connect again", async () => {
  const { erouted } = scenario;
  await erouted.configure((text) => text.replace("10.0.0.0/16", "10.0.0.0/17"));
  process.kill(erouted.pid, "SIGHUP");
  await until("all are told", async () => (await firstSwan.ikeSpis()).length === 0);
  await until("their states are gone", async () => (await spis()).length === 0);
  await bringUp(scenario, firstSwan);
  await pingBothWays(scenario, first);
});

function pingFirst() {
  const options = { from: first.inner.v4, count: PINGS, intervalSeconds: 0.1 };
  return ping(first.host, OFFICE.v4, options);
}

/** The SPIs of all ESP states in the concentrator's kernel. */
async function spis(): Promise<readonly string[]> {
  const states = await xfrmStates(scenario.laboratory.concentrator);
  return states.map((state) => `${state.dst} ${state.spi}`).sort();
}
