/** A daemon's explanation of a site, for people: lines that fit their terminal. */

import { formatSeconds } from "./amounts.ts";
import { listAt, numberAt, textAt, timeAt } from "./json-fields.ts";
import { columnWidths, tableLine } from "./table.ts";
import { printable } from "./terminal.ts";
import { wrapped } from "./wrap.ts";

/** Lines no longer than `columns`, where words allow it; undefined: as long as they are. */
export function whyLines(explanation: unknown, columns: number | undefined): readonly string[] {
  const wrap = (text: string, indent: number) => wrapped(printable(text), indent, columns);
  return [
    ...wrap(textAt(explanation, "summary") ?? "", 0),
    "",
    ...listAt(explanation, "findings").flatMap((finding) => {
      const verdict = textAt(finding, "verdict") ?? "";
      const word = verdict === "problem" ? "PROBLEM" : verdict;
      const about = textAt(finding, "about") ?? "";
      const detail = textAt(finding, "detail") ?? "";
      return wrap(`${word.padEnd(7)}  ${about.padEnd(8)}  ${detail}`, DETAIL_INDENT);
    }),
    ...comparisonLines(explanation),
    ...adviceLines(explanation, wrap),
    ...attemptLines(explanation),
  ];
}

type Wrap = (text: string, indent: number) => readonly string[];

/** Where the details of the findings begin. */
const DETAIL_INDENT = 19;

function adviceLines(explanation: unknown, wrap: Wrap): readonly string[] {
  const advice = listAt(explanation, "advice").map(String);
  if (advice.length === 0) return [];
  return ["", "What to do:", ...advice.flatMap((text) => wrap(`  - ${text}`, 4))];
}

/** Both sides beside each other, a proposal or a selector a line. */
function comparisonLines(explanation: unknown): readonly string[] {
  const offered = listAt(explanation, "comparison", "offered").map(String);
  const configured = listAt(explanation, "comparison", "configured").map(String);
  if (offered.length + configured.length === 0) return [];
  const rows = Array.from({ length: Math.max(offered.length, configured.length) }, (_, i) => [
    offered[i] ?? " ",
    configured[i] ?? " ",
  ]);
  const table = [["THE SITE OFFERS", "CONFIGURED HERE"], ...rows];
  const widths = columnWidths(table);
  const only = (side: string, text: string) => {
    const words = listAt(explanation, "comparison", side).map(String);
    return words.length === 0 ? [] : [printable(`${text}: ${words.join(", ")}`)];
  };
  return [
    "",
    ...table.map((row) => tableLine(row, widths)),
    ...only("only_offered", "only the site has"),
    ...only("only_configured", "only this end has"),
  ];
}

function attemptLines(explanation: unknown): readonly string[] {
  const attempts = listAt(explanation, "attempts");
  if (attempts.length === 0) return [];
  const rows = attempts.map((attempt) => {
    const last = textAt(attempt, "last_at") ?? "";
    const times = numberAt(attempt, "times");
    return [
      last.slice(0, 19).replace("T", " "),
      textAt(attempt, "outcome") ?? "",
      times > 1 ? `${times}x in ${formatSeconds(spanSeconds(attempt))}` : "once",
      textAt(attempt, "step") ?? "",
      textAt(attempt, "reason") ?? "",
      textAt(attempt, "remote") ?? "",
    ];
  });
  const table = [["LAST (UTC)", "OUTCOME", "TIMES", "AT", "REASON", "REMOTE"], ...rows];
  const widths = columnWidths(table);
  return ["", ...table.map((row) => tableLine(row, widths))];
}

function spanSeconds(attempt: unknown): number {
  const [first, last] = [timeAt(attempt, "first_at"), timeAt(attempt, "last_at")];
  return first === undefined || last === undefined ? 0 : (last - first) / 1000;
}
