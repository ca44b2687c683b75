/** After a row was written: a running daemon reads it at once, or else notices it later. */

import type { Config } from "../../config/config.ts";
import { lookedAtWithinMs } from "../../daemon/poll.ts";
import { type AskOptions, daemonOf, post } from "../daemon-client.ts";
import { textAt } from "../json-fields.ts";
import type { Terminal } from "../terminal.ts";

export type Acted = { readonly counts: "at once" | "from the next look"; readonly detail: string };

/** Makes the daemon read a site's row again; whatever it answers, the row stays written. */
export async function actAtOnce(
  options: AskOptions,
  row: { readonly config: Config; readonly egroup: string; readonly peerid: string },
  terminal: Terminal,
): Promise<Acted> {
  const faults: string[] = [];
  const quiet = { ...terminal, out: () => {}, err: (line: string) => void faults.push(line) };
  const daemon = daemonOf(options, quiet);
  const path = `/api/v1/peers/${encodeURIComponent(row.peerid)}/reload`;
  const asked = daemon.ok ? await post(daemon.value, path) : undefined;
  if (asked?.ok === true) {
    return { counts: "at once", detail: textAt(asked.value, "detail") ?? "its row is read again" };
  }
  const why = asked?.error.detail ?? faults.join("; ");
  const detail = `${why}; it takes effect ${nextLook(row.config, row.egroup)}`;
  return { counts: "from the next look", detail };
}

/** When a daemon notices the row by itself. */
function nextLook(config: Config, egroup: string): string {
  const ms = lookedAtWithinMs(config, egroup);
  if (ms === undefined) return "when the site connects again: poll_interval is off";
  const minutes = Math.ceil(ms / 60_000);
  return `from the next look, at most ${minutes} ${minutes === 1 ? "minute" : "minutes"} from now`;
}
