/** `erouted check`: tests everything that `erouted run` will need, without starting it. */

import type { Config } from "../config/config.ts";
import { formatFault } from "../config/fault.ts";
import { judgeFilesAs } from "../daemon/file-judge.ts";
import { type DatabaseSettings, describeDatabase } from "../eroute/database.ts";
import { ok } from "../octets/result.ts";
import type { PeerRepository } from "../peers/repository.ts";
import { counted } from "./amounts.ts";
import { checkReload, type Running, runningWith } from "./check-running.ts";
import { readConfigFile } from "./configuration.ts";
import { Points } from "./points.ts";
import { EXIT, type ExitCode, failure, printable, type Terminal } from "./terminal.ts";

export type CheckOptions = {
  readonly config: string;
  /** The user with whose rights files are opened; otherwise the service's user, if there is one. */
  readonly as?: string;
  readonly offline?: true;
  readonly json?: true;
};

/**
 * Prints a line for each point, `ok` or `FAILED`; 1 if any failed, 78 if the configuration is
 * faulty.
 */
export async function check(options: CheckOptions, terminal: Terminal): Promise<ExitCode> {
  const judge = judgeFilesAs(options.as);
  if (!judge.ok) return failure(terminal, printable(judge.error));
  const config = readConfigFile(options.config);
  if (!config.ok) return sayFaults(config.error, options, terminal);
  const report = new Points(terminal, options.json === true);
  const { eroutes, egroups, users } = config.value.plan;
  const counts = [
    counted(eroutes.length, "eroute"),
    counted(egroups.length, "egroup"),
    counted(users.length, "user"),
  ];
  report.ok(`configuration ${options.config}`, counts.join(", "));
  if (judge.value !== undefined) report.ok("user", judge.value);
  for (const fault of config.value.warnings) report.warning(formatFault(fault));
  if (options.offline === undefined) {
    await checkDatabases(config.value, report);
    const running = await runningWith(config.value);
    await checkHost(config.value, report, running);
    if (running !== undefined) await checkReload(running, options.config, report);
  }
  return report.end() ? EXIT.ok : EXIT.failed;
}

function sayFaults(
  faults: readonly string[],
  { json }: CheckOptions,
  terminal: Terminal,
): ExitCode {
  const points = faults.map((detail) => ({ verdict: "problem", about: "configuration", detail }));
  if (json === true) terminal.out(JSON.stringify({ ok: false, points }, undefined, 2));
  else for (const fault of faults) terminal.err(fault);
  return EXIT.configuration;
}

async function checkDatabases(config: Config, report: Points): Promise<void> {
  await Promise.all(config.databases.map((settings) => checkDatabase(config, settings, report)));
}

async function checkDatabase(
  config: Config,
  settings: DatabaseSettings,
  report: Points,
): Promise<void> {
  const { openPeers } = await import("../peers/open.ts");
  const what = `database of egroup ${settings.egroup}`;
  const opened = openPeers(settings);
  if (!opened.ok) return report.failed(what, opened.error.detail);
  const peers = opened.value;
  const startedMs = performance.now();
  const checked = await peers.check();
  const ms = Math.round(performance.now() - startedMs);
  if (!checked.ok) {
    report.failed(what, checked.error.detail);
  } else {
    report.ok(what, `${describeDatabase(settings)}, answered in ${ms} ms`);
    const advice = await peers.advice();
    for (const line of advice.ok ? advice.value : []) report.note(what, line);
    await checkOverlaps(peers, { config, settings }, report);
  }
  await peers.close();
}

/** Rows that keep each other out (R10): a few of them; `peers check` names all. */
async function checkOverlaps(
  peers: PeerRepository,
  { config, settings }: { readonly config: Config; readonly settings: DatabaseSettings },
  report: Points,
): Promise<void> {
  const { isRefused, overlapLine, overlapsAmong, ownersInTable } = await import(
    "./peers/overlaps.ts"
  );
  const what = `rows of egroup ${settings.egroup}`;
  const read = await ownersInTable(peers, { config, settings });
  if (!read.ok) return report.note(what, `not compared: ${read.error}`);
  const same = overlapsAmong(read.value.owners).filter(({ shared }) => shared.kind === "same");
  for (const overlap of same.slice(0, OVERLAPS_SHOWN)) {
    const line = `${overlap.owner.peerid} ${overlapLine(overlap)}`;
    if (isRefused(overlap)) report.warning(`${what}: ${line}`);
    else report.note(what, line);
  }
  const more = same.length - OVERLAPS_SHOWN;
  if (more > 0) report.note(what, `${more} more share a subnet: \`erouted peers check\` names all`);
}

const OVERLAPS_SHOWN = 5;

async function checkHost(
  config: Config,
  report: Points,
  running: Running | undefined,
): Promise<void> {
  const { probeKernel, probePorts, probeStatusPort } = await import("../daemon/probe.ts");
  const taken = new Set(running?.listening);
  const ports = await probePorts(config, taken);
  if (taken.size > 0) report.ok("ports", `${[...taken].join(", ")}: erouted runs and has them`);
  if (ports.free.length > 0) report.ok("ports", `${ports.free.join(", ")} can be bound`);
  for (const fault of ports.faults) report.failed("ports", fault);
  for (const address of ports.awaited) {
    report.note("ports", `this host does not have ${address}: erouted waits for it`);
  }
  if (ports.free.length + ports.faults.length + taken.size === 0) {
    report.note("ports", "this host has no address of ike.listen yet: no site can connect");
  }
  const status = running === undefined ? probeStatusPort(config) : ok(`${running.at} is served`);
  if (status.ok) report.ok("status server", status.value);
  else report.failed("status server", status.error);
  const kernel = probeKernel(config);
  if (kernel.ok) return report.ok("kernel", kernel.value);
  for (const gap of kernel.error) report.failed("kernel", gap);
  report.note(
    "kernel",
    'for experiments without ESP: dataplane.kind = "none"; sites connect, packets do not pass',
  );
}
