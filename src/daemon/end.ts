/** How the daemon ends: with a word to every site, or without one, for a process that goes on. */

import { standingPolicies } from "../concentrator/dataplane/no-sa.ts";
import { now } from "../linux/clock.ts";
import { openKernel } from "../linux/xfrm-kernel.ts";
import { claimsOf } from "../xfrm/claims.ts";
import type { Daemon } from "./daemon.ts";
import { unhashPolicies } from "./policy-hash.ts";

/** Time for sites to answer our Delete at shutdown. */
const FAREWELL_MS = 3_000;
const CLOSE_MS = 1_000;

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

/** Deletes every site's IKE SAs, and waits for their answers, but not for long. */
export async function sayFarewell(daemon: Daemon): Promise<void> {
  const { shell, concentrator } = daemon;
  if (shell === undefined) return;
  shell.feed({ kind: "shutdown" });
  const until = now() + FAREWELL_MS;
  while (!concentrator.isIdle() && now() < until) await Bun.sleep(10);
}

/** Closes everything in reverse order; what cannot be closed in time is left to the kernel. */
export async function close(daemon: Daemon): Promise<void> {
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
    // Only a bug or a lost answer leaves anything: nothing of ours may stay behind.
    daemon.shell === undefined ? undefined : kernel?.removeLeftovers(claimsOf(kept)),
  ]);
  if (kernel !== undefined) unhashPolicies(daemon);
  kernel?.close();
  daemon.routes?.close();
  daemon.sockets?.close();
  if (daemon.shell !== undefined) {
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

async function within(ms: number, work: readonly unknown[]): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([Promise.allSettled(work), late]);
  // Otherwise it would keep the process alive for all of that time.
  clearTimeout(timer);
}
