/** Tables of text for people: columns as wide as their widest cell, or as the terminal allows. */

import { printable, type Screen } from "./terminal.ts";

export type Cells = readonly string[];

/** A column of a table that fits a terminal. */
export type Column = {
  readonly heading: string;
  /** The highest is left out first if there is no room; 0 always stays. */
  readonly rank: number;
  /** Shortened, with an ellipsis, before a column is left out; others are shown whole. */
  readonly cut?: boolean;
};

export type Style = "good" | "bad" | "changing";

/** How lines are made for their output. */
export type TableOptions = {
  /** Undefined: as long as they are. */
  readonly width: number | undefined;
  readonly screen: Screen | undefined;
  /** Of a cell that stands out. */
  readonly styleOf?: (cell: string) => Style | undefined;
};

/**
 * A heading and a line for each row, no longer than the width as far as columns can be narrowed.
 */
export function tableLines(
  columns: readonly Column[],
  rows: readonly Cells[],
  { width, screen, styleOf }: TableOptions,
): readonly string[] {
  const shown = rows.map((row) => row.map((cell) => printable(cell === "" ? "-" : cell)));
  const all = [columns.map(({ heading }) => heading), ...shown];
  const { kept, widths } = fitted(columns, naturalWidths(all, width), width ?? Infinity);
  const lineOf = (row: Cells, style?: TableOptions["styleOf"]) => {
    const cells = kept.map((i) => {
      const cell = row[i] ?? "";
      const room = widths[i] ?? 0;
      // Without a terminal, a cell that is too long extends beyond its column.
      const text = width === undefined ? padded(cell, room) : padded(cutTo(cell, room), room);
      return painted(text, style?.(cell), screen);
    });
    return cells.join("  ").trimEnd();
  };
  const [headings = []] = all;
  return [lineOf(headings), ...shown.map((row) => lineOf(row, styleOf))];
}

/** Text in a colour, where there are any. */
export function painted(
  text: string,
  style: Style | undefined,
  screen: Screen | undefined,
): string {
  if (style === undefined || screen?.colour !== true) return text;
  return `\x1b[${SGR[style]}m${text}\x1b[0m`;
}

/** Text of at most so many columns; longer text ends in an ellipsis. */
export function cutTo(text: string, width: number): string {
  if (Bun.stringWidth(text) <= width) return text;
  let kept = "";
  let used = 1;
  for (const { segment } of GRAPHEMES.segment(text)) {
    used += Bun.stringWidth(segment);
    if (used > width) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** Widths for these rows, so that later rows can be aligned below them. */
export function columnWidths(rows: readonly Cells[]): readonly number[] {
  return naturalWidths(rows, undefined);
}

/** One line, without blanks at its end; an empty cell is shown as `-`. */
export function tableLine(row: Cells, widths: readonly number[]): string {
  const cells = row.map((cell, i) => padded(printable(cell === "" ? "-" : cell), widths[i] ?? 0));
  return cells.join("  ").trimEnd();
}

function naturalWidths(rows: readonly Cells[], width: number | undefined): readonly number[] {
  const most = width === undefined ? CELL_WIDTH_MAX : Infinity;
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) {
      widths[i] = Math.max(widths[i] ?? 0, Math.min(Bun.stringWidth(cell), most));
    }
  }
  return widths;
}

type Fitted = { readonly kept: readonly number[]; readonly widths: readonly number[] };

/** Leaves out columns while even the shortest cuts are too long; then shortens the widest. */
function fitted(columns: readonly Column[], natural: readonly number[], width: number): Fitted {
  const widths = [...natural];
  const isCut = (i: number) => columns[i]?.cut === true;
  const rank = (i: number) => columns[i]?.rank ?? 0;
  let kept = [...columns.keys()];
  const least = () => sum(kept.map((i) => Math.min(widths[i] ?? 0, isCut(i) ? CUT_MIN : Infinity)));
  const gaps = () => 2 * (kept.length - 1);
  while (least() + gaps() > width) {
    const last = kept.reduce((a, b) => (rank(b) >= rank(a) ? b : a));
    if (rank(last) === 0) break;
    kept = kept.filter((i) => i !== last);
  }
  for (;;) {
    const over = sum(kept.map((i) => widths[i] ?? 0)) + gaps() - width;
    const able = kept.filter((i) => isCut(i) && (widths[i] ?? 0) > CUT_MIN);
    if (over <= 0 || able.length === 0) return { kept, widths };
    const widest = able.reduce((a, b) => ((widths[b] ?? 0) > (widths[a] ?? 0) ? b : a));
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
}

function padded(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - Bun.stringWidth(text)));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** ECMA-48 §8.3.117. */
const SGR: Readonly<Record<Style, number>> = { good: 32, bad: 31, changing: 33 };
const GRAPHEMES = new Intl.Segmenter();
/** Longer cells extend beyond their column rather than pushing all others away. */
const CELL_WIDTH_MAX = 48;
const CUT_MIN = 12;
