/** `erouted check`: each point ok or FAILED, with what to do, and nothing started. */

import { afterEach, expect, test } from "bun:test";
import { createSocket } from "node:dgram";
import { chmodSync } from "node:fs";
import { createFolder, type Folder, IKE_PORT, NAT_PORT } from "./folder.ts";
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

function check(at: Folder, ...args: readonly string[]): Promise<Ran> {
  return runWith(["check", "--config", at.config, ...args]);
}

test("with everything in place each point is ok and the exit code is 0", async () => {
  const at = folder();
  await runWith(["peers", "init", "--config", at.config]);
  const { code, out } = await check(at);
  expect(out).toMatch(/^ok {6}configuration .*1 eroute/m);
  expect(out).toMatch(/^ok {6}database of egroup sites: sqlite:.* answered in \d+ ms$/m);
  expect(out).toContain(
    `ok      ports: 127.0.0.1:${IKE_PORT}, 127.0.0.1:${NAT_PORT} can be bound\n`,
  );
  expect(out).toMatch(/^ok {6}kernel: not used/m);
  expect(out).not.toContain("FAILED");
  expect(code).toBe(0);
});

test("R6: a missing table fails, names the command for it, and hides nothing", async () => {
  const { code, out } = await check(folder());
  expect(out).toMatch(/^FAILED {2}database of egroup sites: .*erouted peers init --egroup sites/m);
  expect(out).toMatch(/^ok {6}ports/m);
  expect(code).toBe(1);
});

test("on a terminal what fails is red, and long lines are broken below their words", async () => {
  const screen = {
    ...{ rows: 24, colour: true, write: () => {} },
    interrupted: () => new AbortController().signal,
  };
  const at = folder();
  const { out } = await runWith(["check", "--config", at.config], "", { columns: 60, screen });
  const lines = out.split("\n");
  expect(lines.some((line) => line.startsWith("\x1b[31mFAILED\x1b[0m  database of"))).toBe(true);
  const wide = lines.filter((line) => Bun.stringWidth(line) > 60);
  // A path is one word.
  expect(wide.filter((line) => line.trim().split(" ").length > 2)).toEqual([]);
});

test("a port that is taken fails and is named", async () => {
  const at = folder();
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(NAT_PORT, "127.0.0.1", () => resolve()));
  const { code, out } = await check(at);
  socket.close();
  expect(out).toMatch(new RegExp(`^FAILED {2}ports: .*${NAT_PORT}`, "m"));
  expect(code).toBe(1);
});

test("an address that does not exist yet is no fault: the daemon waits for it", async () => {
  const at = folder(['listen = ["127.0.0.1"]', 'listen = ["127.0.0.1", "203.0.113.77"]']);
  await runWith(["peers", "init", "--config", at.config]);
  const { code, out } = await check(at);
  expect(out).toContain(
    "note    ports: this host does not have 203.0.113.77: erouted waits for it\n",
  );
  expect(out).not.toContain("no site can connect");
  expect(code).toBe(0);
  const alone = folder(['listen = ["127.0.0.1"]', 'listen = ["203.0.113.77"]']);
  expect((await check(alone)).out).toMatch(
    /^note {4}ports: this host has no address of ike\.listen yet/m,
  );
});

for (const [what, open] of [
  ["ends each connection", (socket: Bun.Socket) => void socket.end()],
  ["speaks another protocol", (socket: Bun.Socket) => void socket.end("220 ready\r\n")],
  ["never says a word", () => {}],
] as const) {
  test(`a port of the status server that is taken fails too: its program ${what}`, async () => {
    const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { open, data() {} } });
    const { code, out } = await check(folder(["127.0.0.1:18080", `127.0.0.1:${taken.port}`]));
    taken.stop(true);
    expect(out).toMatch(/^FAILED {2}status server: status\.listen 127.*EADDRINUSE/m);
    expect(code).toBe(1);
  });
}

test("without privileges each reason is given once, with the ports that it affects", async () => {
  const at = folder(['kind = "none"', 'kind = "xfrm"']);
  await runWith(["peers", "init", "--config", at.config]);
  chmodSync(at.path("peers.db"), 0);
  // Root without any capability can still read its own files, wherever the tests are.
  const drop =
    process.getuid?.() === 0 ? ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] : [];
  const { stdout, exitCode } = Bun.spawnSync([
    ...[...drop, process.execPath, "src/main.ts", "check", "--config", at.config],
  ]);
  const lines = stdout.toString().split("\n");
  const ports = `127.0.0.1:${IKE_PORT}, 127.0.0.1:${NAT_PORT}`;
  const reason = "CAP_NET_ADMIN is missing: give it, or run as root";
  expect(lines).toContain(`FAILED  ports: ${ports}: setsockopt IP_XFRM_POLICY: EPERM: ${reason}`);
  expect(lines.join("\n")).toMatch(
    /^FAILED {2}database .*no permission to read the file \(uid \d+, mode 0\)/m,
  );
  expect(exitCode).toBe(1);
});

test("a table without indexes is noted, and is no failure", async () => {
  const at = folder();
  const { Database } = await import("bun:sqlite");
  const database = new Database(at.path("peers.db"), { create: true });
  database.run(
    "create table eroutes (peerid text, password text, remip text, remmsk text, peerip text, " +
      "bakpeerip text, ourid text)",
  );
  database.close();
  const { code, out } = await check(at);
  expect(out).toMatch(/^note {4}database of egroup sites: eroutes.peerid has no index/m);
  expect(code).toBe(0);
});

test("--offline looks at the configuration only", async () => {
  const { code, out } = await check(folder(), "--offline");
  expect(out.split("\n")).toHaveLength(1);
  expect(code).toBe(0);
});

test("R9: faults of the configuration end with 3, with file and line", async () => {
  const at = folder(['ourid = "concentrator.example"', 'peerip = "192.0.2.1"']);
  const { code, out, err } = await check(at);
  expect([code, out]).toEqual([78, ""]);
  expect(err).toMatch(/erouted\.toml:\d+: .*peerip/);
});
