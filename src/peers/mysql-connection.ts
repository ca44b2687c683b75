/** One connection to MySQL or MariaDB: opened, used by one statement at a time, destroyed. */

import { connect as connectSocket, type Socket } from "node:net";
import type { Connection, ConnectionOptions, createConnection } from "mysql2";
import type { MysqlSettings } from "../eroute/database.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { abortedFault, type MysqlFault, mysqlFault } from "./mysql-fault.ts";
import type { RawRow, Statement } from "./raw-row.ts";

/** Rows of a reading statement, or how many rows a writing one changed. */
export type MysqlAnswer = { readonly rows: readonly RawRow[]; readonly changed: number };

export type MysqlConnection = {
  /** Whether it can still take a statement. */
  isUsable(): boolean;
  /** When it was last used, ms of the monotonic clock. */
  usedMs(): number;
  execute(statement: Statement, signal: AbortSignal): Promise<Result<MysqlAnswer, MysqlFault>>;
  /** At once, without a farewell that a hanging server would not read. */
  destroy(): void;
};

/**
 * The driver, loaded when the first table is opened: this takes longer than everything else at the
 * start.
 */
export function loadMysql2(): Promise<typeof import("mysql2")> {
  return import("mysql2");
}

/**
 * Connects and logs in; an abort ends it at any point. Never rejects. `charset` is what the server
 * converts parameters to before it compares them; undefined leaves them in UTF-8.
 */
export async function openMysqlConnection(
  settings: MysqlSettings,
  charset: string | undefined,
  signal: AbortSignal,
): Promise<Result<MysqlConnection, MysqlFault>> {
  if (signal.aborted) return err(abortedFault(settings));
  const mysql2 = await loadMysql2();
  const client = new Mysql2Connection(settings, mysql2.createConnection);
  const opened = await client.open(charset, signal);
  if (opened.ok) return ok(client);
  client.destroy();
  return opened;
}

class Mysql2Connection implements MysqlConnection {
  readonly #settings: MysqlSettings;
  readonly #socket: Socket;
  readonly #client: Connection;
  #usable = true;
  #usedMs = performance.now();
  /** Ends what is under way when the connection fails outside a statement. */
  #onLost: ((error: unknown) => void) | undefined;

  constructor(settings: MysqlSettings, create: typeof createConnection) {
    this.#settings = settings;
    this.#socket = openSocket(settings);
    this.#client = create(connectionOptions(settings, this.#socket));
    // Without a listener, the loss of an idle connection would end the process.
    this.#client.on("error", (error) => this.#lost(error));
    this.#client.on("end", () => this.#lost(new Error("closed by the server")));
    this.#socket.on("error", (error) => this.#lost(error));
    this.#socket.on("close", () => this.#lost(lostError()));
  }

  isUsable(): boolean {
    return this.#usable;
  }

  usedMs(): number {
    return this.#usedMs;
  }

  async open(
    charset: string | undefined,
    signal: AbortSignal,
  ): Promise<Result<undefined, MysqlFault>> {
    const connected = await this.#supervise<undefined>(signal, (done) => {
      this.#client.connect((error) => done(error, undefined));
    });
    if (!connected.ok) return connected;
    // A server whose default is autocommit=0 would show one old snapshot for ever, one without
    // strict mode would truncate values, and PAD_CHAR_TO_FULL_LENGTH would lengthen them.
    const configured = await this.#supervise<undefined>(signal, (done) => {
      const names = charset === undefined ? "" : `, character_set_connection = ${charset}`;
      this.#client.query(`${SESSION}${names}`, (error) => done(error, undefined));
    });
    return configured;
  }

  execute(statement: Statement, signal: AbortSignal): Promise<Result<MysqlAnswer, MysqlFault>> {
    return this.#supervise<MysqlAnswer>(signal, (done) => {
      const options = { sql: statement.sql, rowsAsArray: true };
      this.#client.execute(options, [...statement.params], (error, answer) => {
        if (error) done(error, NOTHING);
        else done(undefined, answerOf(answer));
      });
    });
  }

  destroy(): void {
    this.#usable = false;
    this.#client.destroy();
    this.#socket.destroy();
  }

  /**
   * Runs one command; it settles with the end of the command, of the connection, or the abort,
   * whichever comes first.
   */
  #supervise<T>(
    signal: AbortSignal,
    command: (done: (error: unknown, value: T) => void) => void,
  ): Promise<Result<T, MysqlFault>> {
    if (signal.aborted) return Promise.resolve(err(abortedFault(this.#settings)));
    return new Promise((resolve) => {
      const settle = (result: Result<T, MysqlFault>) => {
        signal.removeEventListener("abort", onAbort);
        this.#onLost = undefined;
        this.#usedMs = performance.now();
        resolve(result);
      };
      const onAbort = () => {
        this.destroy();
        settle(err(abortedFault(this.#settings)));
      };
      signal.addEventListener("abort", onAbort, { once: true });
      const fail = (error: unknown) => settle(err(mysqlFault(error, this.#settings)));
      this.#onLost = fail;
      command((error, value) => (error ? fail(error) : settle(ok(value))));
    });
  }

  #lost(error: unknown): void {
    this.#usable = false;
    this.#onLost?.(error);
  }
}

function openSocket(settings: MysqlSettings): Socket {
  const { at } = settings;
  const socket = "socket" in at ? connectSocket(at.socket) : connectSocket(at.port, at.host);
  if ("host" in at) {
    socket.setNoDelay(true);
    socket.once("connect", () => socket.setKeepAlive(true, KEEPALIVE_MS));
  }
  return socket;
}

function connectionOptions(settings: MysqlSettings, socket: Socket): ConnectionOptions {
  const tls = tlsOptions(settings);
  return {
    stream: () => socket,
    user: settings.user,
    database: settings.database,
    // Known for the certificate's name only: the socket is connected above.
    ...("host" in settings.at ? { host: settings.at.host, port: settings.at.port } : {}),
    ...(settings.password === undefined ? {} : { password: settings.password }),
    ...(tls === undefined ? {} : { ssl: tls }),
    charset: "utf8mb4",
    // The signal ends it.
    connectTimeout: 0,
    maxPreparedStatements: STATEMENTS_MAX,
    // Numbers that a double cannot hold come as text.
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
    // A server must not be able to request our files.
    flags: ["-LOCAL_FILES"],
  };
}

function tlsOptions(settings: MysqlSettings): ConnectionOptions["ssl"] {
  const { tls } = settings;
  if (tls.mode === "off") return undefined;
  const { client } = tls;
  const own = client === undefined ? {} : { cert: client.certPem, key: client.keyPem };
  const common = { ...own, minVersion: "TLSv1.2" } as const;
  if (tls.mode === "encrypt-only") return { ...common, rejectUnauthorized: false };
  const ca = tls.caPem === undefined ? {} : { ca: tls.caPem };
  return { ...common, ...ca, rejectUnauthorized: true, verifyIdentity: true };
}

function answerOf(answer: unknown): MysqlAnswer {
  if (Array.isArray(answer)) return { rows: answer as RawRow[], changed: 0 };
  const { affectedRows } = answer as { readonly affectedRows?: number };
  return { rows: [], changed: affectedRows ?? 0 };
}

function lostError(): Error {
  return Object.assign(new Error("the server closed the connection"), {
    code: "PROTOCOL_CONNECTION_LOST",
  });
}

const SESSION = "SET SESSION autocommit = 1, sql_mode = 'STRICT_ALL_TABLES'";
const NOTHING: MysqlAnswer = { rows: [], changed: 0 };
const KEEPALIVE_MS = 30_000;
const STATEMENTS_MAX = 64;
