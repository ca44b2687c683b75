/** The Debian packages: what is in them, that systemd takes the unit, and that arm64 runs. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "../../package.json";

setDefaultTimeout(60_000);

const PACKAGES = "build/out/packages";
const folder = mkdtempSync(join(tmpdir(), "erouted-packages-"));

/** How programs of each architecture are run here; foreign ones in qemu, with Debian's libc. */
const RUNNERS = { amd64: [], arm64: ["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu"] };
type Architecture = keyof typeof RUNNERS;
const ARCHITECTURES = ["amd64", "arm64"] as const;

const deb = (arch: Architecture) => `${PACKAGES}/erouted_${packageJson.version}_${arch}.deb`;
const unpacked = (arch: Architecture, path: string) => join(folder, arch, path);
const erouted = (arch: Architecture) => [...RUNNERS[arch], unpacked(arch, "usr/bin/erouted")];

/** Each side of the handshake is a host of its own. */
const namespace = (arch: Architecture) => `erouted-${arch}-${process.pid}`;
const HOSTS = { arm64: "198.51.100.1", amd64: "198.51.100.2" };

function connectHosts(): void {
  const [one, other] = ARCHITECTURES.map(namespace);
  const steps = [
    ...ARCHITECTURES.map((arch) => `netns add ${namespace(arch)}`),
    `link add eth0 netns ${one} type veth peer name eth0 netns ${other}`,
    ...ARCHITECTURES.flatMap((arch) => [
      `-n ${namespace(arch)} address add ${HOSTS[arch]}/24 dev eth0`,
      `-n ${namespace(arch)} link set eth0 up`,
    ]),
  ];
  for (const step of steps) expect([step, run(["ip", ...step.split(" ")]).err]).toEqual([step, ""]);
}

function run(command: readonly string[]) {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command]);
  return { code: exitCode, out: stdout.toString(), err: stderr.toString() };
}

beforeAll(() => {
  expect(run(["build/packages.sh", "deb-x64", "deb-arm64"])).toMatchObject({ code: 0 });
  for (const arch of ARCHITECTURES) {
    expect(run(["dpkg-deb", "--raw-extract", deb(arch), join(folder, arch)]).code).toBe(0);
  }
}, 300_000);

afterAll(() => {
  for (const arch of ARCHITECTURES) run(["ip", "netns", "delete", namespace(arch)]);
  rmSync(folder, { recursive: true, force: true });
});

test.each(ARCHITECTURES)("%s: files, owners, modes and sums are as Debian wants them", (arch) => {
  const { out } = run(["dpkg-deb", "--contents", deb(arch)]);
  const lines = out.trim().split("\n");
  expect(lines.filter((line) => !/ root\/root /.test(line))).toEqual([]);
  const modes = Object.fromEntries(lines.map((line) => [line.split(/\s+/)[5], line.slice(0, 10)]));
  expect(modes).toMatchObject({
    "./usr/bin/erouted": "-rwxr-xr-x",
    "./lib/systemd/system/erouted.service": "-rw-r--r--",
    "./etc/erouted/erouted.toml": "-rw-r--r--",
    "./usr/share/doc/erouted/copyright": "-rw-r--r--",
    "./usr/share/doc/erouted/changelog.gz": "-rw-r--r--",
    "./usr/share/man/man8/erouted.8.gz": "-rw-r--r--",
    "./usr/share/bash-completion/completions/erouted": "-rw-r--r--",
    "./usr/share/zsh/vendor-completions/_erouted": "-rw-r--r--",
    "./usr/share/fish/vendor_completions.d/erouted.fish": "-rw-r--r--",
  });
  // Nothing that others could write, nothing that gives rights away.
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

test("man and bash take what the package has for them", () => {
  const page = run(["man", "-l", unpacked("amd64", "usr/share/man/man8/erouted.8.gz")]);
  expect([page.code, page.out]).toEqual([0, expect.stringContaining("erouted peers import")]);
  const script = unpacked("amd64", "usr/share/bash-completion/completions/erouted");
  const loaded = run(["bash", "--norc", "-c", `source ${script} && complete -p erouted`]);
  expect(loaded).toEqual({ code: 0, out: "complete -F _erouted erouted\n", err: "" });
});

test("systemd takes the unit, and counts little that is open", () => {
  const unit = unpacked("amd64", "lib/systemd/system/erouted.service");
  // It is verified where it will be: the executable has to be there.
  const text = readFileSync(unit, "utf8");
  const here = join(folder, "erouted.service");
  writeFileSync(here, text.replace("/usr/bin/erouted", unpacked("amd64", "usr/bin/erouted")));
  const verified = run(["systemd-analyze", "verify", "--man=no", here]);
  const ours = verified.err.split("\n").filter((line) => line.includes("erouted.service"));
  expect([verified.code, ours]).toEqual([0, []]);
  const security = run(["systemd-analyze", "security", "--offline=yes", "--threshold=25", here]);
  expect([security.code, security.out]).toEqual([
    0,
    expect.stringMatching(/exposure level .*: [12]\.\d OK/),
  ]);
});

test("arm64 and amd64 make IKE and Child SA with each other, without a dataplane", async () => {
  writeFileSync(join(folder, "key"), "a pre-shared key of the test\n", { mode: 0o600 });
  connectHosts();
  const sides = { arm64: configOf("arm64", "amd64"), amd64: configOf("amd64", "arm64") };
  const commandOf = (arch: Architecture) => ["run", "--config", sides[arch]];
  const daemons = ARCHITECTURES.toReversed().map((arch) =>
    Bun.spawn(["ip", "netns", "exec", namespace(arch), ...erouted(arch), ...commandOf(arch)], {
      stdout: Bun.file(join(folder, `${arch}.log`)),
      stderr: "ignore",
    }),
  );
  const logOf = (arch: Architecture) => {
    const file = join(folder, `${arch}.log`);
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  };
  const isUp = (arch: Architecture) => / ok child-sa-up: /.test(logOf(arch));
  for (let i = 0; i < 300 && !ARCHITECTURES.every(isUp); i++) await Bun.sleep(100);
  for (const daemon of daemons) daemon.kill("SIGTERM");
  expect(await Promise.all(daemons.map((daemon) => daemon.exited))).toEqual([0, 0]);
  expect(ARCHITECTURES.map((arch) => [arch, isUp(arch), logOf(arch)])).toEqual(
    ARCHITECTURES.map((arch) => [arch, true, expect.any(String)]),
  );
});

/** amd64 calls, arm64 answers. */
function configOf(own: Architecture, other: Architecture): string {
  const number = { arm64: 1, amd64: 2 };
  const file = join(folder, `${own}.toml`);
  const text = `
[ike]
listen = ["${HOSTS[own]}"]
[dataplane]
kind = "none"
[status]
listen = "off"
[log]
level = "debug"
[[eroute]]
name = "other"
peerid = "${other}"
ourid = "${own}"
peerip = "${HOSTS[other]}"
start = "${own === "amd64" ? "always" : "never"}"
local_subnet = "10.${number[own]}.0.0/16"
remote_subnet = "10.${number[other]}.0.0/16"
[[user]]
name = "${other}"
password_file = "${join(folder, "key")}"
`;
  writeFileSync(file, text);
  return file;
}
