/**
 * docs/quick-start.md word by word on a systemd with the Debian package; and what goes wrong there.
 */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import packageJson from "../../package.json";
import { until } from "./guest/hosts.ts";
import { installPackage, type Machine } from "./service.ts";

setDefaultTimeout(120_000);

const DEB = `build/out/packages/erouted_${packageJson.version}_amd64.deb`;
const CONFIG = "/etc/erouted/erouted.toml";

/** This machine has no ESP: everything else is as in the document. */
const WITHOUT_ESP = '[dataplane]\nkind = "none"\n';

let machine: Machine;

beforeAll(async () => {
  const made = Bun.spawnSync(["env", "COMPRESS=1", "build/packages.sh", "deb-x64"]);
  expect([made.exitCode, made.stderr.toString()]).toEqual([0, expect.any(String)]);
  machine = await installPackage(DEB);
}, 600_000);

afterAll(() => machine?.systemd.stop());

/** The blocks of the document in order: their kind, and their content. */
function blocks(): readonly { readonly kind: string; readonly text: string }[] {
  const text = readFileSync("docs/quick-start.md", "utf8");
  const found = [...text.matchAll(/^```(\w+)\n(.*?)^```/gms)];
  return found.map(([, kind = "", block = ""]) => ({ kind, text: block }));
}

function configure(text: string): void {
  machine.systemd.write(CONFIG, text);
}

function configured(): string {
  return machine.must(`cat ${CONFIG}`);
}

/** The complete command; it may fail. */
function said(command: string): { readonly code: number; readonly words: string } {
  const { code, out, err } = machine.systemd.run(command);
  return { code, words: out + err };
}

test("each block of docs/quick-start.md, as root and in order, ends in a running service", () => {
  const { must } = machine;
  const found = blocks();
  expect(found.map(({ kind }) => kind)).toEqual(["sh", "toml", "sh", "sh", "sh", "sh"]);
  for (const { kind, text } of found) {
    if (kind === "toml") configure(WITHOUT_ESP + text);
    else
      for (const line of text.trim().split("\n")) {
        const { code, words } = said(line);
        // The document's site has not called yet: 4.
        const mayBe = line.startsWith("erouted why ") ? [0, 4] : [0];
        expect([line, mayBe.includes(code) ? "" : words]).toEqual([line, ""]);
      }
  }
  expect(must("systemctl is-active erouted")).toBe("active\n");
  expect(must("stat -c '%U:%G %a' /etc/erouted/operate.token")).toBe("root:erouted 640\n");
  expect(must("stat -c '%U:%G' /var/lib/erouted/peers.db")).toBe("erouted:erouted\n");
  expect(must("erouted status")).not.toContain("PROBLEM");
  expect(must("systemctl show -p NRestarts --value erouted")).toBe("0\n");
});

test("its memory is in no core file, and no other process of its user may read it", () => {
  const { must, pid } = machine;
  expect(must(`cat /proc/${pid()}/limits`)).toMatch(/^Max core file size +0 +0 /m);
  // The kernel gives the files of such a process to root.
  expect(must(`stat -c %U /proc/${pid()}/mem`)).toBe("root\n");
});

test("check as root checks like the service, and says how to fix unreadable files", () => {
  const { must } = machine;
  expect(must("erouted check")).toContain("ok      user: files are opened as erouted, as the ser");
  must("chown root:root /etc/erouted/operate.token && chmod 600 /etc/erouted/operate.token");
  const checked = said("erouted check");
  expect(checked.code).toBe(78);
  const [, command = ""] =
    /by erouted \(root:root, mode 600\): (chgrp .*?);/.exec(checked.words) ?? [];
  expect(command).toBe(
    "chgrp erouted /etc/erouted/operate.token && chmod 640 /etc/erouted/operate.token",
  );
  expect(said("erouted check --offline --as root").code).toBe(0);
  expect(said("erouted check --as nobody-at-all").words).toContain(
    "there is no user nobody-at-all",
  );
  must(command);
  expect(said("erouted check").code).toBe(0);
  must("chown root:root /var/lib/erouted/peers.db");
  expect(said("erouted check").words).toMatch(/FAILED {2}database of egroup sites: .*permission/);
  must("chown erouted:erouted /var/lib/erouted/peers.db");
});

test("systemctl reload fails when the file is refused, and the service runs on", async () => {
  const { must, pid, says } = machine;
  const before = pid();
  const whole = `${configured()}# end\n`;
  configure(whole);
  must("systemctl reload erouted");
  const refusals: readonly (readonly [string, () => void, RegExp])[] = [
    ["empty", () => configure(""), /is empty, or cut off/],
    ["a faulty key", () => configure(whole.replace("peerid", "peer")), /eroute\[0\]\.peer /],
    ["cut off", () => configure(whole.replace("# end\n", "")), /its last line is not "# end"/],
    ["a FIFO", () => void must(`rm -f ${CONFIG} && mkfifo ${CONFIG}`), /is not a regular file/],
  ];
  for (const [what, write, why] of refusals) {
    write();
    expect([what, said("systemctl reload erouted").code]).toEqual([what, 1]);
    expect(await says("journalctl -u erouted -n 30 -o cat", why)).toMatch(why);
    expect([must("systemctl is-active erouted"), pid()]).toEqual(["active\n", before]);
    must(`rm -f ${CONFIG}`);
  }
  configure(whole);
  must("systemctl reload erouted");
  expect(pid()).toBe(before);
});

test("check beside the service is a test before a reload", () => {
  const { must } = machine;
  const checked = must("erouted check");
  expect(checked).toMatch(/^ok {6}reload: a reload would close no site$/m);
  expect(checked).not.toContain("FAILED");
});

test("a faulty configuration ends the service at once, and its status says why", async () => {
  const { must, says } = machine;
  const whole = configured();
  configure(whole.replace("peerid", "peer"));
  expect(said("systemctl restart erouted").code).not.toBe(0);
  await until("it has failed", async () => said("systemctl is-failed erouted").code === 0);
  configure(whole);
  const ended = /status=78\/CONFIG/;
  const words = await says("systemctl status erouted", ended);
  expect(words).toMatch(ended);
  expect(words).toMatch(/eroute\[0\]\.peer is not a known key/);
  expect(must("systemctl show -p NRestarts --value erouted")).toBe("0\n");
  must("systemctl reset-failed erouted; systemctl start erouted");
});

test("a service that fails again and again is given up, and its status says why", async () => {
  const { must, says } = machine;
  // Whatever the test before this one left.
  must("systemctl reset-failed erouted; systemctl start erouted; systemctl stop erouted");
  const hold = "import socket,time; s=socket.socket(2,2); s.bind(('0.0.0.0',500)); time.sleep(600)";
  must(`systemd-run --unit=holder --collect python3 -c "${hold}"`);
  await until("the port is taken", async () => must("ss -Huln").includes(":500 "));
  said("systemctl start erouted");
  const isOver = async () =>
    must("systemctl show -p Result --value erouted").trim() !== "success" &&
    said("systemctl is-failed erouted").code === 0;
  await until("it is given up", isOver, 100_000);
  // The configuration is not at fault: the start was tried as often as the unit allows.
  expect(must("systemctl show -p NRestarts --value erouted")).toMatch(/^(9|10)\n$/);
  expect(await says("systemctl status erouted", /EADDRINUSE/)).toContain("EADDRINUSE");
  must("systemctl stop holder");
  must("systemctl reset-failed erouted; systemctl start erouted");
});
