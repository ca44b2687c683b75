/** A private MariaDB: own data folder, own socket, and a loopback port on request. */

import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createConnection } from "mysql2/promise";
import type { ColumnMap, MysqlSettings } from "../../src/eroute/database.ts";
import { freeTcpPort } from "../free-port.ts";
import { lookUntil, patient } from "../patience.ts";

/** The user who runs the tests, by the name that the server sees; `USER` need not be set. */
const USER = execFileSync("id", ["-un"], { encoding: "utf8" }).trim();

const run = promisify(execFile);

export type MariadbOptions = {
  /** Listens on 127.0.0.1 too. */
  readonly tcp?: boolean;
  /** Files in PEM, for TLS. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string };
};

export type Mariadb = {
  readonly socket: string;
  /** Port on 127.0.0.1; 0 without TCP. */
  readonly port: number;
  /** Of the running server process. */
  pid(): number;
  /** Stops all of its threads where they are, as if the machine hung. */
  freeze(): Promise<void>;
  /** Lets it go on. */
  thaw(): void;
  /** Runs statements as the server's root, one after another. */
  sql(...statements: readonly string[]): Promise<readonly Record<string, unknown>[]>;
  /** A counter of the server (SHOW GLOBAL STATUS). */
  counter(name: string): Promise<number>;
  /** Ends the server: SIGTERM and a clean end, or SIGKILL in the middle of its work. */
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** Starts it again on the same data, socket and port. */
  start(): Promise<void>;
  /** Ends the server and removes its data. */
  dispose(): Promise<void>;
};

/** The tests' database user: created with the database `vpn` at start. */
export const MARIADB_USER = { name: "erouted", password: "knock knock", database: "vpn" } as const;

/** A server with an empty database `vpn` and its user; a second or two to start. */
export async function startMariadb(options: MariadbOptions = {}): Promise<Mariadb> {
  const folder = await mkdtemp(join(tmpdir(), "erouted-mariadb-"));
  await cp(await dataTemplate(), join(folder, "data"), { recursive: true });
  const server = new Server(folder, options.tcp === true ? freeTcpPort() : 0, options);
  await server.start();
  const { name, password, database } = MARIADB_USER;
  await server.sql(
    `create database ${database} character set utf8mb4`,
    `create user '${name}'@'%' identified by '${password}'`,
    `create user '${name}'@'localhost' identified by '${password}'`,
    `grant all on ${database}.* to '${name}'@'%'`,
    `grant all on ${database}.* to '${name}'@'localhost'`,
  );
  return server;
}

/** Settings for the table `eroutes` of a private server, over its socket. */
export function mariadbSettings(
  server: Mariadb,
  changes: Partial<MysqlSettings> = {},
): MysqlSettings {
  return {
    engine: "mysql",
    egroup: "sites",
    table: "eroutes",
    columns: DEFAULT_COLUMNS,
    deadlineMs: 5000,
    waitingMax: 4096,
    at: { socket: server.socket },
    user: MARIADB_USER.name,
    password: MARIADB_USER.password,
    database: MARIADB_USER.database,
    poolMax: 4,
    tls: { mode: "off" },
    ...changes,
  };
}

export const DEFAULT_COLUMNS: ColumnMap = {
  peerid: "peerid",
  password: "password",
  remip: "remip",
  remmsk: "remmsk",
  peerip: "peerip",
  bakpeerip: "bakpeerip",
  ourid: "ourid",
};

class Server implements Mariadb {
  readonly socket: string;
  readonly port: number;
  readonly #folder: string;
  readonly #options: MariadbOptions;
  #process: ChildProcess | undefined;

  constructor(folder: string, port: number, options: MariadbOptions) {
    this.#folder = folder;
    this.#options = options;
    this.socket = join(folder, "mysqld.sock");
    this.port = port;
  }

  pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error("MariaDB does not run");
    return pid;
  }

  async freeze(): Promise<void> {
    const pid = this.pid();
    process.kill(pid, "SIGSTOP");
    // Each thread stops when it next runs: one of them might answer something before.
    const areStopped = () => threadStates(pid).every((state) => state === "T");
    await lookUntil("all threads of MariaDB are stopped", areStopped, patient(10_000));
  }

  thaw(): void {
    process.kill(this.pid(), "SIGCONT");
  }

  async start(): Promise<void> {
    const args = [...serverArguments(this.#folder), `--socket=${this.socket}`];
    if (this.port === 0) args.push("--skip-networking");
    else args.push("--bind-address=127.0.0.1", `--port=${this.port}`);
    const { tls } = this.#options;
    if (tls !== undefined) args.push(`--ssl-cert=${tls.cert}`, `--ssl-key=${tls.key}`);
    if (tls?.ca !== undefined) args.push(`--ssl-ca=${tls.ca}`);
    this.#process = spawn("mariadbd", args, { stdio: "ignore" });
    const until = Date.now() + START_MS_MAX;
    while (!(await this.#answers())) {
      if (Date.now() > until || this.#process.exitCode !== null) {
        const log = await Bun.file(join(this.#folder, "error.log")).text();
        throw new Error(`MariaDB does not start:\n${log}`);
      }
      await Bun.sleep(50);
    }
  }

  async sql(...statements: readonly string[]): Promise<readonly Record<string, unknown>[]> {
    const connection = await createConnection({ socketPath: this.socket, user: USER });
    try {
      let rows: unknown = [];
      for (const statement of statements) [rows] = await connection.query(statement);
      return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : [];
    } finally {
      connection.destroy();
    }
  }

  async counter(name: string): Promise<number> {
    const [row] = await this.sql(`show global status like '${name}'`);
    return Number(row?.Value);
  }

  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const server = this.#process;
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill(signal);
    // A server that a test has stopped does not see the signal before it continues.
    server.kill("SIGCONT");
    await ended;
    this.#process = undefined;
  }

  async dispose(): Promise<void> {
    await this.stop("SIGKILL");
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #answers(): Promise<boolean> {
    if (!existsSync(this.socket)) return false;
    try {
      await this.sql("select 1");
      return true;
    } catch {
      return false;
    }
  }
}

function serverArguments(folder: string): string[] {
  return [
    "--no-defaults",
    `--user=${USER}`,
    `--datadir=${join(folder, "data")}`,
    `--pid-file=${join(folder, "mysqld.pid")}`,
    `--log-error=${join(folder, "error.log")}`,
    "--innodb-buffer-pool-size=32M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-use-native-aio=0",
    "--performance-schema=off",
    "--skip-name-resolve",
  ];
}

/**
 * A data folder as `mariadb-install-db` creates it: once on each machine, because it takes seconds.
 */
export async function dataTemplate(): Promise<string> {
  const template = join(tmpdir(), `erouted-mariadb-template-${USER}`, "data");
  if (existsSync(template)) return template;
  const making = await mkdtemp(join(tmpdir(), "erouted-mariadb-making-"));
  await run("mariadb-install-db", [
    "--no-defaults",
    `--datadir=${join(making, "data")}`,
    `--user=${USER}`,
    "--auth-root-authentication-method=socket",
    `--auth-root-socket-user=${USER}`,
    "--skip-test-db",
    "--skip-name-resolve",
  ]);
  await mkdir(join(template, ".."), { recursive: true });
  // The second process keeps the first one's folder.
  await rename(join(making, "data"), template).catch(() => undefined);
  await rm(making, { recursive: true, force: true });
  return template;
}

const START_MS_MAX = patient(20_000);

/** A letter for each thread, as in proc(5); one that has ended meanwhile is stopped. */
function threadStates(pid: number): string[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    try {
      const text = readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8");
      return text.charAt(text.lastIndexOf(")") + 2);
    } catch {
      return "T";
    }
  });
}
