/**
 * The service under systemd: a restart, a crash and an update leave the IKE sockets open and say
 * goodbye to nobody; a stop does. A sender hears from the kernel if a port is closed.
 */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import packageJson from "../../package.json";
import { patient } from "../patience.ts";
import { until } from "./guest/hosts.ts";
import { configureMachine, installPackage, type Machine, makeNextVersion } from "./service.ts";

setDefaultTimeout(patient(60_000));

const DEB = `build/out/packages/erouted_${packageJson.version}_amd64.deb`;

let machine: Machine;
let inode: string;

beforeAll(async () => {
  const made = Bun.spawnSync(["env", "COMPRESS=1", "build/packages.sh", "deb-x64"]);
  expect([made.exitCode, made.stderr.toString()]).toEqual([0, expect.any(String)]);
  machine = await installPackage(DEB);
  configureMachine(machine);
  machine.must("systemctl start erouted");
  machine.systemd.write("/mnt/sender.py", SENDER);
  machine.must("systemd-run --quiet --unit=sender python3 -u /mnt/sender.py /mnt/sent");
  await until("the sender sends", async () => sent() > 0);
  inode = inodeOfNatPort();
}, patient(600_000));

afterAll(() => machine?.systemd.stop());

/** NAT keepalives, one every 10 ms, and what the kernel said. */
const SENDER = `
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("127.0.0.1", 4500))
sent = refused = 0
while True:
    try:
        s.send(b"\\xff")
        sent += 1
    except ConnectionRefusedError: refused += 1
    open(sys.argv[1], "w").write(f"{sent} {refused} ")
    time.sleep(0.01)
`;

/** It claims to be a later version, and ends at once. */
const BAD = `#!/bin/sh
case $1 in --version) echo 99.0.0;; check) exit 0;; *) exit 1;; esac
`;

function counts(): readonly number[] {
  const [sent = "0", refused = "0"] = machine.systemd.run("cat /mnt/sent").out.split(" ");
  return [Number(sent), Number(refused)];
}

const sent = () => counts()[0] ?? 0;

/** Waits for some more datagrams; returns how many were refused so far. */
async function refused(): Promise<number> {
  const enough = sent() + 20;
  await until("the sender sends", async () => sent() > enough);
  return counts()[1] ?? 0;
}

function inodeOfNatPort(): string {
  return /ino:(\d+)/.exec(machine.must("ss -Hulne sport = 4500"))?.[1] ?? "";
}

const farewells = () => machine.systemd.run("journalctl -u erouted -g 'closing the sites'").code;

/** Two sockets on each address of this machine. */
const stored = () => machine.must("systemctl show -p NFileDescriptorStore --value erouted").trim();

test("systemd has the sockets in its store", () => {
  const open = machine.must("ss -Huln '( sport = 500 or sport = 4500 )'").trim().split("\n");
  expect(open.length).toBeGreaterThanOrEqual(2);
  expect(stored()).toBe(String(open.length));
});

test.each([
  ["systemctl restart erouted"],
  ["systemctl kill -s KILL erouted"],
  ["systemctl kill -s USR2 erouted"],
])("%s: the same sockets, without a farewell", async (command) => {
  const { must, pid, restarted } = machine;
  const [before, sockets] = [pid(), stored()];
  must(command);
  await restarted(before);
  expect(await refused()).toBe(0);
  expect(inodeOfNatPort()).toBe(inode);
  expect(stored()).toBe(sockets);
  expect(farewells()).toBe(1); // none found
});

test("erouted upgrade: another executable, and back from one that does not come up", async () => {
  const { must, systemd, pid } = machine;
  const started = pid();
  must("cp /usr/bin/erouted /mnt/erouted-next");
  expect(must("erouted upgrade /mnt/erouted-next")).toEndWith(`${packageJson.version} runs\n`);
  expect(pid()).not.toBe(started);
  const file = () => must("stat -c %i /usr/bin/erouted");
  const [good, running] = [file(), pid()];
  systemd.write("/mnt/bad", BAD);
  const refused99 = systemd.run("erouted upgrade /mnt/bad");
  expect([refused99.code, refused99.err]).toEqual([
    1,
    expect.stringContaining(`the former executable, ${packageJson.version}, runs again`),
  ]);
  expect(pid()).not.toBe(running);
  expect(file()).toBe(good);
  expect(await refused()).toBe(0);
  expect(inodeOfNatPort()).toBe(inode);
  expect(farewells()).toBe(1);
});

test("what is kept is private, and outlives the process", () => {
  expect(machine.must("stat -c '%U %a' /run/erouted/state")).toBe("erouted 600\n");
});

test("an update of the package restarts it without a farewell", async () => {
  const { must, pid, restarted } = machine;
  makeNextVersion(machine);
  const before = pid();
  must("dpkg --force-confold -i /mnt/next.deb");
  await restarted(before);
  expect(await refused()).toBe(0);
  expect(inodeOfNatPort()).toBe(inode);
  expect(farewells()).toBe(1);
});

test("a stop says goodbye, and closes the sockets", async () => {
  const { must } = machine;
  must("systemctl stop erouted");
  await until("the journal has its goodbye", async () => farewells() === 0);
  await until("the port is closed", async () => (counts()[1] ?? 0) > 0);
  expect(machine.systemd.run("ls /run/erouted").code).not.toBe(0);
  must("systemctl start erouted");
  expect(inodeOfNatPort()).not.toBe(inode);
});

test("the package removed: goodbye as well", async () => {
  const count = () =>
    machine.must("journalctl -u erouted -g 'closing the sites'").split("\n").length;
  const before = count();
  machine.must("dpkg -r erouted");
  await until("the journal has one more goodbye", async () => count() > before);
  expect(machine.systemd.run("ls /usr/bin/erouted*").code).not.toBe(0);
});
