/** Tables of text for people: columns as wide as their widest cell. */

import { printable } from "./terminal.ts";

export type Cells = readonly string[];

/** Widths for these rows, so that later rows can stand below them. */
export function columnWidths(rows: readonly Cells[]): readonly number[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) {
      widths[i] = Math.max(widths[i] ?? 0, Math.min(cell.length, CELL_WIDTH_MAX));
    }
  }
  return widths;
}

/** One line, without blanks at its end; an empty cell is shown as `-`. */
export function tableLine(row: Cells, widths: readonly number[]): string {
  const cells = row.map((cell, i) => printable(cell === "" ? "-" : cell).padEnd(widths[i] ?? 0));
  return cells.join("  ").trimEnd();
}

/** Longer cells stand out of their column rather than push all others away. */
const CELL_WIDTH_MAX = 48;
