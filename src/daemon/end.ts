/** How the daemon ends: with a word to every site, or without one, for a process that goes on. */

import { standingPolicies } from "../concentrator/dataplane/no-sa.ts";
import type { Config } from "../config/config.ts";
import { now } from "../linux/clock.ts";
import { type Kernel, openKernel } from "../linux/xfrm-kernel.ts";
import { claimsOf } from "../xfrm/claims.ts";
import type { XfrmPolicy } from "../xfrm/policy.ts";
import type { Daemon } from "./daemon.ts";
import { PORTS_CHANGED } from "./keep/former.ts";
import { unhashPolicies } from "./policy-hash.ts";
import type { LoadConfig } from "./reload.ts";
import type { Service } from "./service.ts";
import { areSamePorts } from "./take-over.ts";

/** Time for sites to answer our Delete at shutdown, after all of them were told. */
const FAREWELL_MS = 3_000;
/** By then all are told: 100,000 take 15 s of CPU. */
const TELLING_MS_MAX = 120_000;
const LOOK_EVERY_MS = 10;
const CLOSE_MS = 1_000;
/** By then nothing of ours is left in the kernel: removing 500,000 objects takes some seconds. */
const REMOVAL_MS_MAX = 60_000;
/** How often the service manager hears that the end goes on, and until when it then waits. */
const STILL_EVERY_MS = 1_000;
const STILL_MS = 10_000;

/** Exit code after SIGUSR2: whoever supervises this process starts it again. */
export const EXIT_KEPT = 75;

/** Ends without a word to anybody: all SAs stay, and the next process takes them over. */
export async function leave(daemon: Daemon): Promise<void> {
  daemon.shell?.close();
  // They are kept elsewhere: what arrives from now on waits for the next process.
  daemon.sockets?.close();
  daemon.keeper?.save();
  const detail = "all SAs stay: the next start takes them over";
  daemon.note({ level: "info", reason: "stopped", detail });
  await daemon.status?.stop();
  daemon.recorder.stop();
  daemon.keptEvents?.save();
  await within(CLOSE_MS, [daemon.log.flush()]);
}

/**
 * Why a restart has to be a stop and a start: the next process will listen elsewhere, and sites
 * that are not told would wait for answers from where they called. A file that cannot be read
 * changes nothing.
 */
export function whyFarewell(running: Config, load: LoadConfig): string | undefined {
  const next = load();
  if (!next.ok || areSamePorts(running.plan.ports, next.value.plan.ports)) return undefined;
  return PORTS_CHANGED;
}

/** Deletes every site's IKE SAs, and waits for their answers, but not for long. */
export async function sayFarewell(daemon: Daemon, service: EndingService): Promise<void> {
  const { shell, concentrator } = daemon;
  if (shell === undefined) return;
  shell.feed({ kind: "shutdown" });
  const isOver = farewellOf({
    hasTold: () => concentrator.hasTold() && !shell.isBehind(),
    isIdle: () => concentrator.isIdle(),
  });
  await whileNotOver(service, async () => {
    while (!isOver(now())) await Bun.sleep(LOOK_EVERY_MS);
  });
}

type EndingService = Pick<Service, "stillStopping">;

/**
 * Whether the farewell is over: asked again and again, from its beginning on. Telling takes as long
 * as there are sites; those that were told have the same time to answer, however many they are.
 */
export function farewellOf({
  hasTold,
  isIdle,
}: {
  readonly hasTold: () => boolean;
  readonly isIdle: () => boolean;
}): (now: number) => boolean {
  let begunAt: number | undefined;
  let toldAt: number | undefined;
  return (at) => {
    begunAt ??= at;
    if (toldAt === undefined && hasTold()) toldAt = at;
    if (toldAt === undefined) return at >= begunAt + TELLING_MS_MAX;
    return isIdle() || at >= toldAt + FAREWELL_MS;
  };
}

/** Keeps the service manager from killing us while there is work to do. */
async function whileNotOver(service: EndingService, work: () => Promise<void>): Promise<void> {
  const still = setInterval(() => service.stillStopping(STILL_MS), STILL_EVERY_MS);
  await work();
  clearInterval(still);
}

/** Closes everything in reverse order; what cannot be closed in time is left to the kernel. */
export async function close(daemon: Daemon, service: EndingService): Promise<void> {
  daemon.watch?.stop();
  daemon.sites?.stop();
  daemon.polling?.stop();
  daemon.audits?.stop();
  clearInterval(daemon.sampling);
  daemon.loop.stop();
  daemon.debugging.stop();
  daemon.captures.stop();
  daemon.shell?.close();
  daemon.keyExchanger.close();
  daemon.signer.close();
  const { kernel } = daemon;
  const kept = policiesThatStay(daemon);
  await within(CLOSE_MS, [
    ...[...daemon.peers.values(), ...daemon.retired].map((repository) => repository.close()),
    daemon.status?.stop(),
  ]);
  let isClean = true;
  if (daemon.shell !== undefined && kernel !== undefined) {
    await whileNotOver(service, async () => {
      isClean = await removeAll(kernel, kept, daemon.note);
    });
  }
  if (kernel !== undefined) unhashPolicies(daemon);
  kernel?.close();
  daemon.routes?.close();
  daemon.sockets?.close();
  if (daemon.shell !== undefined && isClean) {
    const detail =
      kept.size === 0 || kernel === undefined
        ? "all SAs and policies are removed"
        : `all SAs are removed; ${kept.size} policies stay, so that nothing leaves in clear ` +
          "(dataplane.keep_blocking)";
    daemon.note({ level: "info", reason: "stopped", detail });
  }
  daemon.recorder.stop();
  await within(CLOSE_MS, [daemon.log.flush()]);
}

/** Takes out of the kernel what an earlier run has left, as at an orderly end. */
export async function emptyKernel(daemon: Daemon): Promise<void> {
  const opened = openKernel();
  if (!opened.ok) return;
  const kernel = opened.value;
  await kernel.removeLeftovers(claimsOf(policiesThatStay(daemon)));
  unhashPolicies(daemon);
  kernel.close();
}

/** Those that keep packets from leaving in clear (R14). */
function policiesThatStay({ config }: Daemon): ReturnType<typeof standingPolicies> {
  return config.keepBlocking ? standingPolicies(config.plan) : new Map();
}

/**
 * Whether nothing of ours is left in the kernel but what is kept; otherwise the log says so.
 * Only a bug, a lost answer, or a farewell that took too long leaves anything to remove.
 */
export async function removeAll(
  kernel: Pick<Kernel, "removeLeftovers">,
  kept: ReadonlyMap<string, XfrmPolicy>,
  note: Daemon["note"],
): Promise<boolean> {
  const removal = kernel.removeLeftovers(claimsOf(kept));
  const isInTime = await within(REMOVAL_MS_MAX, [removal]);
  const removed = isInTime ? await removal : undefined;
  if (removed?.ok === true) return true;
  const why = removed === undefined ? "it takes too long" : removed.error.detail;
  const detail = `states and policies may be left in the kernel: ${why}`;
  note({ level: "warning", reason: "not-removed", detail });
  return false;
}

/** Whether all of it was done in that time. */
async function within(ms: number, work: readonly unknown[]): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const isInTime = await Promise.race([Promise.allSettled(work).then(() => true), late]);
  // Otherwise it would keep the process alive for all of that time.
  clearTimeout(timer);
  return isInTime;
}
