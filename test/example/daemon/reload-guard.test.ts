/** A reload that would close the fleet, or of a file that is clearly wrong, is refused. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { readFileSync, symlinkSync, truncateSync, unlinkSync } from "node:fs";
import type { Config } from "../../../src/config/config.ts";
import { reload } from "../../../src/daemon/reload.ts";
import { err, ok } from "../../../src/octets/result.ts";
import { freeTcpPort } from "../../free-port.ts";
import { createFolder, type Folder, SECOND_EGROUP } from "../cli/folder.ts";
import { runWith } from "../cli/terminal.ts";
import { configIn, daemonOf, namesOfEgroups, spawnDaemon } from "./reloadable.ts";

const STATUS_PORT = freeTcpPort();
let folder: Folder;

beforeEach(() => {
  folder = createFolder(["127.0.0.1:18080", `127.0.0.1:${STATUS_PORT}`]);
});

afterEach(() => folder.dispose());

const configOf = (change: (text: string) => string): Config => configIn(folder, change);

test("a reload that closes more than reload.close_percent_max is held, unless forced", async () => {
  const config = configOf((text) => text);
  const closing = (count: number) => {
    return { connected: 100, closes: new Map([["no eroute", count]]), unread: 0 };
  };
  const daemon = { ...daemonOf(config), preview: () => closing(11) };
  expect(await reload(daemon, () => ok(config), { dryRun: true })).toMatchObject(
    ok({ closes: 11, connected: 100, reasons: "no eroute: 11" }),
  );
  expect([daemon.fed, daemon.notes, daemon.reloads.size]).toEqual([[], [], 0]);
  const held = await reload(daemon, () => ok(config));
  const why =
    "it would close 11 of 100 connected sites (no eroute: 11), and reload.close_percent_max is 10";
  expect(held).toEqual(err({ kind: "held", faults: [why] }));
  expect(daemon.fed).toEqual([]);
  expect(daemon.notes.map((note) => note.reason)).toEqual(["reload-held", "reload-refused"]);
  expect((await reload(daemon, () => ok(config), { force: true })).ok).toBe(true);
  expect(daemon.notes.map((note) => note.reason)).toContain("reload-forced");
  const few = { ...daemonOf(config), preview: () => closing(10) };
  expect((await reload(few, () => ok(config))).ok).toBe(true);
  expect(daemon.reloads).toEqual(
    new Map([
      ["held", 1],
      ["ok", 1],
    ]),
  );
});

test("the limit is the new file's, or the one in force: cut off, it loosens none", async () => {
  const withMax = (percent: number) =>
    configOf((text) => `${text}\n[reload]\nclose_percent_max = ${percent}\n`);
  const silent = configOf((text) => text);
  const closing = { connected: 100, closes: new Map([["why", 50]]), unread: 0 };
  const refused = async (running: Config, next: Config) => {
    const daemon = { ...daemonOf(running), preview: () => closing };
    return !(await reload(daemon, () => ok(next))).ok;
  };
  expect(await refused(withMax(60), silent)).toBe(false);
  expect(await refused(withMax(40), silent)).toBe(true);
  expect(await refused(silent, silent)).toBe(true);
  expect(await refused(silent, withMax(50))).toBe(false);
});

test("a file that is cut off between two lines, or within one, is held", async () => {
  const marked = configOf((text) => `${text}# end\n`);
  const whole = configOf((text) => text);
  const within = configOf((text) => text.trimEnd());
  const heldBy = async (running: Config, next: Config) => {
    const done = await reload(daemonOf(running), () => ok(next));
    return done.ok ? [] : done.error.faults;
  };
  expect(await heldBy(marked, whole)).toEqual([
    expect.stringContaining('its last line is not "# end"'),
  ]);
  expect(await heldBy(whole, within)).toEqual([expect.stringContaining("seems to be cut off")]);
  expect([
    await heldBy(whole, marked),
    await heldBy(within, within),
    await heldBy(marked, marked),
  ]).toEqual([...[[], [], []]]);
});

test("what is no longer in the file is named", async () => {
  const before = configOf((text) => text.replace("[[eroute]]", SECOND_EGROUP));
  const daemon = daemonOf(before);
  await reload(daemon, () => ok(configOf((text) => text)));
  const reloaded = daemon.notes.find(({ reason }) => reason === "reloaded");
  expect(reloaded?.detail).toContain("gone: eroute water, egroup pumps");
});

test("SIGHUP with a FIFO, a device or a huge file in its place: refused at once", async () => {
  const daemon = spawnDaemon(folder);
  await daemon.logs("info daemon ready");
  const text = readFileSync(folder.config, "utf8");
  const hup = async (make: () => void, why: string) => {
    unlinkSync(folder.config);
    make();
    daemon.process.kill("SIGHUP");
    await daemon.logs(`erouted.toml: ${why}`);
  };
  await hup(() => Bun.spawnSync(["mkfifo", folder.config]), "is not a regular file");
  await hup(() => symlinkSync("/dev/zero", folder.config), "is not a regular file");
  await hup(() => {
    folder.write("erouted.toml", "");
    truncateSync(folder.config, 1e12);
  }, "has more than 16777216 octets");
  // Secrets are read in the same moment.
  await hup(() => {
    Bun.spawnSync(["mkfifo", folder.path("token")]);
    const token = `[status]\ntoken_file = "${folder.path("token")}"`;
    folder.write("erouted.toml", text.replace("[status]", token));
  }, "");
  await daemon.logs("is not a regular file; expected a file that can be read");
  await hup(() => folder.write("erouted.toml", ""), "is empty, or cut off");
  expect(await namesOfEgroups(STATUS_PORT)).toEqual(["sites"]);
  expect(await daemon.stop()).toBe(0);
});

test("check beside a running erouted tests the reload; ports are no fault", async () => {
  folder.write("token", "operate-me-1234567890");
  const text = readFileSync(folder.config, "utf8").replace(
    "[status]",
    `[status]\noperate_token_file = "${folder.path("token")}"`,
  );
  folder.write("erouted.toml", `${text}# end\n`);
  await runWith(["peers", "init", "--config", folder.config]);
  const daemon = spawnDaemon(folder);
  await daemon.logs("info daemon ready");
  const check = () => runWith(["check", "--config", folder.config]);
  const fine = await check();
  expect(fine.out).toMatch(/^ok {6}ports: 127\.0\.0\.1:\d+, .*: erouted runs and has them$/m);
  expect(fine.out).toMatch(/^ok {6}reload: a reload would close no site$/m);
  expect([fine.code, fine.out.includes("FAILED")]).toEqual([0, false]);
  const other = text.replace(/nat_port = \d+/, "nat_port = 4509").replace("fleet", "sites");
  folder.write("erouted.toml", `${other}# end\n`);
  const changed = await check();
  expect(changed.out).toContain("note    reload: eroute fleet is gone");
  expect(changed.out).toContain("note    reload: ike.nat_port stays as it is until a restart");
  folder.write("erouted.toml", text);
  const cutOff = await check();
  expect(cutOff.code).toBe(1);
  expect(cutOff.out).toMatch(/^FAILED {2}reload: would be refused without --force: its last line/m);
  folder.write("another.toml", text);
  const another = await runWith(["check", "--config", folder.path("another.toml")]);
  expect(another.out).toContain(`erouted runs with ${folder.config}`);
  const dryRun = await runWith(["reload", "--dry-run", "--config", folder.config]);
  expect(dryRun.out).toContain("would be refused without --force: its last line");
  const held = await runWith(["reload", "--config", folder.config]);
  expect([held.code, held.err]).toEqual([1, expect.stringContaining("erouted reload --force")]);
  expect((await runWith(["reload", "--force", "--config", folder.config])).code).toBe(0);
  expect(await daemon.stop()).toBe(0);
  expect(daemon.text()).toMatch(/operator-reload: asked for over HTTP: what it would do\n/);
});
