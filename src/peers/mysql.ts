/** The peer table in MySQL, MariaDB, or a server that speaks their protocol. */

import { describeDatabase, type MysqlSettings } from "../eroute/database.ts";
import { peerKey } from "../eroute/peer-id.ts";
import type { LookupFault, PeerRow } from "../eroute/row.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { NO_COLUMN, readChanges } from "./changed-rows.ts";
import { type KnownColumns, type KnownTable, knownColumns } from "./known-columns.ts";
import { loadMysql2, type MysqlAnswer, type MysqlConnection } from "./mysql-connection.ts";
import { abortedFault, type MysqlFault } from "./mysql-fault.ts";
import { MysqlServers, type ServerInUse } from "./mysql-servers.ts";
import type { Statement } from "./raw-row.ts";
import { lostFault, readBack } from "./read-back.ts";
import type { ChangedRows, DuplicatePeer, NewPeer, PeerChange, RowCounts } from "./repository.ts";
import { mysqlSchema } from "./schema.ts";
import { changeStatement, peerRow, rowCounts } from "./statement.ts";
import type { Answer, Page, PeerTable, Selected, Selection } from "./table.ts";
import { createMysqlTable } from "./table-creation.ts";
import { columnAdvice, indexAdvice, unmapped } from "./table-shape.ts";

/** Starts loading the driver, so that the first look-up need not wait for it. */
export function openMysqlTable(settings: MysqlSettings): PeerTable {
  void loadMysql2();
  return new MysqlTable(settings);
}

class MysqlTable implements PeerTable {
  readonly #settings: MysqlSettings;
  readonly #columns: KnownColumns<MysqlSettings>;
  /** Idle connections, the most recently used last. */
  #idle: MysqlConnection[] = [];
  readonly #busy = new Set<MysqlConnection>();
  /** The character set of the column with IDs, once it is known to be smaller than Unicode. */
  #charset: string | undefined;
  #closed = false;
  readonly #servers: MysqlServers;

  constructor(settings: MysqlSettings) {
    this.#settings = settings;
    this.#servers = new MysqlServers(settings);
    this.#columns = knownColumns(settings, mysqlSchema);
  }

  async select(selection: Selection, rowsPerKey: number, signal: AbortSignal): Answer<Selected> {
    return this.#withTable(signal, async ({ statements }) => {
      const statement = statements.select(selection, rowsPerKey);
      const answer = await this.#read(statement, signal);
      if (!answer.ok) return answer;
      const rows = answer.value.rows.map(peerRow);
      return ok({ rows, complete: rows.length <= statement.rowsMax });
    });
  }

  async check(signal: AbortSignal): Answer<undefined> {
    return this.#withTable(signal, async ({ statements }) => {
      const answer = await this.#read(statements.probe(), signal);
      return answer.ok ? this.#checkIdColumn(signal) : answer;
    });
  }

  /** A column that pads IDs with NUL: no site would ever be found. */
  async #checkIdColumn(signal: AbortSignal): Answer<undefined> {
    const { database, table, columns } = this.#settings;
    const answer = await this.#read(
      { sql: TYPE, params: [database, table, columns.peerid] },
      signal,
    );
    if (!answer.ok || String(answer.value.rows[0]?.[0]).toLowerCase() !== "binary") {
      return ok(undefined);
    }
    const detail =
      `${describeDatabase(this.#settings)}: ${columns.peerid} is of type BINARY, which adds NUL ` +
      "octets to each ID, so that no site is found: make it VARBINARY or VARCHAR";
    return err({ kind: "other", detail });
  }

  async init(signal: AbortSignal): Answer<"created" | "exists"> {
    const present = await this.check(signal);
    if (present.ok) return ok("exists");
    if (present.error.kind !== "no-table") return present;
    const created = await this.#write(createMysqlTable(mysqlSchema(this.#settings)), signal);
    if (created.ok) return ok("created");
    // Another caller was faster.
    return created.error.code === "ER_TABLE_EXISTS_ERROR" ? ok("exists") : err(created.error.fault);
  }

  async add(
    peer: NewPeer,
    signal: AbortSignal,
  ): Promise<Result<undefined, LookupFault | DuplicatePeer>> {
    // A table that we did not create may have no unique key that would refuse a second row.
    const same = await this.#sameId(peer.peerid, signal);
    if (!same.ok) return same;
    if (same.value.length > 0) return err(duplicate(peer.peerid, this.#settings));
    const known = await this.#columns.table(() => this.#columnNames(signal));
    if (!known.ok) return known;
    const missing = unmapped(peer, known.value.settings);
    if (missing !== undefined) return err(missing);
    const done = await this.#carryOut([{ kind: "add", peer }], known.value, signal);
    if (done.ok) return done;
    if (done.error.code !== "ER_DUP_ENTRY") return err(done.error.fault);
    return err(duplicate(peer.peerid, this.#settings));
  }

  async write(changes: readonly PeerChange[], signal: AbortSignal): Answer<undefined> {
    const known = await this.#columns.table(() => this.#columnNames(signal));
    if (!known.ok) return known;
    for (const { peer } of changes) {
      const missing = unmapped(peer, known.value.settings);
      if (missing !== undefined) return err(missing);
    }
    const done = await this.#carryOut(changes, known.value, signal);
    return done.ok ? done : err(done.error.fault);
  }

  /** All of them or none; each added row is read back before the commit. */
  async #carryOut(
    changes: readonly PeerChange[],
    { statements, settings }: KnownTable<MysqlSettings>,
    signal: AbortSignal,
  ): Promise<Result<undefined, MysqlFault>> {
    // Without COMMIT, the end of the connection rolls everything back.
    return this.#onWritable(signal, async (connection) => {
      const execute = async (statement: Statement) => {
        const answer = await connection.execute(statement, signal);
        return answer.ok ? ok(answer.value.rows) : answer;
      };
      const wanted = changes.map((change) => changeStatement(statements, change));
      for (const statement of [NO_AUTOCOMMIT, ...wanted]) {
        const done = await execute(statement);
        if (!done.ok) return done;
      }
      const back = await readBack(changes, statements, execute);
      if (!back.ok) return back;
      const { lost } = back.value;
      if (lost !== undefined) {
        return err({ fault: lostFault(lost, settings), lost: false, code: "LOST" });
      }
      const done = await execute(COMMIT);
      return done.ok ? ok(undefined) : done;
    });
  }

  async list(page: Page, signal: AbortSignal): Answer<readonly PeerRow[]> {
    return this.#withTable(signal, async ({ statements }) => {
      const answer = await this.#read(statements.list(page), signal);
      return answer.ok ? ok(answer.value.rows.map(peerRow)) : answer;
    });
  }

  async count(signal: AbortSignal): Answer<RowCounts> {
    return this.#withTable(signal, async ({ statements }) => {
      const answer = await this.#read(statements.count(), signal);
      return answer.ok ? ok(rowCounts(answer.value.rows[0])) : answer;
    });
  }

  async sameSubnet(remips: readonly string[], signal: AbortSignal): Answer<readonly PeerRow[]> {
    return this.#withTable(signal, async ({ statements }) => {
      const answer = await this.#read(statements.sameSubnet(remips), signal);
      return answer.ok ? ok(answer.value.rows.map(peerRow)) : answer;
    });
  }

  async remove(peerid: string, signal: AbortSignal): Answer<boolean> {
    const found = await this.#sameId(peerid, signal);
    if (!found.ok) return found;
    const other = found.value.find((row) => peerKey(row.peerid) !== peerKey(peerid));
    if (other !== undefined) {
      const where = describeDatabase(this.#settings);
      const detail = `${where}: treats ${other.peerid} as the same ID: remove the row with SQL`;
      return err({ kind: "other", detail });
    }
    if (found.value.length === 0) return ok(false);
    const known = await this.#columns.table(() => this.#columnNames(signal));
    if (!known.ok) return known;
    const answer = await this.#write(known.value.statements.remove(peerid), signal);
    return answer.ok ? ok(answer.value.changed > 0) : err(answer.error.fault);
  }

  async advice(signal: AbortSignal): Answer<readonly string[]> {
    const { database, table } = this.#settings;
    return this.#withTable(signal, async ({ settings }) => {
      const answer = await this.#read({ sql: INDEXES, params: [database, table] }, signal);
      if (!answer.ok) return answer;
      const indexes = answer.value.rows.map((row) => ({
        column: String(row[0]),
        unique: String(row[1]) === "1",
      }));
      if (indexes.length > 0) return ok(indexAdvice(indexes, settings));
      const kind = await this.#read({ sql: TABLE_KIND, params: [database, table] }, signal);
      const isView = kind.ok && String(kind.value.rows[0]?.[0]) === "VIEW";
      return ok(indexAdvice(indexes, settings, isView));
    });
  }

  async changedSince(watermark: string | undefined, signal: AbortSignal): Answer<ChangedRows> {
    this.#columns.forgetOld();
    return this.#withTable(signal, async ({ statements: { changes } }) => {
      if (changes === undefined) return ok({ peerids: [], watermark: NO_COLUMN });
      return readChanges(changes, watermark, async (statement) => {
        const answer = await this.#read(statement, signal);
        return answer.ok ? ok(answer.value.rows) : answer;
      });
    });
  }

  inUse(): ServerInUse | undefined {
    return this.#servers.count === 1 ? undefined : this.#servers.inUse();
  }

  close(): Promise<void> {
    this.#closed = true;
    for (const connection of [...this.#idle, ...this.#busy]) connection.destroy();
    this.#idle = [];
    return Promise.resolve();
  }

  /** Does the work; once more if an optional column has disappeared. */
  async #withTable<T>(
    signal: AbortSignal,
    work: (table: KnownTable<MysqlSettings>) => Answer<T>,
  ): Answer<T> {
    const known = await this.#columns.table(() => this.#columnNames(signal));
    if (!known.ok) return known;
    const done = await work(known.value);
    if (done.ok || done.error.kind !== "no-column" || !this.#columns.forget()) return done;
    const anew = await this.#columns.table(() => this.#columnNames(signal));
    return anew.ok ? work(anew.value) : anew;
  }

  async #columnNames(signal: AbortSignal): Answer<readonly string[]> {
    const { database, table } = this.#settings;
    const answer = await this.#read({ sql: COLUMNS, params: [database, table] }, signal);
    return answer.ok ? ok(answer.value.rows.map((row) => String(row[0]))) : answer;
  }

  /** Rows that the database considers to be this ID's. */
  async #sameId(peerid: string, signal: AbortSignal): Answer<readonly PeerRow[]> {
    const selection = { by: "peerid", values: [peerid] } as const;
    const answer = await this.select(selection, SAME_ID_ROWS_MAX, signal);
    return answer.ok ? ok(answer.value.rows) : answer;
  }

  /** A reading statement: once more if the connection died before the answer. */
  async #read(statement: Statement, signal: AbortSignal): Answer<MysqlAnswer> {
    let answer = await this.#run(statement, signal);
    if (!answer.ok && answer.error.lost && !signal.aborted) {
      // What broke one connection has probably broken the others: a server that restarted.
      for (const connection of this.#idle.splice(0)) connection.destroy();
      answer = await this.#run(statement, signal);
    }
    if (answer.ok) return answer;
    if (CHARSET_CODES.has(answer.error.code) && this.#charset === undefined) {
      const adapted = await this.#adaptCharset(signal);
      return adapted ? this.#read(statement, signal) : err(answer.error.fault);
    }
    if (answer.error.fault.kind !== "no-column") return err(answer.error.fault);
    return err(await this.#explainColumns(answer.error.fault, signal));
  }

  /**
   * A latin1 column cannot be compared with an ID in Chinese: the whole query fails, and with it
   * the look-ups of other sites. From now on the server converts IDs to the column's character set;
   * the result for unknown characters may match a row, but is not equal to the requested ID.
   */
  async #adaptCharset(signal: AbortSignal): Promise<boolean> {
    const { database, table, columns } = this.#settings;
    const params = [database, table, columns.peerid];
    const answer = await this.#run({ sql: CHARSET, params }, signal);
    const charset = answer.ok ? String(answer.value.rows[0]?.[0]) : "";
    if (!/^[a-z0-9_]{1,32}$/.test(charset)) return false;
    this.#charset = charset;
    for (const connection of this.#idle.splice(0)) connection.destroy();
    return true;
  }

  /** A writing statement, on a connection of its own: it must not run twice, or be converted. */
  async #write(
    statement: Statement,
    signal: AbortSignal,
  ): Promise<Result<MysqlAnswer, MysqlFault>> {
    return this.#onWritable(signal, (connection) => connection.execute(statement, signal));
  }

  /** A connection for one piece of work; to another server if this one is read-only. */
  async #onWritable<T>(
    signal: AbortSignal,
    work: (connection: MysqlConnection) => Promise<Result<T, MysqlFault>>,
  ): Promise<Result<T, MysqlFault>> {
    for (let from = 0; ; from++) {
      const opened = await this.#servers.open(undefined, signal, from);
      if (!opened.ok) return opened;
      const done = await work(opened.value);
      opened.value.destroy();
      const isReadOnly = !done.ok && READ_ONLY_CODES.has(done.error.code);
      if (!isReadOnly || from + 1 >= this.#servers.count) return done;
    }
  }

  async #run(statement: Statement, signal: AbortSignal): Promise<Result<MysqlAnswer, MysqlFault>> {
    const opened = await this.#take(signal);
    if (!opened.ok) return opened;
    const connection = opened.value;
    this.#busy.add(connection);
    const answer = await connection.execute(statement, signal);
    this.#busy.delete(connection);
    if (!answer.ok && answer.error.lost) connection.destroy();
    const isLate = !answer.ok && answer.error.fault.kind === "timeout";
    // Idle connections there would have to wait just as long.
    if (isLate && !this.#closed && this.#servers.leave(connection)) {
      for (const idle of this.#idle.splice(0)) idle.destroy();
    }
    if (this.#closed) connection.destroy();
    else if (connection.isUsable()) this.#rest(connection);
    return answer;
  }

  #take(signal: AbortSignal): Promise<Result<MysqlConnection, MysqlFault>> {
    if (this.#closed) return Promise.resolve(err(abortedFault(this.#settings)));
    const usedAfterMs = performance.now() - IDLE_MS_MAX;
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      // A firewall in between may have forgotten a connection that was idle for long.
      const isFresh = idle.isUsable() && idle.usedMs() > usedAfterMs;
      if (isFresh && this.#servers.isCurrent(idle)) return Promise.resolve(ok(idle));
      idle.destroy();
    }
    return this.#servers.open(this.#charset, signal);
  }

  #rest(connection: MysqlConnection): void {
    if (this.#idle.length < this.#settings.poolMax) this.#idle.push(connection);
    else connection.destroy();
  }

  async #explainColumns(fault: LookupFault, signal: AbortSignal): Promise<LookupFault> {
    const { database, table } = this.#settings;
    const answer = await this.#run({ sql: COLUMNS, params: [database, table] }, signal);
    if (!answer.ok) return fault;
    const names = answer.value.rows.map((row) => String(row[0]));
    const advice = columnAdvice(names, this.#settings);
    const detail = advice ?? fault.detail;
    return { kind: "no-column", detail };
  }
}

function duplicate(peerid: string, settings: MysqlSettings): DuplicatePeer {
  const detail = `${describeDatabase(settings)}: there is a row for ${peerid} already`;
  return { kind: "duplicate", detail };
}

const COLUMNS =
  "select column_name from information_schema.columns " +
  "where table_schema = ? and table_name = ? order by ordinal_position limit 256";

const CHARSET =
  "select character_set_name from information_schema.columns " +
  "where table_schema = ? and table_name = ? and column_name = ? limit 1";

const TYPE =
  "select data_type from information_schema.columns " +
  "where table_schema = ? and table_name = ? and column_name = ? limit 1";

const CHARSET_CODES: ReadonlySet<string> = new Set([
  "ER_CANT_AGGREGATE_2COLLATIONS",
  "ER_CANT_AGGREGATE_3COLLATIONS",
  "ER_CANT_AGGREGATE_NCOLLATIONS",
]);

/** The first column of each index, and whether it alone is unique. */
const INDEXES =
  "select min(case when seq_in_index = 1 then column_name end), " +
  "max(non_unique) = 0 and count(*) = 1 from information_schema.statistics " +
  "where table_schema = ? and table_name = ? group by index_name limit 64";

const TABLE_KIND =
  "select table_type from information_schema.tables where table_schema = ? and table_name = ?";

/** Not START TRANSACTION, which MySQL does not prepare. */
const NO_AUTOCOMMIT: Statement = { sql: "SET autocommit = 0", params: [] };
const COMMIT: Statement = { sql: "COMMIT", params: [] };

/** A server that only follows another one. */
const READ_ONLY_CODES: ReadonlySet<string> = new Set([
  "ER_OPTION_PREVENTS_STATEMENT",
  "ER_READ_ONLY_MODE",
]);

const SAME_ID_ROWS_MAX = 16;
const IDLE_MS_MAX = 60_000;
