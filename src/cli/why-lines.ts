/** A daemon's explanation of a site, for people: lines that fit their terminal. */

import { formatSeconds } from "./amounts.ts";
import { listAt, numberAt, textAt, timeAt } from "./json-fields.ts";
import { type Column, columnWidths, painted, type Style, tableLine, tableLines } from "./table.ts";
import { printable, type Screen } from "./terminal.ts";
import { wrapped } from "./wrap.ts";

/** Lines no longer than `columns`, if the words allow it; undefined: as long as they are. */
export function whyLines(
  explanation: unknown,
  columns: number | undefined,
  screen?: Screen,
): readonly string[] {
  const wrap = (text: string, indent: number) => wrapped(printable(text), indent, columns);
  const findings = listAt(explanation, "findings");
  const style = STYLES[textAt(explanation, "state") ?? ""] ?? "bad";
  const summary = wrap(textAt(explanation, "summary") ?? "", 0);
  return [
    ...summary.map((line) => painted(line, style, screen)),
    ...(findings.length === 0 ? [] : [""]),
    ...findings.flatMap((finding) => findingLines(finding, wrap, screen)),
    ...comparisonLines(explanation, columns),
    ...adviceLines(explanation, wrap),
    ...attemptLines(explanation, columns),
  ];
}

type Wrap = (text: string, indent: number) => readonly string[];

/** States in the summary: those not named here are bad. */
const STYLES: Readonly<Partial<Record<string, Style>>> = {
  connected: "good",
  negotiating: "changing",
  calling: "changing",
  unknown: "changing",
};

function findingLines(finding: unknown, wrap: Wrap, screen: Screen | undefined): readonly string[] {
  const verdict = textAt(finding, "verdict") ?? "";
  const word = verdict === "problem" ? "PROBLEM" : verdict;
  const about = textAt(finding, "about") ?? "";
  const detail = textAt(finding, "detail") ?? "";
  const style = verdict === "problem" ? "bad" : verdict === "ok" ? "good" : undefined;
  const [first = "", ...others] = wrap(
    `${word.padEnd(7)}  ${about.padEnd(8)}  ${detail}`,
    DETAIL_INDENT,
  );
  const [shown, rest] = [first.slice(0, word.length), first.slice(word.length)];
  return [painted(shown, style, screen) + rest, ...others];
}

/** The column where the details of the findings begin. */
const DETAIL_INDENT = 19;

function adviceLines(explanation: unknown, wrap: Wrap): readonly string[] {
  const advice = listAt(explanation, "advice").map(String);
  if (advice.length === 0) return [];
  return ["", "What to do:", ...advice.flatMap((text) => wrap(`  - ${text}`, 4))];
}

/** Both sides beside each other: part by part if the parts are known, otherwise as they are. */
function comparisonLines(explanation: unknown, columns = Infinity): readonly string[] {
  const nearest = listAt(explanation, "comparison", "nearest");
  const rows = nearest.length > 0 ? nearest.flatMap(partRows) : rowsAsTheyCame(explanation);
  if (rows.length === 0) return [];
  const table = [HEADINGS, ...rows].map((row) => row.map((cell) => (cell === "" ? " " : cell)));
  const widths = columnWidths(table);
  const lines = table.map((row) => tableLine(row, widths));
  const fits = lines.every((line) => line.length <= columns);
  return ["", ...(fits ? lines : belowEachOther(rows))];
}

const HEADINGS = ["", "THE SITE OFFERS", "CONFIGURED HERE", ""];

/** If there is no room beside each other. */
function belowEachOther(rows: readonly (readonly string[])[]): readonly string[] {
  return rows.flatMap(([name = "", offered = "", configured = "", verdict = ""]) => [
    ...(name === "" ? [] : [printable(`${name}  ${verdict}`.trimEnd())]),
    ...(offered === "" ? [] : [printable(`  site  ${offered}`)]),
    ...(configured === "" ? [] : [printable(`  here  ${configured}`)]),
  ]);
}

/** What both have, in one line; or everything that each has, one below the other. */
function partRows(part: unknown): readonly (readonly string[])[] {
  const name = textAt(part, "part") ?? "";
  const [offered, configured, common] = (["offered", "configured", "common"] as const).map((side) =>
    listAt(part, side).map(String),
  );
  if (offered === undefined || configured === undefined || common === undefined) return [];
  const [first] = common;
  if (first !== undefined) return [[name, first, first, ""]];
  return Array.from({ length: Math.max(offered.length, configured.length) }, (_, i) => [
    i === 0 ? name : "",
    offered[i] ?? "",
    configured[i] ?? "",
    i === 0 ? "<- nothing in common" : "",
  ]);
}

function rowsAsTheyCame(explanation: unknown): readonly (readonly string[])[] {
  const offered = listAt(explanation, "comparison", "offered").map(String);
  const configured = listAt(explanation, "comparison", "configured").map(String);
  return Array.from({ length: Math.max(offered.length, configured.length) }, (_, i) => [
    "",
    offered[i] ?? "",
    configured[i] ?? "",
    "",
  ]);
}

function attemptLines(explanation: unknown, width: number | undefined): readonly string[] {
  const attempts = listAt(explanation, "attempts");
  if (attempts.length === 0) return [];
  const rows = attempts.map((attempt) => {
    const last = textAt(attempt, "last_at") ?? "";
    const times = numberAt(attempt, "times");
    return [
      last.slice(0, 19).replace("T", " "),
      textAt(attempt, "outcome") ?? "",
      textAt(attempt, "reason") ?? "",
      textAt(attempt, "step") ?? "",
      times > 1 ? `${times}x in ${formatSeconds(spanSeconds(attempt))}` : "once",
      textAt(attempt, "remote") ?? "",
    ];
  });
  return ["", ...tableLines(ATTEMPT_COLUMNS, rows, { width, screen: undefined })];
}

const ATTEMPT_COLUMNS: readonly Column[] = [
  { heading: "LAST (UTC)", rank: 0 },
  { heading: "OUTCOME", rank: 0 },
  { heading: "REASON", rank: 1 },
  { heading: "AT", rank: 2 },
  { heading: "TIMES", rank: 3 },
  { heading: "REMOTE", rank: 4 },
];

function spanSeconds(attempt: unknown): number {
  const [first, last] = [timeAt(attempt, "first_at"), timeAt(attempt, "last_at")];
  return first === undefined || last === undefined ? 0 : (last - first) / 1000;
}
