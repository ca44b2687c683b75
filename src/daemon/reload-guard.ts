/** Whether a valid new configuration may be taken over, in view of the connected sites. */

import type { ConfigurationPreview } from "../concentrator/sites/preview.ts";
import type { Config } from "../config/config.ts";
import { CLOSE_PERCENT_MAX } from "../config/daemon-settings.ts";
import { whyCutOff } from "../config/ending.ts";

/** What it would close, in numbers. */
export function closesOf({ closes }: ConfigurationPreview): number {
  return [...closes.values()].reduce((sum, count) => sum + count, 0);
}

export type Foreseen = {
  readonly preview: ConfigurationPreview;
  /** Why rows of connected sites could not be read. */
  readonly rowFaults: readonly string[];
};

/** Why it is refused unless it is forced; empty: it is not. Rows that were not read may close. */
export function whyHeld(
  running: Config,
  next: Config,
  { preview, rowFaults }: Foreseen,
): readonly string[] {
  const held: string[] = [];
  const cutOff = whyCutOff(running.ending, next.ending);
  if (cutOff !== undefined) held.push(cutOff);
  const { connected, unread } = preview;
  const count = closesOf(preview);
  const most = next.reload.closePercentMax ?? CLOSE_PERCENT_MAX;
  if ((count + unread) * 100 <= connected * most) return held;
  const sites = `of ${connected} connected sites`;
  const closing = `it would close ${count} ${sites} (${reasonsText(preview)})`;
  const limit = `reload.close_percent_max is ${most}`;
  if (unread === 0) held.push(`${closing}, and ${limit}`);
  else {
    const [why = "they have just connected"] = rowFaults;
    const more = `whose rows were not read (${why})`;
    const what =
      count === 0
        ? `it may close ${unread} ${sites}, ${more}`
        : `${closing}, may close ${unread} more, ${more}`;
    held.push(`${what}, and ${limit}`);
  }
  return held;
}

/** `no eroute is for them any more: 3; local_subnet of eroute fleet: 1`. */
export function reasonsText({ closes }: ConfigurationPreview): string {
  const parts = [...closes].slice(0, REASONS_MAX).map(([why, count]) => `${why}: ${count}`);
  return [...parts, ...(closes.size > REASONS_MAX ? ["…"] : [])].join("; ");
}

/** Eroutes, egroups and users that are no longer in the file: `eroute fleet`. */
export function goneNames(running: Config, next: Config): readonly string[] {
  const kinds = ["eroutes", "egroups", "users"] as const;
  return kinds.flatMap((kind) => {
    const there = new Set(next.plan[kind].map(({ name }) => name));
    const gone = running.plan[kind].filter(({ name }) => !there.has(name));
    return gone.slice(0, NAMES_MAX).map(({ name }) => `${kind.slice(0, -1)} ${name}`);
  });
}

const REASONS_MAX = 5;
const NAMES_MAX = 20;
