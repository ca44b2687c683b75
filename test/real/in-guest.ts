/** Runs a test file on a kernel with ESP: in a guest, or beside the host if its kernel has ESP. */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseJunit, type TestResult } from "../../build/junit.ts";
import { type GuestEnd, runInUml, umlMissing } from "./uml.ts";

export type GuestReport = {
  readonly results: readonly TestResult[];
  readonly seconds: number;
  /** What the tests wrote. */
  readonly output: string;
};

export type GuestOptions = {
  /** For the whole file, boot included. */
  readonly secondsMax: number;
  readonly memoryMib: number;
  /** Given to the tests as environment variables. */
  readonly env: Readonly<Record<string, string>>;
};

export const GUEST_DEFAULTS: GuestOptions = { secondsMax: 240, memoryMib: 1024, env: {} };

const PROJECT = join(import.meta.dir, "../..");
const BUN = process.execPath;
const TEST_MS_MAX = 60_000;
const OUTPUT_CHARACTERS_MAX = 6_000;

/** How tests that need ESP can be run here, or why they cannot. */
export type Ground =
  | { readonly kind: "host" }
  | { readonly kind: "uml" }
  | { readonly kind: "none"; readonly why: string };

/** Looks once for a kernel with ESP: the host's own, else a guest's. */
export async function findGround(): Promise<Ground> {
  if (await hostHasEsp()) return { kind: "host" };
  const missing = umlMissing();
  return missing === undefined ? { kind: "uml" } : { kind: "none", why: missing };
}

/** Runs a `*.guest.ts` file (path from the project's top) and reports each of its tests. */
export async function runInGuest(
  file: string,
  ground: Ground,
  options: GuestOptions = GUEST_DEFAULTS,
): Promise<GuestReport> {
  switch (ground.kind) {
    case "uml":
      return await runInUmlGuest(file, options);
    case "host":
      return await runBesideHost(file, options);
    case "none":
      throw new Error(`no kernel with ESP for ${file}: ${ground.why}`);
  }
}

async function runInUmlGuest(file: string, options: GuestOptions): Promise<GuestReport> {
  const { end, collected } = await runInUml(
    { ...options, directory: PROJECT, script: scriptFor(file, options) },
    (work) => readReport(join(work, "report.xml")),
  );
  return reportOf(file, collected, end);
}

/** A namespace of each kind that matters: what the tests start or mount ends with them. */
async function runBesideHost(file: string, options: GuestOptions): Promise<GuestReport> {
  const work = await mkdtemp(join(tmpdir(), "erouted-guest-"));
  const started = performance.now();
  try {
    const mounts = "mount -t tmpfs run /run && mkdir -p /run/netns /run/lock && ip link set lo up";
    const unshare = "unshare --net --mount --pid --fork --kill-child --mount-proc";
    const child = Bun.spawn(
      [...unshare.split(" "), "bash", "-c", `${mounts}\n${scriptFor(file, options)}`],
      {
        cwd: PROJECT,
        env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/root", WORK: work },
        stdin: "ignore",
        stdout: Bun.file(join(work, "output")),
        stderr: Bun.file(join(work, "errors")),
        timeout: options.secondsMax * 1000,
        killSignal: "SIGKILL",
      },
    );
    const status = await child.exited;
    const end: GuestEnd = {
      status,
      output: (await readReport(join(work, "output"))) + (await readReport(join(work, "errors"))),
      console: "",
      timedOut: child.signalCode === "SIGKILL",
      seconds: (performance.now() - started) / 1000,
    };
    return reportOf(file, await readReport(join(work, "report.xml")), end);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function scriptFor(file: string, options: GuestOptions): string {
  const executable = process.env.EROUTED_EXECUTABLE ?? "";
  const settings = Object.entries({ ...options.env, EROUTED_EXECUTABLE: executable });
  const exports = settings.map(([name, value]) => `export ${name}=${quoted(value)}`);
  const report = '--reporter=junit --reporter-outfile="$WORK/report.xml"';
  const run = `${quoted(BUN)} test ${quoted(`./${file}`)} --timeout=${TEST_MS_MAX} ${report}`;
  return [...exports, run].join("\n");
}

function reportOf(file: string, xml: string, end: GuestEnd): GuestReport {
  const results = parseJunit(xml).map((result) => ({ ...result, file }));
  const { seconds, output } = end;
  const firstFailure = results.findIndex((result) => result.outcome === "failed");
  const failure = results[firstFailure];
  if (failure !== undefined) {
    const detail = `${failure.detail}\n--- output\n${tail(output)}`;
    results[firstFailure] = { ...failure, detail };
  } else if (end.status !== 0 || results.length === 0) {
    results.push(failureOf(file, end));
  }
  return { results, seconds, output };
}

/** The file as a whole failed: it did not load, or the guest did not finish. */
function failureOf(file: string, end: GuestEnd): TestResult {
  const what = end.timedOut ? "ran out of time" : `ended with status ${end.status ?? "unknown"}`;
  return {
    file,
    name: `${file} runs to its end`,
    outcome: "failed",
    seconds: end.seconds,
    detail: [
      `${what} after ${end.seconds.toFixed(0)} s`,
      `--- output\n${tail(end.output)}`,
      `--- kernel\n${tail(end.console)}`,
    ].join("\n"),
  };
}

async function hostHasEsp(): Promise<boolean> {
  const state =
    "ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1001 mode tunnel " +
    "aead 'rfc4106(gcm(aes))' 0x0102030405060708090a0b0c0d0e0f1011121314 128";
  const probe = Bun.spawn(["unshare", "--net", "sh", "-c", state], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
    timeout: 10_000,
  });
  return (await probe.exited) === 0;
}

async function readReport(path: string): Promise<string> {
  return (await Bun.file(path).exists()) ? await readFile(path, "utf8") : "";
}

function tail(text: string): string {
  return text.length <= OUTPUT_CHARACTERS_MAX ? text : `…${text.slice(-OUTPUT_CHARACTERS_MAX)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
