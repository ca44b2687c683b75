/** A start that goes on from the run before. */

import type { Daemon } from "../daemon.ts";
import { recheckConnected } from "../recheck.ts";
import { openKeeper, type TakenOver } from "./keeper.ts";

/** Goes on from what the run before has kept, and keeps what is up from now on. */
export function takeOverFrom(daemon: Daemon, folder: string): TakenOver | undefined {
  const { concentrator, note } = daemon;
  daemon.keeper = openKeeper(folder, concentrator, note);
  const taken = daemon.keeper?.takeOver();
  if (taken === undefined || taken.before === 0) return taken;
  const { before, now: left, closed } = taken;
  const why = [...closed].map(([reason, count]) => `${count} ${reason}`).join(", ");
  const more = why === "" ? "" : `; closed: ${why}`;
  const detail = `taken over ${left} of ${before} from the run before${more}`;
  note({ level: closed.size === 0 ? "info" : "warning", reason: "taken-over", detail });
  return taken;
}

/** Rows may have changed while nothing ran. */
export function recheckTakenOver(daemon: Daemon): void {
  if (daemon.keeper === undefined) return;
  for (const { egroup } of daemon.config.databases) void recheckConnected(daemon, egroup);
}
