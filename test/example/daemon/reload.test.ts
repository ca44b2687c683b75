/** SIGHUP: the configuration file is taken over as a whole, or refused as a whole. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { Config } from "../../../src/config/config.ts";
import { reload } from "../../../src/daemon/reload.ts";
import { takeOver } from "../../../src/daemon/take-over.ts";
import { err, ok } from "../../../src/octets/result.ts";
import { freeTcpPort } from "../../free-port.ts";
import { createFolder, type Folder, SECOND_EGROUP } from "../cli/folder.ts";
import { configIn, daemonOf, namesOfEgroups, spawnDaemon } from "./reloadable.ts";

const STATUS_PORT = freeTcpPort();
let folder: Folder;

beforeEach(() => {
  folder = createFolder(["127.0.0.1:18080", `127.0.0.1:${STATUS_PORT}`]);
});

afterEach(() => folder.dispose());

test("SIGHUP with a faulty file: every fault is logged, and nothing changes", async () => {
  const daemon = spawnDaemon(folder);
  await daemon.logs("info daemon ready");
  const text = readFileSync(folder.config, "utf8");
  folder.write("erouted.toml", text.replace("peerid =", "peer =").replace('"fleet"', "7"));
  daemon.process.kill("SIGHUP");
  await daemon.logs("reload-refused: the new configuration has 3 faults: the former one stays");
  const faults = daemon.text().match(/configuration-fault: .*/g) ?? [];
  expect(faults.join("\n")).toMatch(/erouted\.toml:\d+: eroute\[0\]\.peer /);
  expect(faults.length).toBe(3);
  expect(await namesOfEgroups(STATUS_PORT)).toEqual(["sites"]);
  expect(await daemon.stop()).toBe(0);
});

test("SIGHUP: a new egroup, another log; what needs a restart is named and kept", async () => {
  const daemon = spawnDaemon(folder);
  await daemon.logs("info daemon ready");
  const text = readFileSync(folder.config, "utf8")
    .replace("[[eroute]]", SECOND_EGROUP.replaceAll("FOLDER", folder.path(".")))
    .replace(`127.0.0.1:${STATUS_PORT}`, "127.0.0.1:1")
    .replace(/nat_port = \d+/, "nat_port = 4509\nwarm_up = false");
  folder.write("erouted.toml", `${text}\n[log]\nformat = "json"\n`);
  daemon.process.kill("SIGHUP");
  await daemon.logs('"reason":"needs-restart"');
  expect(daemon.text()).toContain("until then: ike.nat_port, status.listen, ike.warm_up");
  expect(daemon.text()).toContain("database of egroup pumps opened: sqlite:");
  // A new egroup is checked as well, without waiting for a site's call.
  await daemon.logs("egroup pumps: sqlite:");
  expect(await namesOfEgroups(STATUS_PORT)).toEqual(["sites", "pumps"]);
  expect(await daemon.stop()).toBe(0);
});

test("over HTTP: the operate token reloads the file, and the log has the address", async () => {
  folder.write("token", "operate-me-1234567890");
  const text = readFileSync(folder.config, "utf8").replace(
    "[status]",
    `[status]\noperate_token_file = "${folder.path("token")}"`,
  );
  folder.write("erouted.toml", text);
  const daemon = spawnDaemon(folder);
  await daemon.logs("info daemon ready");
  const ask = (path: string, token = "operate-me-1234567890") =>
    fetch(`http://127.0.0.1:${STATUS_PORT}/api/v1${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
    });
  expect((await ask("/reload", "guess")).status).toBe(401);
  folder.write("erouted.toml", text.replace("[[egroup]]", "[[egrupp]]"));
  const refused = await ask("/reload");
  expect(refused.status).toBe(422);
  const problem = (await refused.json()) as { faults: string[] };
  expect(problem.faults.join()).toContain("egrupp");
  folder.write("token", "operate-more-1234567890");
  folder.write("erouted.toml", text);
  expect(await (await ask("/reload")).json()).toMatchObject({ outcome: "reloaded" });
  expect((await ask("/reload")).status).toBe(401);
  const known = await ask("/peers/site-1/connect", "operate-more-1234567890");
  expect([known.status, await known.json()]).toMatchObject([202, { outcome: "calling" }]);
  expect((await ask("/peers/nobody/connect", "operate-more-1234567890")).status).toBe(404);
  expect((await ask("/peers/site-1/disconnect", "operate-more-1234567890")).status).toBe(404);
  expect((await ask("/peers/site-1/reload", "operate-more-1234567890")).status).toBe(202);
  expect((await ask("/peers/site-1/debug?seconds=120", "operate-more-1234567890")).ok).toBe(true);
  expect((await ask("/log-level?level=error", "operate-more-1234567890")).ok).toBe(true);
  expect(await daemon.stop()).toBe(0);
  expect(daemon.text()).toMatch(/warning 127\.0\.0\.1:\d+ control refused operator-denied: POST/);
  expect(daemon.text()).toMatch(/info 127\.0\.0\.1:\d+ control operator-reload: asked for/);
  expect(daemon.text()).toMatch(/info site-1 127\.0\.0\.1:\d+ control operator-connect: asked/);
  expect(daemon.text()).toMatch(/info site-1 .* operator-debug: asked for over HTTP: 2 min\n/);
  expect(daemon.text()).toMatch(/info .* operator-log-level: asked for over HTTP: error\n/);
});

test("a changed database: look-ups under way end where they began", async () => {
  const silent = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: () => undefined },
  });
  try {
    const before = configOf((text) =>
      text.replace(
        /database = .*/,
        `database = "mysql://erouted@127.0.0.1:${silent.port}/vpn"\nlookup_deadline = "300ms"`,
      ),
    );
    const daemon = daemonOf(before);
    const former = daemon.peers.get("sites");
    const underWay = former?.find({ by: "peerid", peerid: "site-1" });
    const done = await reload(daemon, () => ok(configOf((text) => text)));
    expect(done.ok && done.value.databases.join()).toMatch(/egroup sites changed: sqlite:/);
    expect(daemon.rechecked).toEqual(["sites"]);
    const found = await daemon.peers.get("sites")?.find({ by: "peerid", peerid: "site-1" });
    expect(found).toMatchObject({ ok: false, error: { kind: "no-table" } });
    expect(await underWay).toMatchObject({ ok: false, error: { kind: "timeout" } });
    expect([...daemon.retired].length).toBe(1);
    for (const repository of [...daemon.peers.values(), ...daemon.retired]) {
      await repository.close();
    }
  } finally {
    silent.stop(true);
  }
});

test("the same file read again opens, closes and rereads nothing", async () => {
  const config = configOf((text) => text);
  const daemon = daemonOf(config);
  const repository = daemon.peers.get("sites");
  const done = await reload(daemon, () => ok(configOf((text) => text)));
  expect(done).toMatchObject(ok({ needsRestart: [], warnings: [], databases: [], closes: 0 }));
  expect(daemon.peers.get("sites")).toBe(repository);
  expect(daemon.fed.map((event) => event.kind)).toEqual(["configuration"]);
  expect(daemon.rechecked).toEqual([]);
});

test("a refused reload gives the engine nothing, keeps configuration and databases", async () => {
  const config = configOf((text) => text);
  const daemon = daemonOf(config);
  const done = await reload(daemon, () => err(["erouted.toml:1: a", "erouted.toml:2: b"]));
  expect(done).toEqual(err({ kind: "faulty", faults: ["erouted.toml:1: a", "erouted.toml:2: b"] }));
  expect(daemon.reloads).toEqual(new Map([["faulty", 1]]));
  expect([daemon.fed, daemon.config]).toEqual([[], config]);
  expect(daemon.notes.map((note) => note.reason)).toEqual([
    "configuration-fault",
    "configuration-fault",
    "reload-refused",
  ]);
});

test("R3: keys of local users that a new configuration replaces are wiped", async () => {
  folder.write("lab", "lab secret");
  const withUser = (text: string) =>
    `${text}\n[[user]]\nname = "site-9"\npassword_file = "${folder.path("lab")}"\n`;
  const before = configOf(withUser);
  const after = configOf(withUser);
  const daemon = daemonOf(before);
  expect((await reload(daemon, () => ok(after))).ok).toBe(true);
  expect(before.plan.users[0]?.psk.every((octet) => octet === 0)).toBe(true);
  expect(daemon.config.plan.users[0]?.psk).toEqual(new TextEncoder().encode("lab secret"));
});

test("while it starts and while it ends, nothing is reloaded", async () => {
  const config = configOf((text) => text);
  for (const state of [{ shell: undefined }, { isEnding: true }]) {
    const daemon = { ...daemonOf(config), ...state };
    expect((await reload(daemon, () => ok(config))).ok).toBe(false);
    expect(daemon.fed).toEqual([]);
  }
});

test("SIGHUP: another ike.listen is in force at once", async () => {
  const daemon = spawnDaemon(folder);
  await daemon.logs("info daemon ready");
  const text = readFileSync(folder.config, "utf8");
  folder.write("erouted.toml", text.replace('["127.0.0.1"]', '["127.0.0.2"]'));
  daemon.process.kill("SIGHUP");
  await daemon.logs("127.0.0.2 is listened on now");
  expect(daemon.text()).toContain("127.0.0.1 is no longer in ike.listen");
  expect(daemon.text()).not.toContain("needs a restart");
  expect(await daemon.stop()).toBe(0);
});

test("a token for another status.listen waits until that is in force", () => {
  folder.write("token", "a-token-of-sixteen");
  const shown = configOf((text) =>
    text.replace(
      /listen = "127.*/,
      `listen = "0.0.0.0:8080"\ntoken_file = "${folder.path("token")}"`,
    ),
  );
  const hidden = configOf((text) => text);
  const { config, restart } = takeOver(shown, hidden);
  expect(restart).toEqual(["status.listen"]);
  expect(config.status).toEqual(shown.status);
  expect(takeOver(hidden, hidden)).toEqual({ config: hidden, restart: [] });
});

test("the kernel's policies are sorted once: another length needs a restart", () => {
  const running = configOf((text) => text);
  const next = configOf((text) => text.replace("[dataplane]", "$&\npolicy_hash = 28"));
  const { config, restart } = takeOver(running, next);
  expect(restart).toEqual(["dataplane.policy_hash"]);
  expect(config.policyHash).toEqual(running.policyHash);
});

const configOf = (change: (text: string) => string): Config => configIn(folder, change);

test("a reload waits until the one before it has reached all sites", async () => {
  const config = configIn(folder, (text) => text);
  let left = 3;
  const daemon = daemonOf(config);
  const isAdjusting = () => left > 0 && left-- > 0;
  const concentrator = { sitesOf: () => [], rowVerdict: () => undefined, isAdjusting };
  const done = reload({ ...daemon, concentrator }, () => ok(configIn(folder, (text) => text)));
  await Bun.sleep(0);
  expect(daemon.fed).toEqual([]);
  expect((await done).ok).toBe(true);
  expect(left).toBe(0);
  expect(daemon.fed.map(({ kind }) => kind)).toContain("configuration");
});
