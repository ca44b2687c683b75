/** `erouted why` without a site: which sites tried or were connected, and now are not, and why. */

import { counted, formatSeconds } from "../amounts.ts";
import { type AskOptions, daemonOf, get, type RunningDaemon } from "../daemon-client.ts";
import { fieldAt, listAt, numberAt, textAt, timeAt } from "../json-fields.ts";
import { type Column, type Style, tableLines } from "../table.ts";
import { EXIT, type ExitCode, failure, printable, type Terminal } from "../terminal.ts";
import { wrapped } from "../wrap.ts";
import { daemonMs } from "./eroutes-in-use.ts";

export type WhoOptions = AskOptions & {
  readonly json?: true;
  /** An algorithm of the proposals that were refused last. */
  readonly offers?: string;
};

/** Sites before strangers, the latest first; 4 if a site is among them, 1 without an answer. */
export async function whoIsNot(options: WhoOptions, terminal: Terminal): Promise<ExitCode> {
  const daemon = daemonOf(options, terminal);
  if (!daemon.ok) return daemon.error;
  const offers =
    options.offers === undefined ? "" : `&offers=${encodeURIComponent(options.offers)}`;
  const path = `/api/v1/not-connected?limit=${ROWS_MAX}${offers}`;
  const answer = await get(daemon.value, path);
  if (!answer.ok) return failure(terminal, printable(answer.error));
  const state = await get(daemon.value, "/api/v1/status");
  const nowMs = state.ok ? daemonMs(state.value) : undefined;
  const count = (name: string) => numberAt(answer.value, "counts", name);
  const code = count("failed") + count("ended") === 0 ? EXIT.ok : EXIT.notConnected;
  if (options.json === true) {
    terminal.out(JSON.stringify(answer.value, undefined, 2));
    return code;
  }
  const { columns: width, screen } = terminal;
  const rows = listAt(answer.value, "sites").map((site) => cellsOf(site, nowMs));
  if (rows.length > 0) {
    const lines = tableLines(COLUMNS, rows, { width, screen, styleOf: (cell) => STYLES[cell] });
    for (const line of lines) terminal.out(line);
  }
  for (const line of wrapped(notConnectedText(answer.value), 2, width)) terminal.out(line);
  if (state.ok) await sayFleet(daemon.value, state.value, terminal);
  return code;
}

/** How many of the expected sites are connected, and which were never seen. */
async function sayFleet(daemon: RunningDaemon, state: unknown, terminal: Terminal): Promise<void> {
  const summary = textAt(state, "sites", "summary");
  if (summary === undefined) return;
  for (const line of wrapped(summary, 2, terminal.columns)) terminal.out(line);
  const neverSeen = numberAt(state, "sites", "never_seen");
  if (neverSeen === 0) return;
  const names: string[] = [];
  for (const database of listAt(state, "databases")) {
    const egroup = encodeURIComponent(textAt(database, "egroup") ?? "");
    const limit = NEVER_SEEN_SHOWN - names.length;
    if (limit <= 0) break;
    const path = `/api/v1/peers?egroup=${egroup}&peer_state=never%20seen&limit=${limit}`;
    const page = await get(daemon, path);
    if (!page.ok) return;
    names.push(...listAt(page.value, "peers").map((peer) => textAt(peer, "peer_id") ?? ""));
  }
  const more = neverSeen - names.length;
  const rest = more > 0 ? `, and ${more} more: /api/v1/peers?peer_state=never+seen` : "";
  const text = printable(`never seen: ${names.join(", ")}${rest}`);
  for (const line of wrapped(text, 2, terminal.columns)) terminal.out(line);
}

const NEVER_SEEN_SHOWN = 20;

/** `2 sites failed, 1 was connected, 3 strangers`, from an answer or the daemon's status. */
export function notConnectedText(answer: unknown): string {
  const counts = fieldAt(answer, "counts") ?? fieldAt(answer, "not_connected");
  const [failed, ended, disabled, strangers] = ["failed", "ended", "disabled", "strangers"].map(
    (name) => numberAt(counts, name),
  ) as [number, number, number, number];
  const parts = [
    ...(failed > 0 ? [`${counted(failed, "site")} failed to connect`] : []),
    ...(ended > 0 ? [`${counted(ended, "site")} ${ended === 1 ? "was" : "were"} connected`] : []),
    ...(disabled > 0
      ? [`${counted(disabled, "disabled site")} ${disabled === 1 ? "calls" : "call"}`]
      : []),
    ...(strangers > 0 ? [`${counted(strangers, "stranger")} did not get in`] : []),
  ];
  return parts.length === 0 ? "none: every site that called is connected" : parts.join(", ");
}

const COLUMNS: readonly Column[] = [
  { heading: "SITE", rank: 0, cut: true },
  { heading: "LAST", rank: 3 },
  { heading: "WHEN", rank: 1 },
  { heading: "TIMES", rank: 5 },
  { heading: "WHY", rank: 0, cut: true },
  { heading: "FROM", rank: 4 },
];

const STYLES: Readonly<Partial<Record<string, Style>>> = { failed: "bad", ended: "changing" };

function cellsOf(site: unknown, nowMs: number | undefined): readonly string[] {
  const last = timeAt(site, "last_at");
  const from = textAt(site, "remote") ?? "";
  const age =
    last === undefined || nowMs === undefined
      ? (textAt(site, "last_at") ?? "")
      : `${formatSeconds((nowMs - last) / 1000)} ago`;
  return [
    textAt(site, "peer_id") ?? from.replace(/:\d+$/, "").replace(/^\[|\]$/g, ""),
    fieldAt(site, "known") === true ? (textAt(site, "last") ?? "") : "stranger",
    age,
    String(numberAt(site, "times")),
    textAt(site, "words") ?? textAt(site, "reason") ?? "",
    from,
  ];
}

const ROWS_MAX = 1000;
