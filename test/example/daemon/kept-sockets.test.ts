/**
 * Sockets that outlive the daemon: in a service manager's store, and in a process that holds them.
 * The sender is a process of its own, which hears of closed ports from the kernel.
 */

import { afterEach, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { openLibc } from "../../../src/linux/libc.ts";
import { freeUdpPorts } from "../../free-port.ts";
import { patient } from "../../patience.ts";
import { createFolder, type Folder, IKE_PORT, NAT_PORT } from "../cli/folder.ts";
import { type Manager, openManager } from "./descriptor-manager.ts";

const WAIT_MS_MAX = patient(10_000);
const TEST_MS_MAX = patient(60_000);

const ends: (() => void)[] = [];

afterEach(() => {
  for (const end of ends.splice(0).reverse()) end();
});

const libc = (() => {
  const opened = openLibc();
  if (!opened.ok) throw new Error(opened.error.detail);
  return opened.value;
})();

test(
  "a holder keeps them over kill -9: no port is closed, what was sent meanwhile is answered",
  async () => {
    const folder = await newFolder();
    const first = await startDaemon(folder, { RUNTIME_DIRECTORY: folder.path("") });
    const sender = startSender(NAT_PORT_OF(folder));
    await killed(first);
    await sender.sent(20);
    // The sender repeats nothing: the answer shows that the datagram has waited.
    sender.ask();
    await sender.sent(5);
    expect(sender.state()).toMatchObject({ refused: 0, answers: 0 });
    const second = await startDaemon(folder, { RUNTIME_DIRECTORY: folder.path("") });
    await until("the request is answered", () => sender.state().answers === 1);
    expect(sender.state().refused).toBe(0);
    // A farewell is the end of the holder, too.
    second.kill("SIGTERM");
    expect(await second.exited).toBe(0);
    await until("the port is closed", () => sender.state().refused > 0);
    expect(existsSync(folder.path("holder.json"))).toBe(false);
  },
  TEST_MS_MAX,
);

test(
  "without a holder the sender hears that the port is closed",
  async () => {
    const folder = await newFolder();
    const daemon = await startDaemon(folder, {});
    const sender = startSender(NAT_PORT_OF(folder));
    await sender.sent(5);
    expect(sender.state().refused).toBe(0);
    await killed(daemon);
    await until("the port is closed", () => sender.state().refused > 0);
  },
  TEST_MS_MAX,
);

test(
  "a service manager stores them, and passes them to the next process",
  async () => {
    const folder = await newFolder();
    const manager = openManager(libc, folder.path("notify"));
    ends.push(manager.close);
    const names = [`ike-127.0.0.1_${PORT_OF(folder)}`, `ike-127.0.0.1_${NAT_PORT_OF(folder)}`];
    const first = await startDaemon(folder, { NOTIFY_SOCKET: folder.path("notify") });
    await until("both are stored", () => manager.store.size === 2);
    expect([...manager.store.keys()]).toEqual(names);
    expect(manager.heard.find((text) => text.startsWith("FDSTORE=1"))).toBe(
      `FDSTORE=1\nFDNAME=${names[0]}\nFDPOLL=0`,
    );
    const sender = startSender(NAT_PORT_OF(folder));
    await killed(first);
    await sender.sent(20);
    sender.ask();
    const second = await startDaemon(folder, { NOTIFY_SOCKET: folder.path("notify") }, manager);
    await until("the request is answered", () => sender.state().answers === 1);
    expect(sender.state().refused).toBe(0);
    // They are in the store already.
    expect(manager.heard.filter((text) => text.startsWith("FDSTORE"))).toHaveLength(2);
    second.kill("SIGTERM");
    expect(await second.exited).toBe(0);
    await until("nothing is stored", () => manager.store.size === 0);
  },
  TEST_MS_MAX,
);

test(
  "what the present configuration does not want is closed, what is new is opened and kept",
  async () => {
    const folder = await newFolder();
    const manager = openManager(libc, folder.path("notify"));
    ends.push(manager.close);
    const first = await startDaemon(folder, { NOTIFY_SOCKET: folder.path("notify") });
    await until("both are stored", () => manager.store.size === 2);
    await killed(first);
    const text = readFileSync(folder.config, "utf8");
    writeFileSync(folder.config, text.replace('listen = ["127.0.0.1"]', 'listen = ["127.0.0.2"]'));
    const sender = startSender(NAT_PORT_OF(folder));
    await startDaemon(folder, { NOTIFY_SOCKET: folder.path("notify") }, manager);
    const names = [`ike-127.0.0.2_${PORT_OF(folder)}`, `ike-127.0.0.2_${NAT_PORT_OF(folder)}`];
    await until("others are stored", () => [...manager.store.keys()].join() === names.join());
    await until("the former port is closed", () => sender.state().refused > 0);
  },
  TEST_MS_MAX,
);

test(
  "an entry that is there twice is one holder: its sockets are used, and it ends",
  async () => {
    const folder = await newFolder();
    const first = await startDaemon(folder, { RUNTIME_DIRECTORY: folder.path("") });
    const former = holdersOf(folder);
    await killed(first);
    const second = await startDaemon(folder, { RUNTIME_DIRECTORY: folder.path("") });
    const [next] = JSON.parse(readFileSync(folder.path("holder.json"), "utf8"));
    expect(former).not.toContain(next.pid);
    const sender = startSender(NAT_PORT_OF(folder));
    await sender.sent(2);
    await killed(second);
    writeFileSync(folder.path("holder.json"), JSON.stringify([next, { ...next }]), { mode: 0o600 });
    await startDaemon(folder, { RUNTIME_DIRECTORY: folder.path("") });
    await sender.sent(10);
    expect(sender.state().refused).toBe(0);
    expect(holdersOf(folder)).not.toContain(next.pid);
    await until("the former holder has ended", () => !existsSync(`/proc/${next.pid}`));
  },
  TEST_MS_MAX,
);

test(
  "a second erouted with the same folder takes nothing from the first",
  async () => {
    const folder = await newFolder();
    await startDaemon(folder, { RUNTIME_DIRECTORY: folder.path("") });
    const holder = readFileSync(folder.path("holder.json"), "utf8");
    const second = spawnDaemon(folder, { RUNTIME_DIRECTORY: folder.path("") });
    expect(await second.exited).toBe(1);
    const log = await new Response(second.stdout).text();
    expect(log).toMatch(/nothing is kept for the next start: .*: another erouted uses it/);
    expect(log).toMatch(/bind 127\.0\.0\.1:\d+: EADDRINUSE/);
    expect(readFileSync(folder.path("holder.json"), "utf8")).toBe(holder);
  },
  TEST_MS_MAX,
);

test(
  "a file that others may write is not believed",
  async () => {
    const folder = await newFolder();
    const bystander = Bun.spawn(["sleep", "60"]);
    ends.push(() => bystander.kill("SIGKILL"));
    const began = Number(readFileSync(`/proc/${bystander.pid}/stat`, "utf8").split(" ")[21]);
    const entry = JSON.stringify([{ pid: bystander.pid, began, sockets: 1 }]);
    writeFileSync(folder.path("holder.json"), entry, { mode: 0o606 });
    Bun.spawnSync(["chmod", "606", folder.path("holder.json")]);
    await startDaemon(folder, { RUNTIME_DIRECTORY: folder.path("") });
    expect(bystander.exitCode).toBe(null);
    expect(holdersOf(folder)).not.toContain(bystander.pid);
  },
  TEST_MS_MAX,
);

const ports = new Map<Folder, number>();
const PORT_OF = (folder: Folder) => ports.get(folder) ?? 0;
const NAT_PORT_OF = (folder: Folder) => PORT_OF(folder) + 1;

/** With ports of its own: a kept socket keeps its port. */
async function newFolder(): Promise<Folder> {
  const port = await freeUdpPorts();
  const changes = [
    [String(IKE_PORT), String(port)],
    [`nat_port = ${NAT_PORT}`, `nat_port = ${port + 1}`],
    ['"127.0.0.1:18080"', '"off"'],
  ] as const;
  const folder = createFolder(...changes);
  ports.set(folder, port);
  ends.push(folder.dispose, () => endHolderOf(folder));
  return folder;
}

function holdersOf(folder: Folder): readonly number[] {
  const entries = JSON.parse(readFileSync(folder.path("holder.json"), "utf8"));
  return entries.map(({ pid }: { pid: number }) => pid);
}

/** A test that fails leaves no process behind. */
function endHolderOf(folder: Folder): void {
  if (!existsSync(folder.path("holder.json"))) return;
  for (const pid of holdersOf(folder)) {
    const file = `/proc/${pid}/cmdline`;
    const isHolder = existsSync(file) && readFileSync(file, "utf8").includes("sleep 120");
    const isSleep = existsSync(file) && readFileSync(file, "utf8").startsWith("sleep\x0a0");
    if (isHolder || isSleep) process.kill(pid, "SIGKILL");
  }
}

type Environment = Readonly<Record<string, string>>;

/** With what a manager has stored, as systemd starts a service. */
function spawnDaemon(folder: Folder, environment: Environment, manager?: Manager) {
  const run = [process.execPath, "src/main.ts", "run", "--config", folder.config];
  const script = `LISTEN_PID=$$ exec "$@"`;
  const passed = {
    LISTEN_FDS: String(manager?.store.size ?? 0),
    LISTEN_FDNAMES: [...(manager?.store.keys() ?? [])].join(":"),
  };
  const { RUNTIME_DIRECTORY: _, NOTIFY_SOCKET: __, ...env } = process.env;
  const daemon = Bun.spawn(["sh", "-c", script, "sh", ...run], {
    env: { ...env, ...environment, ...(manager === undefined ? {} : passed) },
    stdio: ["ignore", "pipe", "inherit", ...(manager?.store.values() ?? [])],
  });
  ends.push(() => daemon.kill("SIGKILL"));
  return daemon;
}

async function startDaemon(folder: Folder, environment: Environment, manager?: Manager) {
  const daemon = spawnDaemon(folder, environment, manager);
  const reader = daemon.stdout.getReader();
  let log = "";
  while (!log.includes(" ready: ")) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`erouted does not start:\n${log}`);
    log += new TextDecoder().decode(value);
  }
  return daemon;
}

async function killed(daemon: Bun.Subprocess): Promise<void> {
  daemon.kill("SIGKILL");
  await daemon.exited;
}

/**
 * Sends a NAT keepalive every 10 ms from a connected socket, so that it hears of closed ports; for
 * a line of input, a request of a version of IKE that is too new, which is answered.
 */
function startSender(port: number) {
  const child = Bun.spawn(["python3", "-u", "-c", SENDER, String(port)], {
    ...{ stdin: "pipe", stdout: "pipe", stderr: "inherit" },
  });
  ends.push(() => child.kill("SIGKILL"));
  let state = { sent: 0, refused: 0, answers: 0 };
  const read = async () => {
    let text = "";
    for await (const piece of child.stdout) {
      text += new TextDecoder().decode(piece);
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      const last = lines.at(-1);
      if (last !== undefined) state = JSON.parse(last);
    }
  };
  void read();
  return {
    state: () => state,
    ask() {
      child.stdin.write("\n");
      child.stdin.flush();
    },
    /** Waits until it has sent so many more. */
    async sent(more: number): Promise<void> {
      const enough = state.sent + more;
      await until("the sender sends", () => state.sent >= enough);
    },
  };
}

const SENDER = `
import json, select, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("127.0.0.1", int(sys.argv[1])))
marker, spis = bytes(4), bytes(7) + b"\\x01" + bytes(8)
request = marker + spis + bytes([0, 0x30, 34, 8]) + bytes(4) + (28).to_bytes(4, "big")
state = {"sent": 0, "refused": 0, "answers": 0}
while True:
    ready = select.select([s, sys.stdin], [], [], 0.01)[0]
    try:
        if s in ready and len(s.recv(2048)) > 4: state["answers"] += 1
    except ConnectionRefusedError: state["refused"] += 1
    try:
        s.send(request if sys.stdin in ready and sys.stdin.readline() else b"\\xff")
        state["sent"] += 1
    except ConnectionRefusedError: state["refused"] += 1
    print(json.dumps(state))
`;

async function until(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + WAIT_MS_MAX;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not within ${WAIT_MS_MAX} ms: ${what}`);
    await Bun.sleep(5);
  }
}
