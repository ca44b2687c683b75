/** `erouted why PEER`: why a site is or is not connected, and what to do. */

import { type AskOptions, daemonOf, get } from "./daemon-client.ts";
import { fieldAt, textAt } from "./json-fields.ts";
import { EXIT, type ExitCode, failure, printable, type Terminal } from "./terminal.ts";
import { whyLines } from "./why-lines.ts";

export type WhyOptions = AskOptions & { readonly peerid: string; readonly json?: true };

/**
 * Prints what the daemon knows about a peer ID, or an address: 0 if it is connected, 4 if not. If
 * no daemon answers, prints what configuration and table show, and returns 1.
 */
export async function why(options: WhyOptions, terminal: Terminal): Promise<ExitCode> {
  const daemon = daemonOf(options, terminal);
  if (!daemon.ok) return daemon.error;
  const path = `/api/v1/peers/${encodeURIComponent(options.peerid)}/explain`;
  const answer = await get(daemon.value, path);
  if (!answer.ok) {
    const code = failure(terminal, printable(answer.error));
    if (options.url === undefined) await whyWithoutDaemon(options, terminal);
    return code;
  }
  if (textAt(answer.value, "summary") === undefined) {
    return failure(terminal, `${daemon.value.url}: its answer has no explanation: is it older?`);
  }
  say(answer.value, options, terminal);
  return fieldAt(answer.value, "connected") === true ? EXIT.ok : EXIT.notConnected;
}

/** Pattern and row can be read without a daemon, too. */
async function whyWithoutDaemon(options: WhyOptions, terminal: Terminal): Promise<void> {
  const { loadConfig } = await import("./configuration.ts");
  const config = loadConfig(options.config, terminal);
  if (!config.ok) return;
  const { explainOffline } = await import("../daemon/explain-offline.ts");
  say(await explainOffline(config.value, options.peerid), options, terminal);
}

function say(explanation: unknown, { json }: WhyOptions, terminal: Terminal): void {
  if (json === true) terminal.out(JSON.stringify(explanation, undefined, 2));
  else {
    const lines = whyLines(explanation, terminal.columns, terminal.screen);
    for (const line of lines) terminal.out(line);
  }
}
