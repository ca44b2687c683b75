/** The packages: their contents, that they run on arm64 and musl, the service under systemd. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "../../package.json";
import { patient } from "../patience.ts";
import { handshakes } from "./handshake.ts";
import {
  configureMachine,
  installPackage,
  type Machine,
  makeNextVersion,
  TOKEN,
} from "./service.ts";

setDefaultTimeout(patient(60_000));

const PACKAGES = "build/out/packages";
const folder = mkdtempSync(join(tmpdir(), "erouted-packages-"));

/** How programs for each architecture are run here; foreign ones in qemu, with Debian's libc. */
const RUNNERS = { amd64: [], arm64: ["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu"] };
type Architecture = keyof typeof RUNNERS;
const ARCHITECTURES = ["amd64", "arm64"] as const;

const deb = (arch: Architecture) => `${PACKAGES}/erouted_${packageJson.version}_${arch}.deb`;
const unpacked = (arch: Architecture, path: string) => join(folder, arch, path);
const erouted = (arch: Architecture) => [...RUNNERS[arch], unpacked(arch, "usr/bin/erouted")];

function run(command: readonly string[]) {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command]);
  return { code: exitCode, out: stdout.toString(), err: stderr.toString() };
}

beforeAll(() => {
  const made = ["COMPRESS=1", "build/packages.sh", "deb-x64", "deb-arm64", "x64-musl"];
  expect(run(["env", ...made])).toMatchObject({ code: 0 });
  for (const arch of ARCHITECTURES) {
    expect(run(["dpkg-deb", "--raw-extract", deb(arch), join(folder, arch)]).code).toBe(0);
  }
}, patient(300_000));

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

test.each(ARCHITECTURES)("%s: files, owners, modes and sums are as Debian requires", (arch) => {
  const { out } = run(["dpkg-deb", "--contents", deb(arch)]);
  const lines = out.trim().split("\n");
  expect(lines.filter((line) => !/ root\/root /.test(line))).toEqual([]);
  const modes = Object.fromEntries(lines.map((line) => [line.split(/\s+/)[5], line.slice(0, 10)]));
  expect(modes).toMatchObject({
    "./usr/bin/erouted": "-rwxr-xr-x",
    "./lib/systemd/system/erouted.service": "-rw-r--r--",
    "./etc/erouted/erouted.toml": "-rw-r--r--",
    "./usr/share/doc/erouted/copyright": "-rw-r--r--",
    "./usr/share/doc/erouted/THIRD-PARTY": "-rw-r--r--",
    "./usr/share/doc/erouted/quick-start.md": "-rw-r--r--",
    "./usr/share/doc/erouted/security.md": "-rw-r--r--",
    "./usr/share/doc/erouted/troubleshooting.md": "-rw-r--r--",
    "./usr/share/doc/erouted/changelog.gz": "-rw-r--r--",
    "./usr/share/man/man8/erouted.8.gz": "-rw-r--r--",
    "./usr/share/bash-completion/completions/erouted": "-rw-r--r--",
    "./usr/share/zsh/vendor-completions/_erouted": "-rw-r--r--",
    "./usr/share/fish/vendor_completions.d/erouted.fish": "-rw-r--r--",
  });
  // Nothing that others could write, and no set-user-ID files.
  expect(lines.filter((line) => /^.(.......w|..[sS]|.....[sS])/.test(line))).toEqual([]);
  expect(run(["dpkg-deb", "--field", deb(arch), "Architecture"]).out.trim()).toBe(arch);
  const sums = readFileSync(unpacked(arch, "DEBIAN/md5sums"), "utf8");
  expect(sums.split("\n").length - 1).toBe(
    lines.filter((line) => line.startsWith("-")).length - 1, // The conffile has none.
  );
  const check = Bun.spawnSync(["md5sum", "--quiet", "-c", "DEBIAN/md5sums"], {
    cwd: join(folder, arch),
  });
  expect([check.exitCode, check.stdout.toString()]).toEqual([0, ""]);
  expect(readFileSync(unpacked(arch, "DEBIAN/conffiles"), "utf8")).toBe(
    "/etc/erouted/erouted.toml\n",
  );
  for (const script of ["postinst", "prerm", "postrm"]) {
    expect(run(["sh", "-n", unpacked(arch, `DEBIAN/${script}`)])).toMatchObject({ code: 0 });
  }
});

test.each(ARCHITECTURES)("%s: the executable runs and accepts the configuration", (arch) => {
  expect(run([...erouted(arch), "--version"])).toMatchObject({
    ...{ code: 0, out: `${packageJson.version}\n` },
  });
  const config = unpacked(arch, "etc/erouted/erouted.toml");
  const checked = run([...erouted(arch), "check", "--offline", "--config", config]);
  expect([checked.code, checked.out]).toEqual([0, expect.stringMatching(/^ok {6}configuration /)]);
});

test("each bundled package has its licence in the package, and so has the runtime", () => {
  const text = readFileSync(unpacked("amd64", "usr/share/doc/erouted/THIRD-PARTY"), "utf8");
  for (const name of Object.keys(packageJson.dependencies)) {
    expect(text).toMatch(new RegExp(`^${name} [0-9.]+ \\(.+\\)$`, "m"));
  }
  expect(text).toContain("Permission is hereby granted, free of charge");
  expect(text).toMatch(/^Bun [0-9.]+ \(MIT\)/m);
  expect(text).toContain("LGPL-2.1");
});

test("man and bash accept the package's files", () => {
  const page = run(["man", "-l", unpacked("amd64", "usr/share/man/man8/erouted.8.gz")]);
  expect([page.code, page.out]).toEqual([0, expect.stringContaining("erouted peers import")]);
  const script = unpacked("amd64", "usr/share/bash-completion/completions/erouted");
  const loaded = run(["bash", "--norc", "-c", `source ${script} && complete -p erouted`]);
  expect(loaded).toEqual({ code: 0, out: "complete -F _erouted erouted\n", err: "" });
});

test("systemd accepts the unit, and rates its exposure as low", () => {
  const unit = unpacked("amd64", "lib/systemd/system/erouted.service");
  // It is verified in its final place: the executable has to exist.
  const text = readFileSync(unit, "utf8");
  const here = join(folder, "erouted.service");
  writeFileSync(here, text.replaceAll("/usr/bin/erouted", unpacked("amd64", "usr/bin/erouted")));
  const verified = run(["systemd-analyze", "verify", "--man=no", here]);
  const ours = verified.err.split("\n").filter((line) => line.includes("erouted.service"));
  expect([verified.code, ours]).toEqual([0, []]);
  const security = run(["systemd-analyze", "security", "--offline=yes", "--threshold=25", here]);
  expect([security.code, security.out]).toEqual([
    0,
    expect.stringMatching(/exposure level .*: [12]\.\d OK/),
  ]);
});

test("OpenWrt: the service is procd's, the configuration is kept", () => {
  const root = unpackedTarball("openwrt-x64");
  // Stands for /etc/rc.common: shows what the script requests from procd.
  const common = join(folder, "rc.common");
  const procd = ["open_instance", "set_param", "close_instance", "send_signal"].map(
    (name) => `procd_${name}() { echo "${name} $*"; }\n`,
  );
  writeFileSync(common, `${procd.join("")}. "$1"\n"$2_service"\n`);
  const service = (command: string) =>
    run(["sh", common, join(root, "etc/init.d/erouted"), command]).out;
  expect(service("start")).toContain(
    "set_param command /usr/bin/erouted run --config /etc/erouted",
  );
  expect(service("start")).toMatch(/^open_instance[\s\S]*respawn[\s\S]*close_instance/);
  expect(service("reload")).toBe("send_signal erouted * HUP\n");
  expect(service("start")).toContain("set_param env RUNTIME_DIRECTORY=/var/run/erouted\n");
  // procd's own restart is a stop and a start, which says goodbye.
  const restart = `${procd.join("")}running() { true; }\n. "$1"\nrestart`;
  expect(run(["sh", "-c", restart, "sh", join(root, "etc/init.d/erouted")]).out).toBe(
    "send_signal erouted * USR2\n",
  );
  const kept = readFileSync(join(root, "lib/upgrade/keep.d/erouted"), "utf8");
  expect(kept.trim().split("\n")).toEqual(["/etc/erouted/"]);
  // /var is in memory there: rows in it would be lost at a restart.
  expect(readFileSync(join(root, "etc/erouted/erouted.toml"), "utf8")).not.toContain("/var/");
});

test("OpenWrt: what docs/packages.md unpacks is what its other commands call", () => {
  const root = join(folder, "device");
  mkdirSync(root);
  const [unpack = "", , call = ""] = shellBlock("## OpenWrt").split("\n");
  const here = unpack
    .replace(
      "erouted-VERSION-openwrt-arm64",
      `${PACKAGES}/erouted-${packageJson.version}-openwrt-x64`,
    )
    .replace(/ -C \/$/, ` -C ${root}`);
  expect(here).toEndWith(root);
  expect(run(["sh", "-c", here])).toEqual({ code: 0, out: "", err: "" });
  const [script = ""] = call.split(" ");
  expect(statSync(join(root, script)).mode & 0o111).toBe(0o111);
  expect(readFileSync(join(root, script), "utf8")).toStartWith("#!/bin/sh /etc/rc.common\n");
  expect(existsSync(join(root, "usr/bin/erouted"))).toBe(true);
});

test("the tarballs contain what docs/packages.md says, and SHA256SUMS matches", () => {
  const root = unpackedTarball("linux-x64-musl");
  for (const file of ["erouted", "erouted.service", "docs/erouted.8", "completion/erouted.fish"]) {
    expect([file, existsSync(join(root, file))]).toEqual([file, true]);
  }
  const sums = Bun.spawnSync(["sha256sum", "--quiet", "-c", "SHA256SUMS"], { cwd: PACKAGES });
  expect([sums.exitCode, sums.stderr.toString()]).toEqual([0, ""]);
});

test("with musl the executable runs, and reads a table", () => {
  const erouted = musl();
  expect(run([...erouted, "--version"]).out).toBe(`${packageJson.version}\n`);
  const config = join(folder, "musl.toml");
  const table = `[[egroup]]\nname = "sites"\ndatabase = "sqlite:${join(folder, "peers.db")}"\n`;
  writeFileSync(config, table);
  expect(run([...erouted, "peers", "init", "--config", config]).code).toBe(0);
  const checked = run([...erouted, "check", "--config", config]);
  expect(checked.out).toMatch(/^ok {6}database of egroup sites: .* answered in/m);
});

test("arm64 answers amd64 and musl; all are killed, and go on with their SAs", async () => {
  const answering = { name: "arm64", command: erouted("arm64") };
  const calling = [
    { name: "amd64", command: erouted("amd64") },
    { name: "musl", command: musl() },
  ];
  const { exits, logs, nextLogs } = await handshakes(folder, answering, calling);
  expect(exits).toEqual([0, 0, 0]);
  for (const { name } of [answering, ...calling]) {
    expect([name, logs[name]]).toEqual([name, expect.stringContaining(" ok child-sa-up: ")]);
    const sites = name === answering.name ? calling.length : 1;
    const words = `taken over ${sites} of ${sites} from the run before`;
    expect([name, nextLogs[name]]).toEqual([name, expect.stringContaining(words)]);
    expect([name, nextLogs[name]]).not.toEqual([name, expect.stringContaining("child-sa-up")]);
  }
});

describe("the Debian package on a machine with systemd", () => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await installPackage(deb("amd64"));
  }, patient(60_000));
  afterAll(() => machine?.systemd.stop());

  test("installed, it starts nothing, and has a user and places of its own", () => {
    const { systemd, must } = machine;
    expect(systemd.run("systemctl is-enabled erouted").out).toBe("disabled\n");
    expect(systemd.run("systemctl is-active erouted").out).toBe("inactive\n");
    expect(must("stat -c '%U:%G %a %n' /etc/erouted /var/lib/erouted")).toBe(
      "root:erouted 2750 /etc/erouted\nerouted:erouted 700 /var/lib/erouted\n",
    );
    expect(must("getent passwd erouted")).toEndWith(":/var/lib/erouted:/usr/sbin/nologin\n");
  });

  test("the service is its own user with two capabilities, and serves", () => {
    const { must, pid } = machine;
    configureMachine(machine);
    // Check, start and reload, as in the document.
    const lines = shellBlock("## Debian").split("\n");
    const commands = lines.map((line) => line.replace(/\s+#.*/, ""));
    expect(commands).toContain("systemctl enable --now erouted");
    for (const command of commands) must(command);
    const status = must(`cat /proc/${pid()}/status`);
    const user = must("id -u erouted").trim();
    expect(status).toMatch(new RegExp(`^Uid:(\t${user}){4}$`, "m"));
    // CAP_NET_ADMIN is 12, CAP_NET_BIND_SERVICE is 10.
    for (const set of ["Inh", "Prm", "Eff", "Bnd", "Amb"]) {
      expect(status).toContain(`Cap${set}:\t0000000000001400\n`);
    }
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
    const ports = must("ss -Huln").split(/\s+/);
    expect(ports).toEqual(expect.arrayContaining(["127.0.0.1:500", "127.0.0.1:4500"]));
    const authorization = `-H 'Authorization: Bearer ${TOKEN}'`;
    expect(must(`curl -s ${authorization} 127.0.0.1:8080/healthz`)).toBe('{"status":"ok"}');
    const inside = `nsenter --target ${pid()} --mount`;
    expect(machine.systemd.run(`${inside} touch /etc/erouted/x`).err).toContain("Read-only");
    must(`${inside} touch /var/lib/erouted/x`);
  });

  test("systemd reloads it, and the journal has its lines with their priorities", async () => {
    const { must, pid, says } = machine;
    const before = pid();
    must("sed -i 's/site-\\*/shop-*/' /etc/erouted/erouted.toml && systemctl reload erouted");
    expect(pid()).toBe(before);
    const lines = await says(
      "journalctl -u erouted -o json --output-fields=MESSAGE,PRIORITY",
      /"daemon ok reloaded: /,
    );
    const told = lines
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const priorityOf = (text: string) =>
      told.find(({ MESSAGE }) => MESSAGE.startsWith(text))?.PRIORITY;
    expect(priorityOf("daemon no-dataplane: ")).toBe("4");
    expect(priorityOf("daemon ready: IKE on 127.0.0.1:500")).toBe("6");
    expect(priorityOf("daemon ok reloaded: ")).toBe("6");
  });

  test("when it hangs, the watchdog restarts it", async () => {
    const { must, pid, restarted, says } = machine;
    const hanging = pid();
    must(`kill -STOP ${hanging}`);
    await restarted(hanging);
    const why = /Watchdog timeout/;
    expect(await says("journalctl -u erouted", why)).toMatch(why);
  });

  test("an update restarts it and keeps the configuration, faulty or not", async () => {
    const { must, pid, restarted, systemd } = machine;
    makeNextVersion(machine);
    const before = pid();
    must("dpkg --force-confold -i /mnt/next.deb");
    await restarted(before);
    expect(must("head -1 /etc/erouted/erouted.toml")).toBe("# of this machine\n");
    expect(must("tail -1 /etc/erouted/erouted.toml.dpkg-dist")).toBe("# of the next version\n");
    must("echo 'wrong =' >>/etc/erouted/erouted.toml");
    must("dpkg --force-confold -i /mnt/erouted.deb");
    expect(must("dpkg -s erouted")).toContain("Status: install ok installed\n");
    expect(systemd.run("erouted check --offline").code).toBe(78);
    must("sed -i '$d' /etc/erouted/erouted.toml && systemctl restart erouted");
  });

  test("removed, it is stopped, and its rows stay; purged, nothing of it stays", () => {
    const { must, systemd } = machine;
    must("dpkg -r erouted");
    expect(systemd.run("systemctl is-active erouted").out).toBe("inactive\n");
    expect(must("find /etc/systemd/system -name '*erouted*'")).toBe("");
    must("test -s /var/lib/erouted/peers.db && test -s /etc/erouted/erouted.toml");
    must("dpkg -P erouted");
    const left = "find /etc /usr /lib /var/lib -xdev -name 'erouted*' -not -path '*/systemd/*'";
    expect(must(left)).toBe("");
    expect(systemd.run("getent passwd erouted").code).toBe(2);
  });
});

/** The folder of a tarball. */
function unpackedTarball(of: string): string {
  const name = `erouted-${packageJson.version}-${of}`;
  const unpack = ["tar", "-xzf", `${PACKAGES}/${name}.tar.gz`, "-C", folder];
  expect(run(unpack)).toMatchObject({ code: 0, err: "" });
  return join(folder, name);
}

/** How the executable for musl is run here. */
function musl(): readonly string[] {
  const libraries = muslLibraries();
  const environment = [`LD_LIBRARY_PATH=${libraries}`, `LD_PRELOAD=${libraries}/shim.so`];
  return ["env", ...environment, join(unpackedTarball("linux-x64-musl"), "erouted")];
}

/**
 * musl's loader from Debian; the C++ library is Debian's, too, with the glibc functions that musl
 * lacks.
 */
function muslLibraries(): string {
  const libraries = join(folder, "musl");
  if (existsSync(libraries)) return libraries;
  mkdirSync(libraries);
  for (const name of ["libstdc++.so.6", "libgcc_s.so.1"]) {
    copyFileSync(`/usr/lib/x86_64-linux-gnu/${name}`, join(libraries, name));
  }
  const compile = (source: string, to: string) =>
    run(["gcc", "-shared", "-fPIC", "-nostdlib", "-O1", "-o", join(libraries, to), source]);
  writeFileSync(join(libraries, "empty.c"), "");
  expect(compile(join(libraries, "empty.c"), "ld-linux-x86-64.so.2")).toMatchObject({ code: 0 });
  expect(compile("test/real/musl-shim.c", "shim.so")).toMatchObject({ code: 0 });
  return libraries;
}

/** The first commands below a heading of docs/packages.md. */
function shellBlock(heading: string): string {
  const [, below = ""] = readFileSync("docs/packages.md", "utf8").split(`${heading}\n`);
  return /^```sh\n(.*?)^```/ms.exec(below)?.[1] ?? "";
}
