/** The router image in an emulated machine: its status from outside, and the way back to slot a. */

import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const IMAGE = "build/out/image";
const PORT = 40_000 + Math.floor(Math.random() * 20_000);
const TOKEN = "a-token-of-the-test-0123456789";
const folder = mkdtempSync(join(tmpdir(), "erouted-image-"));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What is on the data disk beside the executable; slot b holds what never works. */
function writeData(): void {
  mkdirSync(join(folder, "etc/erouted"), { recursive: true });
  mkdirSync(join(folder, "slots/b"), { recursive: true });
  const status = `[status]\nlisten = "0.0.0.0:8080"\ntoken_file = "/etc/erouted/status.token"\n`;
  writeFileSync(join(folder, "etc/erouted/erouted.toml"), status);
  writeFileSync(join(folder, "etc/erouted/status.token"), TOKEN);
  writeFileSync(join(folder, "slots/b/erouted"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  writeFileSync(join(folder, "trying"), "b\n");
}

function boot() {
  const command = [
    ...["qemu-system-x86_64", "-M", "q35,accel=tcg", "-cpu", "max", "-m", "768", "-nographic"],
    ...["-kernel", `${IMAGE}/vmlinuz`, "-initrd", `${IMAGE}/initramfs.gz`],
    ...["-append", "console=ttyS0 quiet panic=1"],
    ...["-drive", `file=${IMAGE}/data.ext4,if=virtio,format=raw`],
    ...["-netdev", `user,id=n,hostfwd=tcp:127.0.0.1:${PORT}-:8080`],
    ...["-device", "virtio-net-pci,netdev=n"],
  ];
  return Bun.spawn(command, { stdout: Bun.file(join(folder, "console")), stderr: "inherit" });
}

test("a slot that does not work is left, and the status of the other answers curl", async () => {
  writeData();
  const built = Bun.spawnSync(["build/image.sh"], { env: { ...process.env, DATA: folder } });
  expect(built.exitCode).toBe(0);
  const machine = boot();
  const url = `http://127.0.0.1:${PORT}/healthz`;
  const curl = ["curl", "-s", "-m", "2", "-H", `Authorization: Bearer ${TOKEN}`, url];
  let answer = "";
  for (let i = 0; i < 90 && answer === ""; i++) {
    answer = Bun.spawnSync(curl).stdout.toString();
    if (answer === "") await Bun.sleep(1_000);
  }
  machine.kill("SIGTERM");
  await machine.exited;
  const console = readFileSync(join(folder, "console"), "utf8");
  expect([answer, console]).toEqual(['{"status":"ok"}', expect.stringContaining("init: slot a")]);
  expect(console).toContain("init: slot b does not work, going back");
}, 200_000);
