/** The daemon: opens what it needs in an order that can fail cleanly, runs, and cleans up. */

import packageJson from "../../package.json";
import { type Concentrator, createConcentrator } from "../concentrator/concentrator.ts";
import type { Config } from "../config/config.ts";
import { now, wallMs } from "../linux/clock.ts";
import { randomOctets } from "../linux/random.ts";
import { openRoutes, type Routes } from "../linux/routes.ts";
import { openKernel } from "../linux/xfrm-kernel.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { openPeers } from "../peers/open.ts";
import { inSteps } from "../status/lists/turns.ts";
import { createFailureCounts } from "../why/failure-counts.ts";
import { errnoName } from "../xfrm/errno.ts";
import { createCaptures } from "./capture.ts";
import { openCompilerThreads } from "./compiler-threads.ts";
import { type Daemon, noteBug, type RunOptions } from "./daemon.ts";
import { createDebugging } from "./debugging.ts";
import { close, EXIT_KEPT, emptyKernel, leave, sayFarewell, whyFarewell } from "./end.ts";
import { countSites } from "./expected.ts";
import { createGate } from "./gate.ts";
import { hideMemory } from "./hide-memory.ts";
import { type Former, openFormer } from "./keep/former.ts";
import { keepConfiguration, readFormer, recheckTakenOver, takeOver } from "./keep/go-on.ts";
import { keepEvents } from "./keep/keep-events.ts";
import { KEEPS_NOTHING, openKeptSockets } from "./kept-sockets.ts";
import { openKeyExchanger } from "./key-exchange.ts";
import { openLog } from "./log.ts";
import { watchLoop } from "./loop-watch.ts";
import { recordRun } from "./on-record.ts";
import { openRecords } from "./open-records.ts";
import { openStatus, type StatusOptions } from "./open-status.ts";
import { hashPoliciesOf } from "./policy-hash.ts";
import { startPolling } from "./poll.ts";
import { missingForEsp } from "./probe.ts";
import { recheckConnected } from "./recheck.ts";
import { createRecorder } from "./record.ts";
import { daemonEntry, warningText } from "./reload.ts";
import { openReloadResults } from "./reload-result.ts";
import { createReloader } from "./reloader.ts";
import { createResolver } from "./resolve.ts";
import { recoveryFromLoss, resync, startAudits } from "./resync.ts";
import { removeRunRecord } from "./run-record.ts";
import { openRuntimeFolder } from "./runtime-folder.ts";
import { openService } from "./service.ts";
import { createShell } from "./shell.ts";
import { LEAVE, onHangup, waitForSignal } from "./signals.ts";
import { openSigner, signingKeysOf } from "./signer.ts";
import { isListened, openIkeSockets } from "./sockets.ts";
import { startIdleWarmUp } from "./start-warm-up.ts";
import { warmUp } from "./warm-up.ts";
import { watchDatabases } from "./watch-databases.ts";

/** A host name that is not resolved by then cannot be called. */
const DNS_MS = 5_000;

/** A database that failed is checked again after this time. */
const DATABASE_WATCH_MS = 10_000;

/** Runs until SIGTERM or SIGINT; returns the exit code. */
export async function runDaemon(config: Config, options: RunOptions): Promise<number> {
  const { RUNTIME_DIRECTORY } = process.env;
  const folder = openRuntimeFolder(RUNTIME_DIRECTORY);
  const stateFolder = config.keepsState && folder.ok ? folder.value?.path : undefined;
  const former = stateFolder === undefined ? undefined : openFormer(stateFolder, config);
  const left = former?.ok === true ? former.value : undefined;
  // First, while nobody waits for the event loop, and nothing measures it. Sites that are taken
  // over do wait: then there is more than what sites share.
  const cold = left !== undefined && left.slots.left > 1 ? undefined : warmUp();
  const daemon = createDaemon(config, left);
  const { note } = daemon;
  daemon.compilers.yield();
  if (stateFolder !== undefined) daemon.keptEvents = keepEvents(daemon, stateFolder);
  if (folder.ok) daemon.folder = folder.value;
  else note({ level: "warning", reason: "state-not-kept", detail: folder.error });
  if (former?.ok === false) {
    note({ level: "error", outcome: "failed", reason: "state-not-kept", detail: former.error });
  }
  if (cold !== undefined) noteBug(daemon, cold);
  hideMemory(note);
  const service = openService(process.env, note);
  const results = openReloadResults(RUNTIME_DIRECTORY, note);
  const up = Promise.withResolvers<void>();
  const reloader = createReloader(daemon, options.load, up.promise);
  onHangup(() => {
    const work = async () => results.write(await reloader.next());
    service.whileReloading(work).catch((fault: unknown) => noteBug(daemon, fault));
  });
  for (const warning of config.warnings) {
    note({ level: "warning", reason: "configuration", detail: warningText(warning) });
  }
  const opened = await open(daemon, { configFile: options.configFile, reloader }, left);
  if (!opened.ok) {
    note({ level: "error", outcome: "failed", reason: "start", detail: opened.error });
    service.failed(`does not start: ${opened.error}`);
    // What was taken over belongs to the start after this one.
    left?.file.ready();
    await (daemon.keeper === undefined ? close(daemon, service) : leave(daemon));
    return 1;
  }
  const listening = daemon.sockets?.listening.join(", ") || "no address yet";
  const web = daemon.status === undefined ? "status off" : `status on ${daemon.status.url}`;
  note({ level: "info", reason: "ready", detail: `IKE on ${listening}; ${web}` });
  daemon.watch = watchDatabases(daemon.peers, note, DATABASE_WATCH_MS);
  daemon.sites = countSites(() => daemon.peers);
  daemon.polling = startPolling(daemon);
  recheckTakenOver(daemon);
  // Before we report that we are ready: a signal right after that must be handled.
  const ended = waitForSignal();
  service.ready();
  up.resolve();
  daemon.keeper?.settle();
  if (config.warmsUp) daemon.warmUp = startIdleWarmUp(daemon);
  recordRun(daemon, options.configFile);
  const signal = await ended;
  daemon.isEnding = true;
  daemon.warmUp?.stop();
  service.stopping();
  const isRestart = signal === LEAVE;
  const why = isRestart ? whyFarewell(daemon.config, options.load) : undefined;
  if (isRestart && daemon.keeper !== undefined && why === undefined) {
    await leave(daemon);
    service.close();
    return EXIT_KEPT;
  }
  const because = why === undefined ? "" : `: ${why}`;
  const detail = `${signal}: closing the sites' IKE SAs${because}`;
  note({ level: "info", reason: "shutdown", detail });
  await sayFarewell(daemon, service);
  await close(daemon, service);
  daemon.keeper?.forget();
  daemon.keptEvents?.forget();
  // After a farewell nobody expects us back.
  daemon.kept.release();
  if (daemon.folder !== undefined) removeRunRecord(daemon.folder.path);
  daemon.folder?.close();
  service.close();
  // Where nothing is kept, a restart is a stop and a start.
  return isRestart ? EXIT_KEPT : 0;
}

function createDaemon(config: Config, former: Former | undefined): Daemon {
  const log = openLog(config.log);
  const { journal, attempts } = openRecords(config);
  const failures = createFailureCounts();
  const debugging = createDebugging({
    nowMs: now,
    onChange: (traced) => daemon.shell?.feed({ kind: "trace", traced }),
  });
  const listeners = new Set<() => void>();
  const recorder = createRecorder({
    journal,
    attempts,
    failures,
    log,
    debugging,
    listeners,
    now,
    wallMs,
  });
  const { record } = recorder;
  const concentrator = engineFor(config, former);
  const daemon: Daemon = {
    config,
    log,
    journal,
    attempts,
    failures: failures.counts,
    loop: watchLoop(now),
    debugging,
    captures: capturesOf(concentrator, () => daemon.config.ike.natPort),
    listeners,
    recorder,
    record,
    note: (entry) => record(daemonEntry(entry)),
    kernel: undefined,
    routes: undefined,
    folder: undefined,
    kept: KEEPS_NOTHING,
    sockets: undefined,
    peers: new Map(),
    retired: new Set(),
    keyExchanger: openKeyExchanger(),
    signer: openSigner(wallMs, signingKeysOf(config.plan)),
    concentrator,
    keeper: undefined,
    keptEvents: undefined,
    compilers: openCompilerThreads(),
    warmUp: undefined,
    takenOver: undefined,
    shell: undefined,
    isEnding: false,
    preview: ({ plan, ike: { listen } }, rows) =>
      inSteps(concentrator.preview(plan, { isListened: (at) => isListened(listen, at), rows })),
    reloads: new Map((["ok", "faulty", "held"] as const).map((outcome) => [outcome, 0])),
    status: undefined,
    watch: undefined,
    sites: undefined,
    polling: undefined,
    audits: undefined,
    sampling: undefined,
    onConfiguration() {
      keepConfiguration(daemon);
      daemon.signer.useKeys(signingKeysOf(daemon.config.plan));
      daemon.polling?.configure();
      daemon.sockets?.listenOn(daemon.config.ike.listen);
      const fault = daemon.status?.useTls(daemon.config.status.tls);
      if (fault !== undefined) {
        daemon.note({ level: "error", outcome: "failed", reason: "listen", detail: fault });
      }
    },
    onDatabases() {
      daemon.watch?.stop();
      daemon.watch = watchDatabases(daemon.peers, daemon.note, DATABASE_WATCH_MS);
    },
    onOtherRows: (egroup) => void recheckConnected(daemon, egroup),
  };
  return daemon;
}

function capturesOf(concentrator: Concentrator, natPort: () => number): Daemon["captures"] {
  return createCaptures({
    wallMs,
    version: packageJson.version,
    snapshot: () => concentrator.snapshot(),
    decryptionTableLine: (message) => concentrator.decryptionTableLine(message),
    natPort,
  });
}

/** It begins with the plan of the run before, whose sites it takes over. */
function engineFor(config: Config, former: Former | undefined): Concentrator {
  const plan = former?.plan ?? config.plan;
  return createConcentrator({
    plan,
    now: now(),
    random: randomOctets,
    keeps: former !== undefined,
  });
}

/** Sockets first: they show whether another erouted runs here, before its leftovers are removed. */
async function open(
  daemon: Daemon,
  options: StatusOptions,
  former: Former | undefined,
): Promise<Result<undefined, string>> {
  const { config, folder, note } = daemon;
  const kernelPolicies = config.dataplane === "xfrm";
  const kept = await openKeptSockets({ environment: process.env, folder, note, nowMs: now });
  daemon.kept = kept;
  const gate = createGate();
  const sockets = await openIkeSockets(
    { ...config.ike, kernelPolicies, kept },
    {
      onDatagram: (octets, path) => {
        if (daemon.captures.isOpen) daemon.captures.see(octets, path, "received");
        daemon.compilers.onDatagram(now());
        gate.pass(octets, path);
      },
      onLost: (datagrams) => daemon.shell?.feed({ kind: "datagrams-lost", datagrams }),
      onAddresses: (local) => daemon.shell?.feed({ kind: "addresses", local }),
      note: daemon.note,
    },
  );
  if (!sockets.ok) return sockets;
  daemon.sockets = sockets.value;
  const kernel = await prepareKernel(daemon, former);
  if (!kernel.ok) return kernel;
  for (const settings of config.databases) {
    const repository = openPeers(settings);
    if (!repository.ok) return err(`egroup ${settings.egroup}: ${repository.error.detail}`);
    daemon.peers.set(settings.egroup, repository.value);
  }
  const routes = openRoutes();
  if (!routes.ok) return err(`route netlink socket: ${errnoName(routes.error)}`);
  daemon.routes = routes.value;
  const waits = former !== undefined;
  const shell = createShell(daemon.concentrator, surroundingsOf(daemon, routes.value), { waits });
  const keeper = former && (await readFormer(daemon, former, { gate, shell }));
  daemon.shell = shell;
  if (keeper !== undefined) takeOver(daemon, { keeper, plan: former?.plan }, shell.begin);
  shell.feed({ kind: "addresses", local: sockets.value.addresses });
  const clean = await removeLeftovers(daemon);
  if (!clean.ok) return clean;
  gate.open(
    (octets, path) => shell.feed({ kind: "datagram", octets, path }),
    (datagrams) => shell.feed({ kind: "datagrams-lost", datagrams }),
  );
  const listening = listenToKernel(daemon);
  if (!listening.ok) return listening;
  return openStatus(daemon, options);
}

/** Checks that ESP works or says what is missing; removes what an earlier run left behind. */
async function prepareKernel(
  daemon: Daemon,
  former: Former | undefined,
): Promise<Result<undefined, string>> {
  if (daemon.config.dataplane === "none") {
    if (former?.dataplane === "xfrm") await emptyKernel(daemon);
    const detail = "dataplane.kind is none: sites connect, but their packets are not carried";
    daemon.note({ level: "warning", reason: "no-dataplane", detail });
    return ok(undefined);
  }
  const opened = openKernel();
  if (!opened.ok) return err(`${opened.error.detail}; ${opened.error.advice}`);
  daemon.kernel = opened.value;
  const missing = missingForEsp(opened.value, daemon.config);
  for (const detail of missing) {
    daemon.note({ level: "error", outcome: "failed", reason: "no-esp", detail });
  }
  if (missing.length > 0) {
    return err('the kernel does not support ESP; to run without packets: dataplane.kind = "none"');
  }
  hashPoliciesOf(daemon);
  return ok(undefined);
}

/**
 * Removes what an earlier run left behind. Policies that keep packets from leaving in clear are
 * already in place: they come first, so that they are never missing (R14).
 */
async function removeLeftovers(daemon: Daemon): Promise<Result<undefined, string>> {
  const { kernel, shell } = daemon;
  shell?.feed({ kind: "start" });
  shell?.flush();
  if (kernel === undefined) return ok(undefined);
  const removed = await kernel.removeLeftovers(daemon.concentrator.claims());
  if (!removed.ok) return err(removed.error.detail);
  const { states, policies, routes } = removed.value;
  if (states + policies + routes > 0) {
    const more = routes > 0 ? ` and ${routes} ${routes === 1 ? "route" : "routes"}` : "";
    const detail = `removed ${states} states and ${policies} policies${more} of an earlier run`;
    daemon.note({ level: "warning", reason: "leftovers", detail });
  }
  return ok(undefined);
}

function listenToKernel(daemon: Daemon): Result<undefined, string> {
  const { kernel, shell } = daemon;
  if (kernel === undefined) return ok(undefined);
  const { concentrator } = daemon;
  const readAgain = async () =>
    shell === undefined ? undefined : resync({ kernel, shell, concentrator });
  const listening = kernel.listen(
    (event) => shell?.feed(event),
    recoveryFromLoss(readAgain, daemon.note),
  );
  if (!listening.ok) return err(listening.error.detail);
  if (shell === undefined) return ok(undefined);
  daemon.audits = startAudits({ kernel, shell, concentrator }, daemon.note);
  // What the kernel has removed while nobody listened.
  if (daemon.keeper !== undefined) void resync({ kernel, shell, concentrator });
  return ok(undefined);
}

function surroundingsOf(daemon: Daemon, routes: Routes): Parameters<typeof createShell>[1] {
  const resolver = createResolver({
    hostsFile: "/etc/hosts",
    dnsServers: undefined,
    dnsMs: DNS_MS,
    now,
    sourceFor: routes.sourceFor,
    listening: () => daemon.sockets?.addresses ?? [],
  });
  const { kernel, peers } = daemon;
  return {
    now,
    send: (octets, path) => {
      if (daemon.captures.isOpen) daemon.captures.see(octets, path, "sent");
      daemon.sockets?.send(octets, path);
    },
    flush: () => daemon.sockets?.flush(),
    lookUp: async (egroup, by) => {
      const repository = peers.get(egroup);
      if (repository !== undefined) return repository.find(by);
      return err({ kind: "closed", detail: `no database is open for egroup ${egroup}` });
    },
    resolve: (host) => resolver.resolve(host),
    // Without a dataplane every request succeeds, and nothing is installed.
    kernel: (requests) => kernel?.performAll(requests) ?? requests.map(() => ok(undefined)),
    keyExchanger: daemon.keyExchanger,
    signer: daemon.signer,
    save: () => daemon.keeper?.save(),
    journal: daemon.record,
    onBug: (fault) => noteBug(daemon, fault),
  };
}
