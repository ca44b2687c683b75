/** A start that goes on from the run before. */

import type { TakenOverView } from "../../status/source.ts";
import type { Daemon } from "../daemon.ts";
import type { Gate } from "../gate.ts";
import { recheckConnected } from "../recheck.ts";
import type { Shell } from "../shell.ts";
import type { Former } from "./former.ts";
import { type Keeper, keeperOf, type TakenOver } from "./keeper.ts";

/** A reload is over by then, also where it closes many sites in portions. */
const RELOADED_MS = 2_000;

/**
 * Reads what the run before has kept. Nothing may have happened to the engine yet; until
 * {@link takeOver}, only messages for which `gate` opens may.
 */
export async function readFormer(
  daemon: Daemon,
  former: Former,
  { gate, shell }: { readonly gate: Gate; readonly shell: Shell },
): Promise<Keeper> {
  const { concentrator, note } = daemon;
  const { why } = former;
  if (why !== undefined) {
    const detail = `what the run before has kept is not used, all sites connect anew: ${why}`;
    note({ level: "warning", reason: "state-refused", detail });
  }
  const keeper = keeperOf(former, concentrator, note);
  daemon.keeper = keeper;
  await keeper.read((prepare) => {
    gate.openFor((octets, path) => {
      const before = prepare(octets);
      if (before === undefined) return false;
      shell.perform(before);
      shell.feed({ kind: "datagram", octets, path });
      return true;
    });
  });
  return keeper;
}

/**
 * Goes on from what was read, and keeps what is up from now on. `beginWith` is called with what is
 * to be done first.
 */
export function takeOver(
  daemon: Daemon,
  { keeper, plan }: { readonly keeper: Keeper } & Pick<Former, "plan">,
  beginWith: (effects: TakenOver["effects"]) => void,
): void {
  const { note } = daemon;
  const taken = keeper.takeOver();
  daemon.takenOver = taken;
  beginWith(taken.effects);
  if (taken.before > 0) {
    const level = taken.closed.size === 0 ? "info" : "warning";
    note({ level, reason: "taken-over", detail: takenOverText(taken) });
  }
  // As after a reload: nobody goes whom the change does not concern.
  if (plan === undefined) {
    // Whoever ends before it is kept would leave SAs of which nobody knows how they were made.
    keeper.saveConfiguration(daemon.config.sources);
    return;
  }
  daemon.shell?.feed({ kind: "configuration", plan: daemon.config.plan });
  keepConfiguration(daemon);
}

/** For those who look at the daemon; undefined if there was nothing to take over. */
export function takenOverView(taken: Daemon["takenOver"]): TakenOverView | undefined {
  if (taken === undefined || taken.before === 0) return undefined;
  const { before, now, closed } = taken;
  return { before, now, closed, summary: takenOverText(taken) };
}

/** In words: of how many sites of the run before how many are left, and why others are not. */
function takenOverText({
  before,
  now,
  closed,
}: Pick<NonNullable<Daemon["takenOver"]>, "before" | "now" | "closed">): string {
  const why = [...closed].map(([reason, count]) => `${count} ${reason}`).join(", ");
  const more = why === "" ? "" : `, ${before - now} closed: ${why}`;
  return `taken over ${now} of ${before} from the run before${more}`;
}

/**
 * Keeps the configuration in force, in a moment: until then the next start would apply the change
 * once more, which does no harm.
 */
export function keepConfiguration(daemon: Daemon): void {
  const { keeper } = daemon;
  if (keeper === undefined) return;
  const keep = () => {
    if (!daemon.isEnding) keeper.saveConfiguration(daemon.config.sources);
  };
  setTimeout(keep, RELOADED_MS).unref();
}

/** Rows may have changed while nothing ran. */
export function recheckTakenOver(daemon: Daemon): void {
  if (daemon.takenOver === undefined || daemon.takenOver.now === 0) return;
  for (const { egroup } of daemon.config.databases) void recheckConnected(daemon, egroup);
}
