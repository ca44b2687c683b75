/** `erouted status`: what a running daemon says about itself, over its HTTP API. */

import { type AskOptions, daemonOf, get } from "../daemon-client.ts";
import { EXIT, type ExitCode, failure, printable, type Terminal } from "../terminal.ts";
import { allEroutes, daemonMs } from "./eroutes-in-use.ts";
import { statusLines } from "./status-lines.ts";
import { tunnelLines } from "./tunnel-lines.ts";

export type StatusOptions = AskOptions & { readonly json?: true };

/** Prints the daemon's state and its dynamic eroutes; 1 if it does not answer. */
export async function status(options: StatusOptions, terminal: Terminal): Promise<ExitCode> {
  const daemon = daemonOf(options, terminal);
  if (!daemon.ok) return daemon.error;
  const state = await get(daemon.value, "/api/v1/status");
  if (!state.ok) return failure(terminal, printable(state.error));
  const isJson = options.json === true;
  const shownMax = isJson ? undefined : SHOWN_MAX;
  const tunnels = await allEroutes(daemon.value, "dynamic", {}, shownMax);
  if (!tunnels.ok) return failure(terminal, printable(tunnels.error));
  const { eroutes, total } = tunnels.value;
  if (isJson) {
    const all = { status: state.value, total, dynamic_eroutes: eroutes };
    terminal.out(JSON.stringify(all, undefined, 2));
    return EXIT.ok;
  }
  const { columns: width, screen } = terminal;
  for (const line of statusLines(state.value, { width, screen })) terminal.out(line);
  terminal.out("");
  const nowMs = daemonMs(state.value);
  const none = eroutes.length === 0;
  const lines = none ? ["no dynamic eroutes"] : tunnelLines(eroutes, { nowMs, width, screen });
  for (const line of lines) terminal.out(line);
  if (!none && total > eroutes.length) {
    terminal.out(`the ${eroutes.length} oldest of ${total}; all: erouted tunnels`);
  }
  return EXIT.ok;
}

/** The first lines stay on the screen. */
const SHOWN_MAX = 10;
