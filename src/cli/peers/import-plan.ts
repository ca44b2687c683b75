/**
 * What the rows of a file would do to a table: which are added, changed, left, or refused, and why.
 */

import type { Config } from "../../config/config.ts";
import type { DatabaseSettings } from "../../eroute/database.ts";
import { peerKey } from "../../eroute/peer-id.ts";
import type { PeerRow } from "../../eroute/row.ts";
import type { PeerChange } from "../../peers/repository.ts";
import { generatePasswordFor } from "./generated-password.ts";
import { passwordFormatOf } from "./key-source.ts";
import { isRefused, type Owner, overlapLine, overlapsAmong, ownerOf } from "./overlaps.ts";
import { type Fields, type FileRow, ROW_KEYS, type RowKey } from "./row-file.ts";
import { judgeRows } from "./row-judgement.ts";
import { SharedKeys } from "./shared-keys.ts";

export type ImportRules = {
  readonly config: Config;
  readonly settings: DatabaseSettings;
  /** Existing rows may be changed. */
  readonly update: true | undefined;
  /** New rows without a key get one. */
  readonly generate: true | undefined;
  /** Rows may have the subnet of another row. */
  readonly allowOverlap: true | undefined;
  /** Reports progress now and then. */
  readonly tick: (done: number, total: number) => void;
  readonly end: () => void;
};

export type PlannedRow = {
  readonly at: number;
  readonly peerid: string;
  /** Undefined: the row exists unchanged. */
  readonly change: PeerChange | undefined;
  /** For an update, the columns. */
  readonly changed: readonly RowKey[];
  /** What its site has; undefined for a disabled one. */
  readonly owner: Owner | undefined;
};

export type PlannedImport = {
  readonly rows: readonly PlannedRow[];
  readonly refused: readonly {
    readonly at: number;
    readonly peerid: string;
    readonly fault: string;
  }[];
  /** Notes on effects that may surprise. */
  readonly notes: readonly {
    readonly at: number;
    readonly peerid: string;
    readonly detail: string;
  }[];
  readonly counts: { readonly added: number; readonly changed: number; readonly unchanged: number };
};

/** Checks all rows, so that every fault is reported at once. */
export async function planImport(
  fileRows: readonly FileRow[],
  present: readonly PeerRow[],
  rules: ImportRules,
): Promise<PlannedImport> {
  const there = byKey(present);
  const seen = new Map<string, number>();
  const rows: PlannedRow[] = [];
  const refused: PlannedImport["refused"][number][] = [];
  const notes: PlannedImport["notes"][number][] = [];
  for (const [i, fileRow] of fileRows.entries()) {
    if (i % ROWS_PER_TURN === 0) {
      rules.tick(i, fileRows.length);
      await Bun.sleep(0);
    }
    const { at } = fileRow;
    const planned = planRow(fileRow, { there, seen }, rules);
    if ("fault" in planned) {
      refused.push({ at, peerid: planned.peerid, fault: planned.fault });
      continue;
    }
    rows.push(planned);
    for (const detail of planned.notes) notes.push({ at, peerid: planned.peerid, detail });
  }
  noteSharedKeys(rows, present, notes);
  const kept = judgeOverlaps({ rows, refused, notes }, present, rules);
  rules.end();
  const count = (kind: PeerChange["kind"]) =>
    kept.filter(({ change }) => change?.kind === kind).length;
  const [added, changed] = [count("add"), count("update")];
  const counts = { added, changed, unchanged: kept.length - added - changed };
  return { rows: kept, refused, notes, counts };
}

type Refusal = { readonly peerid: string; readonly fault: string };
type Known = {
  readonly there: ReadonlyMap<string, readonly PeerRow[]>;
  /** Where an ID was in the file. */
  readonly seen: Map<string, number>;
};

function planRow(
  fileRow: FileRow,
  { there, seen }: Known,
  rules: ImportRules,
): (PlannedRow & { readonly notes: readonly string[] }) | Refusal {
  if ("fault" in fileRow) return { peerid: "", fault: fileRow.fault };
  const { at, fields } = fileRow;
  const peerid = fields.peerid ?? "";
  if (peerid === "") return { peerid, fault: "peerid is missing" };
  const key = peerKey(peerid);
  const earlier = seen.get(key);
  if (earlier !== undefined) return { peerid, fault: `is at ${earlier} already` };
  seen.set(key, at);
  const found = there.get(key) ?? [];
  const [row] = found;
  if (found.length > 1)
    return { peerid, fault: `there are ${found.length} rows with this ID: remove all but one` };
  const fresh = row === undefined ? newRow(peerid, fields, rules) : undefined;
  const changed = row === undefined ? [] : differences(row, fields);
  if (changed.length > 0 && rules.update !== true) {
    const which = changed.join(", ");
    return { peerid, fault: `exists already, with another ${which}: --update changes it` };
  }
  // `peers check` checks existing rows.
  if (row !== undefined && changed.length === 0) {
    const owner = ownerOf(row, rules.config, rules.settings);
    return { at, peerid, change: undefined, changed, notes: [], owner };
  }
  const after = { ...EMPTY_ROW, ...row, ...given(fields), ...fresh, peerid };
  // A disabled row has to be valid for the day on which it is enabled.
  const judged = judgeRows(peerid, [{ ...after, disabled: null }], rules.config, rules.settings);
  if (judged.kind === "faulty") {
    const isKeyless = fresh?.password === "" && judged.reason === "no-password";
    const fault = isKeyless ? "password is missing: --generate makes one" : judged.detail;
    return { peerid, fault };
  }
  const notes = judged.kind === "right" ? judged.notes : [];
  const change = changeOf(row, fields, { fresh, changed });
  const owner = ownerOf({ ...after, peerid }, rules.config, rules.settings);
  return { at, peerid, change, changed, notes, owner };
}

/** Keys of the file that other rows have, too: reported for the first row with each. */
function noteSharedKeys(
  rows: readonly PlannedRow[],
  present: readonly PeerRow[],
  notes: PlannedImport["notes"][number][],
): void {
  const keys = new SharedKeys();
  const written = rows.flatMap(({ at, change }) => {
    const { peerid, password = null } = change?.peer ?? {};
    return peerid === undefined || password === null ? [] : [{ at, peerid, password }];
  });
  const anew = new Set(written.map(({ peerid }) => peerKey(peerid)));
  for (const row of written) keys.add(row);
  for (const row of present) if (!anew.has(peerKey(row.peerid))) keys.add(row);
  const places = new Map(written.map(({ at, peerid }) => [peerid, at]));
  for (const { peerid, detail } of keys.notes()) {
    const at = places.get(peerid);
    if (at !== undefined) notes.push({ at, peerid, detail });
  }
}

type Judged = {
  readonly rows: readonly PlannedRow[];
  readonly refused: PlannedImport["refused"][number][];
  readonly notes: PlannedImport["notes"][number][];
};

/** R10: the rows of the file that no other row, in the table or the file, keeps out. */
function judgeOverlaps(
  { rows, refused, notes }: Judged,
  present: readonly PeerRow[],
  { config, settings, allowOverlap }: ImportRules,
): readonly PlannedRow[] {
  const out = new Set<PlannedRow>();
  const ofFile = new Map(rows.map((row) => [peerKey(row.peerid), row]));
  const others = present.filter(({ peerid }) => !ofFile.has(peerKey(peerid)));
  const owners = [
    ...others.flatMap((row) => ownerOf(row, config, settings) ?? []),
    ...rows.flatMap(({ owner }) => owner ?? []),
  ];
  for (const overlap of overlapsAmong(owners)) {
    const row = ofFile.get(peerKey(overlap.owner.peerid));
    if (row?.change === undefined) continue;
    const { at, peerid } = row;
    const detail = overlapLine(overlap);
    if (allowOverlap === true || !isRefused(overlap)) {
      notes.push({ at, peerid, detail });
      continue;
    }
    if (out.has(row)) continue;
    out.add(row);
    refused.push({ at, peerid, fault: `${detail}; --allow-overlap accepts it anyway` });
  }
  return rows.filter((row) => !out.has(row));
}

type Change = {
  readonly fresh: Extract<PeerChange, { kind: "add" }>["peer"] | undefined;
  readonly changed: readonly RowKey[];
};

function changeOf(
  row: PeerRow | undefined,
  fields: Fields,
  { fresh, changed }: Change,
): PeerChange | undefined {
  if (fresh !== undefined) return { kind: "add", peer: fresh };
  if (row === undefined || changed.length === 0) return undefined;
  const values = Object.fromEntries(changed.map((key) => [key, fields[key] ?? null]));
  return { kind: "update", peer: { ...values, peerid: row.peerid } };
}

function newRow(
  peerid: string,
  fields: Fields,
  { generate, config, settings }: ImportRules,
): Extract<PeerChange, { kind: "add" }>["peer"] {
  // Without a key it may still be right, if both ends have certificates.
  const format = passwordFormatOf(config, settings.egroup);
  const password = fields.password ?? (generate === true ? generatePasswordFor(format) : "");
  return { ...given(fields), peerid, password };
}

/** The fields of the file. An empty password counts as none: no file removes a site's key. */
function given({ password, ...fields }: Fields): Fields {
  return password == null ? fields : { ...fields, password };
}

function differences(row: PeerRow, fields: Fields): readonly RowKey[] {
  const wanted = given(fields);
  return ROW_KEYS.filter((key) => {
    const value = wanted[key];
    return key !== "peerid" && value !== undefined && isSame(key, row[key], value) === false;
  });
}

function isSame(key: RowKey, a: string | null | undefined, b: string | null): boolean {
  const plain = (value: string | null | undefined) =>
    key === "disabled" && (value ?? "") === "0" ? "" : (value ?? "");
  return plain(a) === plain(b);
}

function byKey(rows: readonly PeerRow[]): ReadonlyMap<string, readonly PeerRow[]> {
  const found = new Map<string, PeerRow[]>();
  for (const row of rows) {
    const key = peerKey(row.peerid);
    const same = found.get(key);
    if (same === undefined) found.set(key, [row]);
    else same.push(row);
  }
  return found;
}

const EMPTY_ROW = {
  password: null,
  remip: null,
  remmsk: null,
  peerip: null,
  bakpeerip: null,
  ourid: null,
};
const ROWS_PER_TURN = 100;
