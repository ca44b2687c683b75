/** The peer table in an SQLite file: for a single router, and for experiments. */

import { Database, type Statement as Prepared } from "bun:sqlite";
import { closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname, isAbsolute } from "node:path";
import { describeDatabase, type SqliteSettings } from "../eroute/database.ts";
import { peerKey } from "../eroute/peer-id.ts";
import type { LookupFault, PeerRow } from "../eroute/row.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { NO_COLUMN, readChanges } from "./changed-rows.ts";
import { type KnownColumns, type KnownTable, knownColumns } from "./known-columns.ts";
import type { RawRow, Statement } from "./raw-row.ts";
import { lostFault, readBack } from "./read-back.ts";
import type { ChangedRows, DuplicatePeer, NewPeer, PeerChange, RowCounts } from "./repository.ts";
import { sqliteSchema } from "./schema.ts";
import { changeStatement, peerRow, rowCounts } from "./statement.ts";
import type { Answer, Page, PeerTable, Selected, Selection } from "./table.ts";
import { createSqliteTable } from "./table-creation.ts";
import { columnAdvice, indexAdvice, unmapped } from "./table-shape.ts";

export function openSqliteTable(settings: SqliteSettings): PeerTable {
  return new SqliteTable(settings);
}

/** An open file, and which file it was when it was opened. */
type Opened = { readonly database: Database; readonly file: string };

class SqliteTable implements PeerTable {
  readonly #settings: SqliteSettings;
  readonly #columns: KnownColumns<SqliteSettings>;
  readonly #prepared = new Map<string, Prepared>();
  #opened: Opened | undefined;
  #closed = false;

  constructor(settings: SqliteSettings) {
    this.#settings = settings;
    this.#columns = knownColumns(settings, sqliteSchema);
  }

  async select(selection: Selection, rowsPerKey: number, signal: AbortSignal): Answer<Selected> {
    return this.#withTable(signal, async ({ statements }) => {
      const statement = statements.select(selection, rowsPerKey);
      const rows = await this.#rows(statement, signal);
      if (!rows.ok) return rows;
      const complete = rows.value.length <= statement.rowsMax;
      return ok({ rows: rows.value.map(peerRow), complete });
    });
  }

  async check(signal: AbortSignal): Answer<undefined> {
    return this.#withTable(signal, async ({ statements }) => {
      const rows = await this.#rows(statements.probe(), signal);
      return rows.ok ? ok(undefined) : rows;
    });
  }

  async init(signal: AbortSignal): Answer<"created" | "exists"> {
    const made = this.#createFile();
    if (!made.ok) return made;
    const present = await this.check(signal);
    if (present.ok) return ok("exists");
    if (present.error.kind !== "no-table") return present;
    const statements = createSqliteTable(sqliteSchema(this.#settings), this.#settings.table);
    for (const statement of statements) {
      const done = await this.#rows(statement, signal);
      if (!done.ok) return done;
    }
    return ok("created");
  }

  async add(
    peer: NewPeer,
    signal: AbortSignal,
  ): Promise<Result<undefined, LookupFault | DuplicatePeer>> {
    const found = await this.#spellings(peer.peerid, signal);
    if (!found.ok) return found;
    if (found.value.length > 0) {
      const detail = `${this.#where()}: there is a row for ${peer.peerid} already`;
      return err({ kind: "duplicate", detail });
    }
    return this.write([{ kind: "add", peer }], signal);
  }

  async write(changes: readonly PeerChange[], signal: AbortSignal): Answer<undefined> {
    return this.#withTable(signal, async ({ statements, settings }) => {
      const wanted = changes.map((change) => ({
        missing: unmapped(change.peer, settings),
        statement: changeStatement(statements, change),
      }));
      const missing = wanted.find((change) => change.missing !== undefined)?.missing;
      if (missing !== undefined) return err(missing);
      const begun = await this.#rows(BEGIN, signal);
      if (!begun.ok) return begun;
      for (const { statement } of wanted) {
        const done = await this.#rows(statement, signal);
        if (done.ok) continue;
        this.#opened?.database.run("rollback");
        return done;
      }
      const back = await readBack(changes, statements, (statement) =>
        this.#rows(statement, signal),
      );
      const lost = back.ok ? back.value.lost : undefined;
      if (!back.ok || lost !== undefined) this.#opened?.database.run("rollback");
      if (!back.ok) return back;
      if (lost !== undefined) return err(lostFault(lost, settings));
      const done = await this.#rows(COMMIT, signal);
      return done.ok ? ok(undefined) : done;
    });
  }

  async list(page: Page, signal: AbortSignal): Answer<readonly PeerRow[]> {
    return this.#withTable(signal, async ({ statements }) => {
      const rows = await this.#rows(statements.list(page), signal);
      return rows.ok ? ok(rows.value.map(peerRow)) : rows;
    });
  }

  async count(signal: AbortSignal): Answer<RowCounts> {
    return this.#withTable(signal, async ({ statements }) => {
      const rows = await this.#rows(statements.count(), signal);
      return rows.ok ? ok(rowCounts(rows.value[0])) : rows;
    });
  }

  async sameSubnet(remips: readonly string[], signal: AbortSignal): Answer<readonly PeerRow[]> {
    return this.#withTable(signal, async ({ statements }) => {
      const rows = await this.#rows(statements.sameSubnet(remips), signal);
      return rows.ok ? ok(rows.value.map(peerRow)) : rows;
    });
  }

  async remove(peerid: string, signal: AbortSignal): Answer<boolean> {
    const found = await this.#spellings(peerid, signal);
    if (!found.ok) return found;
    for (const spelling of new Set(found.value)) {
      const done = await this.#withTable(signal, ({ statements }) =>
        this.#rows(statements.remove(spelling), signal),
      );
      if (!done.ok) return done;
    }
    return ok(found.value.length > 0);
  }

  async advice(signal: AbortSignal): Answer<readonly string[]> {
    return this.#withTable(signal, async ({ settings }) => {
      const rows = await this.#rows({ sql: INDEXES, params: [settings.table] }, signal);
      if (!rows.ok) return rows;
      const indexes = rows.value.map((row) => ({ column: String(row[0]), unique: row[1] === 1 }));
      const kind = await this.#rows({ sql: TABLE_KIND, params: [settings.table] }, signal);
      const isView = kind.ok && kind.value[0]?.[0] === "view";
      return ok(indexAdvice(indexes, settings, isView));
    });
  }

  async changedSince(watermark: string | undefined, signal: AbortSignal): Answer<ChangedRows> {
    this.#columns.forgetOld();
    return this.#withTable(signal, async ({ statements: { changes } }) => {
      if (changes === undefined) return ok({ peerids: [], watermark: NO_COLUMN });
      return readChanges(changes, watermark, (statement) => this.#rows(statement, signal));
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#forgetFile();
    return Promise.resolve();
  }

  /** Does the work; once more if an optional column has disappeared. */
  async #withTable<T>(
    signal: AbortSignal,
    work: (table: KnownTable<SqliteSettings>) => Answer<T>,
  ): Answer<T> {
    const { table } = this.#settings;
    const askNames = async () => {
      const rows = await this.#rows({ sql: NAMES, params: [table] }, signal);
      return rows.ok ? ok(rows.value.map((row) => String(row[0]))) : rows;
    };
    const known = await this.#columns.table(askNames);
    if (!known.ok) return known;
    const done = await work(known.value);
    if (done.ok || done.error.kind !== "no-column" || !this.#columns.forget()) return done;
    const anew = await this.#columns.table(askNames);
    return anew.ok ? work(anew.value) : anew;
  }

  /** How the table's rows spell this ID. */
  async #spellings(peerid: string, signal: AbortSignal): Answer<readonly string[]> {
    const selected = await this.select({ by: "peerid", values: [peerid] }, ROWS_MAX, signal);
    if (!selected.ok) return selected;
    const ids = selected.value.rows.map((row) => row.peerid);
    return ok(ids.filter((id) => peerKey(id) === peerKey(peerid)));
  }

  /**
   * Runs a statement, which takes microseconds. SQLite's own wait for a lock would block the event
   * loop, so the waiting is done here.
   */
  async #rows(statement: Statement, signal: AbortSignal): Answer<readonly RawRow[]> {
    for (;;) {
      if (signal.aborted || this.#closed) return err(this.#timeout());
      try {
        const database = this.#database();
        if (!database.ok) return database;
        return ok(this.#prepare(database.value, statement.sql).values(...statement.params));
      } catch (error) {
        if (!isBusy(error)) return err(this.#faultOf(error));
      }
      await Bun.sleep(BUSY_RETRY_MS);
    }
  }

  #prepare(database: Database, text: string): Prepared {
    const known = this.#prepared.get(text);
    if (known !== undefined) return known;
    if (this.#prepared.size >= STATEMENTS_MAX) this.#finalize();
    const prepared = database.prepare(text);
    this.#prepared.set(text, prepared);
    return prepared;
  }

  /** The file, opened again if another one has replaced it. */
  #database(): Result<Database, LookupFault> {
    const file = fileIdentity(this.#settings.path);
    if (this.#opened !== undefined && this.#opened.file === file) {
      return ok(this.#opened.database);
    }
    this.#forgetFile();
    if (file === undefined) {
      const { path, egroup } = this.#settings;
      const advice = `\`erouted peers init --egroup ${egroup}\` creates it`;
      const place = isAbsolute(path) ? "" : ` in ${process.cwd()}`;
      const detail = `${this.#where()}: there is no such file${place}: ${advice}`;
      return err({ kind: "no-table", detail });
    }
    const database = openFile(this.#settings.path);
    database.run("pragma busy_timeout = 0");
    this.#opened = { database, file };
    return ok(database);
  }

  #createFile(): Result<undefined, LookupFault> {
    try {
      // It contains keys: readable by its owner only.
      mkdirSync(dirname(this.#settings.path), { recursive: true, mode: 0o700 });
      closeSync(openSync(this.#settings.path, "a", 0o600));
      return ok(undefined);
    } catch (error) {
      return err(this.#faultOf(error));
    }
  }

  #forgetFile(): void {
    this.#columns.forget();
    this.#finalize();
    this.#opened?.database.close();
    this.#opened = undefined;
  }

  #finalize(): void {
    for (const prepared of this.#prepared.values()) prepared.finalize();
    this.#prepared.clear();
  }

  #where(): string {
    return describeDatabase(this.#settings);
  }

  #timeout(): LookupFault {
    const ms = this.#settings.deadlineMs;
    return { kind: "timeout", detail: `${this.#where()}: locked for more than ${ms} ms` };
  }

  #faultOf(error: unknown): LookupFault {
    const said = error instanceof Error ? error.message : String(error);
    const egroup = this.#settings.egroup;
    if (said.includes("no such table")) {
      const advice = `\`erouted peers init --egroup ${egroup}\` creates it`;
      return { kind: "no-table", detail: `${this.#where()}: ${said}: ${advice}` };
    }
    if (said.includes("no such column") || said.includes("has no column")) {
      const detail = columnAdvice(this.#columnNames(), this.#settings) ?? said;
      return { kind: "no-column", detail };
    }
    const code = (error as { code?: unknown }).code;
    const denied = code === "EACCES" || code === "SQLITE_READONLY" || code === "SQLITE_PERM";
    if (denied) return { kind: "access-denied", detail: `${this.#where()}: ${said}` };
    if (code === "SQLITE_CANTOPEN" && !mayRead(this.#settings.path)) {
      const whose = whoseFile(this.#settings.path);
      const detail = `${this.#where()}: no permission to read the file${whose}`;
      return { kind: "access-denied", detail };
    }
    const missing = code === "ENOENT" || code === "SQLITE_CANTOPEN";
    return { kind: missing ? "unreachable" : "other", detail: `${this.#where()}: ${said}` };
  }

  #columnNames(): readonly string[] {
    const rows = this.#opened?.database.prepare(NAMES).values(this.#settings.table) ?? [];
    return rows.map((row) => String(row[0]));
  }
}

/** Read-only if the file may not be written: look-ups need no more. */
function openFile(path: string): Database {
  try {
    return new Database(path, { readwrite: true, create: false });
  } catch {
    return new Database(path, { readonly: true });
  }
}

function mayRead(path: string): boolean {
  try {
    // Not access(2), which checks another user than opening does.
    closeSync(openSync(path, "r"));
    return true;
  } catch {
    return false;
  }
}

/** ` (uid 0, mode 600)`. */
function whoseFile(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? "" : ` (uid ${stat.uid}, mode ${(stat.mode & 0o777).toString(8)})`;
}

function fileIdentity(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? undefined : `${stat.dev} ${stat.ino}`;
}

function isBusy(error: unknown): boolean {
  const code = String((error as { code?: unknown }).code);
  return code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED");
}

const NAMES = "select name from pragma_table_info(?) limit 256";

const TABLE_KIND = "select type from sqlite_master where name = ? limit 1";

/** The first column of each index, and whether it alone is unique. */
const INDEXES =
  'select column.name, "unique" and (select count(*) from pragma_index_info(list.name)) = 1 ' +
  "from pragma_index_list(?) as list, pragma_index_info(list.name) as column " +
  "where column.seqno = 0 limit 64";

const BEGIN: Statement = { sql: "begin immediate", params: [] };
const COMMIT: Statement = { sql: "commit", params: [] };
const ROWS_MAX = 16;
const BUSY_RETRY_MS = 10;
const STATEMENTS_MAX = 64;
