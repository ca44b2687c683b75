/** Why a row makes no dynamic eroute (R6), and how its columns are read. */

import { err } from "../octets/result.ts";
import type { RowReason } from "../reason/reason.ts";

/** `detail` says what the row has, what is expected, and what to do. */
export type RowFault = {
  readonly kind: RowReason;
  /** Our word for the column, if one is at fault. */
  readonly column?: string;
  readonly detail: string;
};

export function rowFault(
  kind: RowFault["kind"],
  column: string,
  detail: string,
): { readonly ok: false; readonly error: RowFault } {
  return err({ kind, column, detail });
}

/** A column's text without blanks around it; undefined for NULL and for blanks alone. */
export function filled(text: string | null | undefined): string | undefined {
  const trimmed = text?.trim();
  return trimmed === "" ? undefined : trimmed;
}
