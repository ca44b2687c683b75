/**
 * `erouted upgrade` is killed at each of its steps, or a step fails: an executable always has the
 * name, the daemon goes on, and the next upgrade puts in order what was left.
 */

import { afterEach, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import packageJson from "../../../package.json";
import { patient } from "../../patience.ts";
import type { Folder } from "./folder.ts";
import {
  BUILT,
  endDaemons,
  hasExecutable,
  recordOf,
  startDaemon,
  until,
  upgrade,
  upgradeCommand,
  writeProgram,
} from "./upgraded.ts";

const TEST_MS_MAX = patient(180_000);
const STRACE = Bun.which("strace") ?? "";
const canInject = hasExecutable && STRACE !== "";

afterEach(endDaemons);

const inodeOf = (file: string) => statSync(file).ino;
const left = (executable: string) =>
  ["new", "former", "refused"].filter((name) => existsSync(`${executable}.${name}`));

/** Each system call that changes a file, in order, and whether the new executable has the name. */
const STEPS = [
  { call: "fchmod,chmod,fchmodat", when: 1, isReplaced: false },
  { call: "fsync", when: 1, isReplaced: false },
  { call: "link,linkat", when: 1, isReplaced: false },
  { call: "rename,renameat,renameat2", when: 1, isReplaced: false },
  { call: "fsync", when: 2, isReplaced: true },
  { call: "kill", when: 1, isReplaced: true },
] as const;

/** Runs the upgrade; what is injected happens before the system call does. */
async function injected(command: readonly string[], call: string, what: string) {
  const inject = ["-qq", "-o", "/dev/null", "-e", `trace=${call}`, "-e", `inject=${call}:${what}`];
  const child = Bun.spawn([STRACE, ...inject, ...command], { stdio: ["ignore", "pipe", "pipe"] });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, signal: child.signalCode, out, err };
}

test.skipIf(!canInject)(
  "killed before any step: what has the name is whole, and the next upgrade finishes",
  async () => {
    const { folder, executable } = await startDaemon();
    const before = recordOf(folder);
    const runs = inodeOf(executable);
    for (const { call, when, isReplaced } of STEPS) {
      const ended = await injected(upgradeCommand(folder, BUILT), call, `signal=KILL:when=${when}`);
      expect([call, when, ended.signal]).toEqual([call, when, "SIGKILL"]);
      expect([call, inodeOf(executable) !== runs]).toEqual([call, isReplaced]);
      expect(statSync(executable).size).toBe(statSync(BUILT).size);
      if (isReplaced) expect(inodeOf(`${executable}.former`)).toBe(runs);
      // Nobody has disturbed the daemon.
      expect(recordOf(folder)).toEqual(before);
    }
    const done = await upgrade(folder, BUILT);
    expect(done.err).toContain(`an upgrade was ended halfway: ${packageJson.version} is put back`);
    expect([done.code, done.out]).toEqual([0, expect.stringContaining("runs\n")]);
    expect(inodeOf(`${executable}.former`)).toBe(runs);
    expect(left(executable)).toEqual(["former", "refused"]);
    expect(recordOf(folder).readyMs).toBeGreaterThan(before.readyMs);
  },
  TEST_MS_MAX,
);

test.skipIf(!canInject)(
  "a step that fails before the restart leaves all as it was, and says so",
  async () => {
    const { folder, executable } = await startDaemon();
    const before = [recordOf(folder), inodeOf(executable)] as const;
    for (const { call, when } of STEPS.slice(0, 5)) {
      const failed = await injected(
        upgradeCommand(folder, BUILT),
        call,
        `error=ENOSPC:when=${when}`,
      );
      expect([call, failed.code, failed.err]).toEqual([
        call,
        1,
        expect.stringMatching(/ENOSPC.*: nothing has been changed\n$/s),
      ]);
      expect([call, left(executable), inodeOf(executable)]).toEqual([call, [], before[1]]);
    }
    const mute = await injected(upgradeCommand(folder, BUILT), "kill", "error=EPERM:when=1");
    expect([mute.code, mute.err]).toEqual([1, expect.stringContaining("runs again")]);
    expect(inodeOf(executable)).toBe(before[1]);
    expect(recordOf(folder).readyMs).toBeGreaterThan(before[0].readyMs);
  },
  TEST_MS_MAX,
);

test.skipIf(!hasExecutable)(
  "killed while the new executable has its minute: the next upgrade puts the former one back",
  async () => {
    const { folder, executable } = await startDaemon();
    const before = [recordOf(folder), inodeOf(executable)] as const;
    const child = Bun.spawn(upgradeCommand(folder, writeProgram(folder, "exec sleep 600")), {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const isAsleep = () =>
      Bun.spawnSync(["cat", `/proc/${before[0].pid}/comm`]).stdout.toString() === "sleep\n";
    await until("the new program runs", isAsleep);
    // A connection that is lost does not end it, an end by force does.
    child.kill("SIGHUP");
    await Bun.sleep(200);
    expect(child.exitCode).toBe(null);
    child.kill("SIGKILL");
    await child.exited;
    rmSync(folder.path("next"));
    const done = await upgrade(folder, BUILT);
    expect(done.err).toContain(`an upgrade was ended halfway: ${packageJson.version} is put back`);
    expect([done.code, done.out]).toEqual([0, expect.stringContaining("runs\n")]);
    expect(inodeOf(`${executable}.former`)).toBe(before[1]);
  },
  TEST_MS_MAX,
);

test.skipIf(!canInject)(
  "killed while the former executable is put back: an executable has the name at every moment",
  async () => {
    for (const { call, when, isBack } of [
      { call: "link,linkat", when: 2, isBack: false },
      { call: "rename,renameat,renameat2", when: 2, isBack: false },
      { call: "fsync", when: 3, isBack: true },
    ]) {
      const { folder, executable } = await startDaemon();
      const former = inodeOf(executable);
      const program = writeProgram(folder, "exit 1");
      const ended = await injected(
        upgradeCommand(folder, program),
        call,
        `signal=KILL:when=${when}`,
      );
      expect([call, ended.signal]).toEqual([call, "SIGKILL"]);
      expect([call, existsSync(executable), inodeOf(executable) === former]).toEqual([
        call,
        true,
        isBack,
      ]);
      if (!isBack) expect(inodeOf(`${executable}.former`)).toBe(former);
    }
  },
  TEST_MS_MAX,
);

test.skipIf(!hasExecutable)(
  "without a place for the refused one, the former executable is put back all the same",
  async () => {
    const { folder, executable } = await startDaemon();
    const former = inodeOf(executable);
    mkdirSync(`${executable}.refused`);
    const done = await upgrade(folder, writeProgram(folder, "exit 1"));
    expect([done.code, done.err]).toEqual([1, expect.stringContaining("runs again")]);
    expect(inodeOf(executable)).toBe(former);
  },
  TEST_MS_MAX,
);

test.skipIf(!hasExecutable)(
  "where nothing runs after an upgrade that was killed, the message names the former executable",
  async () => {
    const { folder, executable, daemon } = await startDaemon();
    daemon.kill("SIGKILL");
    await daemon.exited;
    copyFileSync(executable, `${executable}.former`);
    chmodSync(`${executable}.former`, 0o755);
    const [, ...args] = upgradeCommand(folder, BUILT);
    const child = Bun.spawn([executable, ...args], { stdio: ["ignore", "ignore", "pipe"] });
    expect(await new Response(child.stderr).text()).toContain(`or move ${executable}.former back`);
    expect(await child.exited).toBe(1);
  },
  TEST_MS_MAX,
);

/** Starts what has the name, as a supervisor would, and says what it said. */
async function startAgain(
  folder: Folder,
  executable: string,
  isReady: boolean,
  under: readonly string[] = [],
) {
  rmSync(folder.path("run.json"), { force: true });
  const child = Bun.spawn([...under, executable, "run", "--config", folder.config], {
    env: { ...process.env, RUNTIME_DIRECTORY: folder.path(""), NOTIFY_SOCKET: "" },
    stdio: ["ignore", "ignore", Bun.file(folder.path("said"))],
  });
  if (isReady) await until("it is ready", () => existsSync(folder.path("run.json")));
  else await child.exited;
  return { child, said: readFileSync(folder.path("said"), "utf8") };
}

/** An upgrade that was killed right after the new executable had got the name. */
async function killedUpgrade() {
  const { folder, executable, daemon } = await startDaemon();
  const former = inodeOf(executable);
  await injected(upgradeCommand(folder, BUILT), "kill", "signal=KILL:when=1");
  daemon.kill("SIGKILL");
  await daemon.exited;
  expect(inodeOf(executable)).not.toBe(former);
  return { folder, executable, former };
}

test.skipIf(!canInject)(
  "nobody watches, and the new executable does not become ready: its next start puts back",
  async () => {
    const { folder, executable, former } = await killedUpgrade();
    // It is up, but for no longer than it takes to become ready.
    const first = await startAgain(folder, executable, true);
    expect([first.said, inodeOf(executable) === former]).toEqual(["", false]);
    first.child.kill("SIGKILL");
    await first.child.exited;
    const second = await startAgain(folder, executable, true);
    expect(second.said).toContain("its upgrade was ended halfway: the former one is put back");
    expect(inodeOf(executable)).toBe(former);
    expect(inodeOf(`/proc/${second.child.pid}/exe`)).toBe(former);
    expect(left(executable)).toEqual(["refused"]);
    expect(recordOf(folder)).toMatchObject({ pid: second.child.pid, executable });
    expect(existsSync(folder.path("proof.json"))).toBe(false);
  },
  TEST_MS_MAX,
);

test.skipIf(!canInject)(
  "a user who may not give names, as under systemd: the former executable runs as what it is",
  async () => {
    const { folder, executable, former } = await killedUpgrade();
    const first = await startAgain(folder, executable, true);
    first.child.kill("SIGKILL");
    await first.child.exited;
    const renamed = inodeOf(executable);
    const calls = "rename,renameat,renameat2,link,linkat";
    const paths = [executable, `${executable}.former`].flatMap((path) => ["-P", path]);
    const under = [STRACE, "-qq", "-o", "/dev/null", ...paths, "-e", `trace=${calls}`];
    const refused = [...under, "-e", `inject=${calls}:error=EACCES`];
    for (let start = 0; start < 2; start++) {
      const { said } = await startAgain(folder, executable, true, refused);
      expect(said).toContain(`the former one runs as ${executable}.former: `);
      const { pid } = recordOf(folder);
      expect([inodeOf(`/proc/${pid}/exe`), inodeOf(executable)]).toEqual([former, renamed]);
      process.kill(pid, "SIGKILL");
      await until("it has ended", () => !existsSync(`/proc/${pid}/exe`));
    }
    // With the right to give names, the former one gets its own back.
    const { said } = await startAgain(folder, executable, true);
    expect([said.includes("is put back"), inodeOf(executable)]).toEqual([true, former]);
  },
  TEST_MS_MAX,
);

test.skipIf(!canInject)(
  "nobody watches, and the new executable refuses the configuration: the former one runs at once",
  async () => {
    const { folder, executable, former } = await killedUpgrade();
    const right = readFileSync(folder.config, "utf8");
    writeFileSync(folder.config, `${right}\nnonsense = 1\n`, { mode: 0o600 });
    const { child, said } = await startAgain(folder, executable, false);
    expect(said).toContain("the former one is put back");
    // It is the same program, and refuses it as well; nothing starts it once more.
    expect([child.exitCode, inodeOf(executable)]).toEqual([78, former]);
  },
  TEST_MS_MAX,
);

test.skipIf(!canInject)(
  "nobody watches, and the new executable stays up: it has proved itself, and stays",
  async () => {
    const { folder, executable, former } = await killedUpgrade();
    const first = await startAgain(folder, executable, true);
    await until("it has proved itself", () => !existsSync(folder.path("proof.json")));
    first.child.kill("SIGKILL");
    await first.child.exited;
    const second = await startAgain(folder, executable, true);
    expect([second.said, inodeOf(executable) === former]).toEqual(["", false]);
  },
  TEST_MS_MAX,
);

test.skipIf(!canInject)(
  "a former executable of somebody else is not run, nor is one that others may write",
  async () => {
    const { folder, executable } = await killedUpgrade();
    const before = inodeOf(executable);
    chmodSync(`${executable}.former`, 0o777);
    for (let starts = 0; starts < 3; starts++) {
      const { child, said } = await startAgain(folder, executable, true);
      expect([said, inodeOf(`/proc/${child.pid}/exe`)]).toEqual(["", before]);
      child.kill("SIGKILL");
      await child.exited;
    }
  },
  TEST_MS_MAX,
);
