/** `erouted status`: what a running daemon says of itself, asked over its HTTP API. */

import { err, ok, type Result } from "../octets/result.ts";
import { type AskOptions, type Daemon, daemonOf, get } from "./daemon-client.ts";
import { fieldAt, listAt, numberAt, timeAt } from "./json-fields.ts";
import { statusLines } from "./status-lines.ts";
import { EXIT, type ExitCode, failure, printable, type Terminal } from "./terminal.ts";
import { tunnelLines } from "./tunnel-lines.ts";

export type StatusOptions = AskOptions & { readonly json?: true };

/** Prints the daemon's state and its dynamic eroutes; 1 if it does not answer. */
export async function status(options: StatusOptions, terminal: Terminal): Promise<ExitCode> {
  const daemon = daemonOf(options, terminal);
  if (!daemon.ok) return daemon.error;
  const state = await get(daemon.value, "/api/v1/status");
  if (!state.ok) return failure(terminal, printable(state.error));
  const tunnels = await allTunnels(daemon.value);
  if (!tunnels.ok) return failure(terminal, printable(tunnels.error));
  const { eroutes, total } = tunnels.value;
  if (options.json === true) {
    const all = { status: state.value, total, dynamic_eroutes: eroutes };
    terminal.out(JSON.stringify(all, undefined, 2));
    return EXIT.ok;
  }
  for (const line of statusLines(state.value)) terminal.out(line);
  terminal.out("");
  for (const line of tunnelLines(eroutes, daemonMs(state.value), total)) terminal.out(line);
  return EXIT.ok;
}

/** The daemon's time of day: ages must not depend on the clock of whoever asks. */
function daemonMs(state: unknown): number | undefined {
  const started = timeAt(state, "started_at");
  return started === undefined ? undefined : started + numberAt(state, "uptime_seconds") * 1000;
}

type Tunnels = { readonly eroutes: readonly unknown[]; readonly total: number };

/** Page by page; sites that come and go meanwhile may be missed or be there twice. */
async function allTunnels(daemon: Daemon): Promise<Result<Tunnels, string>> {
  const eroutes: unknown[] = [];
  let total = 0;
  for (let page = 0; page < PAGES_MAX; page++) {
    const path = `/api/v1/dynamic-eroutes?limit=${PAGE_ROWS}&offset=${eroutes.length}`;
    const answer = await get(daemon, path);
    if (!answer.ok) return answer;
    if (!Array.isArray(fieldAt(answer.value, "dynamic_eroutes"))) {
      return err(`${daemon.url}: answers without dynamic_eroutes: is that erouted?`);
    }
    const rows = listAt(answer.value, "dynamic_eroutes");
    eroutes.push(...rows);
    total = numberAt(answer.value, "total");
    if (rows.length < PAGE_ROWS) break;
  }
  return ok({ eroutes, total: Math.max(total, eroutes.length) });
}

const PAGE_ROWS = 1000;
const PAGES_MAX = 1000;
