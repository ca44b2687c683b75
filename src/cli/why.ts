/** `erouted why PEER`: why a site is or is not connected, and what to do. */

import { describeDatabase } from "../eroute/database.ts";
import { matchConfigured } from "../eroute/match.ts";
import { type AskOptions, daemonOf, get } from "./daemon-client.ts";
import { fieldAt, textAt } from "./json-fields.ts";
import { judgeRows } from "./row-judgement.ts";
import { EXIT, type ExitCode, failure, printable, type Terminal } from "./terminal.ts";
import { whyLines } from "./why-lines.ts";

export type WhyOptions = AskOptions & { readonly peerid: string; readonly json?: true };

/**
 * Prints what the daemon knows of a peer ID, or of an address: 0 if it is connected, 4 if not. With
 * no daemon to ask, what configuration and table say, and 1.
 */
export async function why(options: WhyOptions, terminal: Terminal): Promise<ExitCode> {
  const daemon = daemonOf(options, terminal);
  if (!daemon.ok) return daemon.error;
  const path = `/api/v1/peers/${encodeURIComponent(options.peerid)}/explain`;
  const answer = await get(daemon.value, path);
  if (!answer.ok) {
    const code = failure(terminal, printable(answer.error));
    if (options.json !== true && options.url === undefined)
      await whyWithoutDaemon(options, terminal);
    return code;
  }
  if (textAt(answer.value, "summary") === undefined) {
    return failure(terminal, `${daemon.value.url}: answers without an explanation: is it older?`);
  }
  if (options.json === true) terminal.out(JSON.stringify(answer.value, undefined, 2));
  else for (const line of whyLines(answer.value, terminal.columns)) terminal.out(line);
  return fieldAt(answer.value, "connected") === true ? EXIT.ok : EXIT.notConnected;
}

/** Pattern and row are there without a daemon, too. */
async function whyWithoutDaemon(options: WhyOptions, terminal: Terminal): Promise<void> {
  const { loadConfig } = await import("./configuration.ts");
  const config = loadConfig(options.config, terminal);
  if (!config.ok) return;
  const { peerid } = options;
  const say = (word: string, detail: string) =>
    terminal.out(printable(`${word.padEnd(8)} ${detail}`));
  terminal.out("without a running erouted, of configuration and table:");
  const match = matchConfigured(config.value.plan, peerid);
  if (match.kind === "refused") {
    const near = match.closest === undefined ? "" : `; the nearest pattern is "${match.closest}"`;
    return say("PROBLEM", `no eroute has "${peerid}" (${match.reason})${near}`);
  }
  say("ok", `eroute ${match.eroute.name} matches it by peerid "${match.eroute.peerid.text}"`);
  if (match.kind === "local") return;
  const settings = config.value.databases.find(({ egroup }) => egroup === match.egroup.name);
  if (settings === undefined) return;
  const { openPeers } = await import("../peers/open.ts");
  const opened = openPeers(settings);
  if (!opened.ok) return say("PROBLEM", opened.error.detail);
  try {
    const rows = await opened.value.find({ by: "peerid", peerid });
    if (!rows.ok) return say("PROBLEM", rows.error.detail);
    const judged = judgeRows(peerid, rows.value, config.value, settings);
    const isRight = judged.kind === "right";
    const detail = isRight ? "its row is complete" : judged.detail;
    say(isRight ? "ok" : "PROBLEM", `${describeDatabase(settings)}: ${detail}`);
    for (const note of isRight ? judged.notes : []) say("note", note);
  } finally {
    await opened.value.close();
  }
}
