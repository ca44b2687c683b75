/** The log on standard output, whatever that is: here that of another process. */

import { expect, test } from "bun:test";

const RECORD = {
  ...{ sequence: 1, wallMs: 1_900_000_000_000, level: "info", step: "IKE_AUTH", outcome: "failed" },
  ...{ reason: "no-row", detail: "egroup sites has no row", peerId: "site-9" },
  ...{ eroute: undefined, remote: "192.0.2.7:500", ikeSa: undefined },
};

/** Runs `script` with the log of `settings` on the standard output of `shell`'s "$@". */
async function logged(script: string, shell = '"$@"'): Promise<{ out: string; err: string }> {
  const program = `
    import { openLog } from "./src/daemon/log.ts";
    const record = ${JSON.stringify(RECORD)};
    const log = openLog({ level: "info", format: "text" });
    ${script}`;
  const child = Bun.spawn(["bash", "-c", shell, "bash", process.execPath, "-e", program], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { out, err };
}

const TELL = "console.error(JSON.stringify({ lost: log.lost, fault: log.fault }));";

test("a line has time, level, who, where, what and why, and no gaps", async () => {
  const { out } = await logged(`
    log.write(record);
    log.write({ ...record, peerId: undefined, remote: undefined, step: "daemon",
      outcome: "note", reason: "ready", detail: "IKE on 192.0.2.1:500" });
    log.write({ ...record, level: "debug" });
    await log.flush();`);
  expect(out).toBe(
    "2030-03-17T17:46:40.000Z info site-9 192.0.2.7:500 IKE_AUTH failed no-row: " +
      "egroup sites has no row\n" +
      "2030-03-17T17:46:40.000Z info daemon ready: IKE on 192.0.2.1:500\n",
  );
});

test("in journald's stream lines have its priority, and neither time nor level twice", async () => {
  const script = `log.write(record); log.write({ ...record, level: "error" });
    log.configure({ level: "info", format: "json" });
    log.write({ ...record, level: "warning" }); await log.flush();`;
  const stream = "exec 3>&1; export JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/3)";
  const [first, second, third] = (await logged(script, `${stream}; "$@"`)).out.split("\n");
  const words = "site-9 192.0.2.7:500 IKE_AUTH failed no-row: egroup sites has no row";
  expect([first, second]).toEqual([`<6>${words}`, `<3>${words}`]);
  expect(third).toStartWith('<4>{"time":"2030-');
  // Inherited by a program whose output goes elsewhere.
  const other = await logged(script, 'export JOURNAL_STREAM=8:12345; "$@"');
  expect(other.out).toStartWith("2030-03-17T");
});

test("on a full disk each line is counted, nothing is thrown, and it says why", async () => {
  const script = `for (let i = 0; i < 3; i++) log.write(record); await log.flush(); ${TELL}`;
  const { err } = await logged(script, '"$@" >/dev/full');
  expect(JSON.parse(err)).toEqual({ lost: 3, fault: expect.stringContaining("ENOSPC") });
});

test("a reader that does not read blocks nothing, and its memory is bounded", async () => {
  const script = `
    const long = { ...record, detail: "x".repeat(1_000) };
    const started = performance.now();
    for (let turn = 0; turn < 15; turn++) {
      for (let i = 0; i < 1_000; i++) log.write(long);
      await Bun.sleep(1);
    }
    console.error(JSON.stringify({ lost: log.lost, ms: performance.now() - started }));
    process.exit(0);`;
  const { err } = await logged(script, '"$@" | sleep 2');
  const { lost, ms } = JSON.parse(err);
  expect(lost).toBeGreaterThan(1_000);
  expect(ms).toBeLessThan(1_500);
});
