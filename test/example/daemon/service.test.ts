/** What the daemon reports to a service manager, on a socket like systemd's. */

import { afterEach, expect, test } from "bun:test";
import { openService } from "../../../src/daemon/service.ts";
import { AF_UNIX, type Libc, openLibc, SOCK_DGRAM } from "../../../src/linux/libc.ts";
import { unixAddress } from "../../../src/linux/notify-socket.ts";
import { createFolder, type Folder } from "../cli/folder.ts";

const folders: Folder[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) folder.dispose();
});

const libc = (() => {
  const opened = openLibc();
  if (!opened.ok) throw new Error(opened.error.detail);
  return opened.value;
})();

/** The manager's end. Waiting blocks this process: the daemon is another. */
function openManager(c: Libc, name: string) {
  const fd = c.socket(AF_UNIX, SOCK_DGRAM, 0);
  expect(c.bind(fd, unixAddress(name) ?? new Uint8Array())).toBe(0);
  return {
    /** The next message, but for those about the sockets that it stores. */
    next(): string {
      for (;;) {
        expect(c.awaitInput(fd, 10_000)).toBe(1);
        const octets = new Uint8Array(4096);
        const length = c.receive(fd, octets);
        const text = new TextDecoder().decode(octets.subarray(0, length));
        if (!text.startsWith("FDSTORE")) return text;
      }
    },
    /** The next message that is not a sign of life. */
    nextState(): string {
      for (;;) {
        const text = this.next();
        if (text !== "WATCHDOG=1") return text;
      }
    },
    close: () => void c.close(fd),
  };
}

function spawnDaemon(folder: Folder, environment: Record<string, string>) {
  const args = [process.execPath, "src/main.ts", "run", "--config", folder.config];
  const env = { ...process.env, ...environment };
  return Bun.spawn(args, { env, stdout: "pipe", stderr: "pipe" });
}

function newFolder(): Folder {
  const folder = createFolder(["127.0.0.1:18080", "off"]);
  folders.push(folder);
  return folder;
}

for (const kind of ["path", "abstract"] as const) {
  test(`the manager (${kind}) hears ready, signs of life, reloading and stopping`, async () => {
    const folder = newFolder();
    const path = folder.path("notify");
    const name = kind === "path" ? path : `@${path}`;
    const manager = openManager(libc, name);
    const daemon = spawnDaemon(folder, { NOTIFY_SOCKET: name, WATCHDOG_USEC: "100000" });
    const heard = [manager.next(), manager.next(), manager.next(), manager.next()];
    expect(heard).toEqual(["READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"]);
    daemon.kill("SIGHUP");
    expect([manager.nextState(), manager.nextState()]).toEqual(["RELOADING=1", "READY=1"]);
    daemon.kill("SIGTERM");
    expect(manager.nextState()).toBe("STOPPING=1");
    expect(await daemon.exited).toBe(0);
    manager.close();
  });
}

test("a watchdog that is meant for another process is ignored", async () => {
  const folder = newFolder();
  const manager = openManager(libc, folder.path("notify"));
  const daemon = spawnDaemon(folder, {
    ...{ NOTIFY_SOCKET: folder.path("notify"), WATCHDOG_USEC: "10000", WATCHDOG_PID: "1" },
  });
  expect(manager.next()).toBe("READY=1");
  daemon.kill("SIGTERM");
  expect(manager.next()).toBe("STOPPING=1");
  expect(await daemon.exited).toBe(0);
  manager.close();
});

test("a missing manager is noted, and the daemon runs", async () => {
  const folder = newFolder();
  const daemon = spawnDaemon(folder, { NOTIFY_SOCKET: folder.path("nobody") });
  const reader = daemon.stdout.getReader();
  let log = "";
  while (!log.includes(" ready: ")) {
    const { done, value } = await reader.read();
    if (done) break;
    log += new TextDecoder().decode(value);
  }
  expect(log).toContain("service-manager: NOTIFY_SOCKET: ENOENT");
  daemon.kill("SIGTERM");
  expect(await daemon.exited).toBe(0);
});

test("the manager hears that the end goes on, and how long to wait", () => {
  const path = newFolder().path("notify");
  const manager = openManager(libc, path);
  const service = openService({ NOTIFY_SOCKET: path }, () => {});
  service.stopping();
  service.stillStopping(10_000);
  expect([manager.next(), manager.next()]).toEqual(["STOPPING=1", "EXTEND_TIMEOUT_USEC=10000000"]);
  service.close();
});
