/** The daemon itself, as an operator runs it: a configuration file, a table of sites, curl. */

import { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createConnection } from "mysql2/promise";
import { RUNTIME_OPTIONS } from "../../../src/daemon/runtime-options.ts";
import { patient } from "../../patience.ts";
import { noteErouted, noteGoesOn } from "./both-ends.ts";
import { type Ended, type Host, type Running, run, start, until } from "./hosts.ts";
import { getFrom } from "./http.ts";

/** A row of the peer table; what is left out is NULL. */
export type SiteRow = {
  readonly peerid: string;
  readonly password?: string;
  readonly remip?: string;
  readonly remmsk?: string;
  readonly peerip?: string;
  readonly bakpeerip?: string;
  readonly post_quantum?: string;
};

export type EroutedSettings = {
  /** SQLite in a file of its own, or a table in a running MariaDB. */
  readonly database?: { readonly socket: string; readonly password: string; readonly url: string };
  readonly sites: readonly SiteRow[];
  /** More lines of the egroup, such as `poll_interval = "1s"`, and of `[status]`. */
  readonly egroup?: string;
  readonly status?: string;
  /** More lines of the base eroute, such as `esp = […]`. */
  readonly eroute?: string;
  readonly localSubnet?: string;
  readonly remoteSubnet?: string;
  /** More sections of the configuration file. */
  readonly more?: string;
  /** Whether the next process goes on from this one. */
  readonly keeps?: boolean;
  /** Code is compiled ahead, as by default: that costs a guest some seconds. */
  readonly warmsUp?: boolean;
  /** Files beside the configuration, by name: secrets. */
  readonly files?: Readonly<Record<string, string>>;
};

export type Erouted = {
  readonly configFile: string;
  readonly pid: number;
  /** The answer to `curl http://127.0.0.1:8080PATH`, as text. */
  get(path: string): Promise<string>;
  /** The same, as JSON. */
  json(path: string): Promise<unknown>;
  /** Runs a command of the executable with this configuration. */
  command(...words: string[]): Promise<Ended>;
  /** Begins a command that goes on until it is interrupted. */
  begin(...words: string[]): Running;
  /** Writes the configuration file again; the daemon notices only at a reload. */
  configure(change: (text: string) => string): Promise<void>;
  /** Runs SQL on the table of sites, as an operator would. */
  sql(statement: string, ...values: readonly (string | null)[]): Promise<void>;
  log(): Promise<string>;
  /** SIGTERM; returns the exit status. */
  stop(): Promise<number>;
  /** SIGKILL: no farewell, no cleaning up. */
  kill(): Promise<void>;
};

/** The environment variable with a file that `peers init` has made: it takes seconds in a guest. */
export const TABLE_VARIABLE = "EROUTED_TABLE_TEMPLATE";

export const OUR_ID = "concentrator.example";

const PROJECT = join(import.meta.dir, "../../..");
const FOLDER = "/run/erouted";
const START_MS_MAX = patient(120_000);

/**
 * Creates configuration and table, starts the daemon, waits until it reports that it is healthy.
 */
export async function startErouted(host: Host, settings: EroutedSettings): Promise<Erouted> {
  const configFile = `${FOLDER}/erouted.toml`;
  await mkdir(FOLDER, { recursive: true, mode: 0o700 });
  await writeFile(`${FOLDER}/db.secret`, settings.database?.password ?? "", { mode: 0o600 });
  await writeFile(configFile, configuration(settings), { mode: 0o600 });
  const command = async (...words: string[]) =>
    await run(host, [...executable(), ...words, "--config", configFile]);
  for (const [name, content] of Object.entries(settings.files ?? {})) {
    await writeFile(`${FOLDER}/${name}`, content, { mode: 0o600 });
  }
  const template = process.env[TABLE_VARIABLE] ?? "";
  const isPlain = settings.database === undefined && settings.egroup === undefined;
  if (template !== "" && isPlain) {
    // A daemon that starts again finds its rows.
    if (!existsSync(`${FOLDER}/peers.db`)) await copyFile(template, `${FOLDER}/peers.db`);
  } else {
    const initialised = await command("peers", "init");
    if (initialised.status !== 0) throw new Error(`peers init: ${said(initialised)}`);
  }
  const sql = settings.database === undefined ? sqlite : mysql(settings.database.socket);
  for (const site of settings.sites) await insert(sql, site);

  const kept = settings.keeps === true ? { RUNTIME_DIRECTORY: FOLDER } : {};
  const environment = { ...RUNTIME_OPTIONS, ...kept };
  const daemon = start(host, [...executable(), "run", "--config", configFile], environment);
  const get = async (path: string) => (await getFrom(host, path)).body;
  const healthy = async () =>
    await getFrom(host, "/healthz").then(
      ({ status }) => status === 200,
      () => false,
    );
  try {
    await until("erouted answers on /healthz", healthy, START_MS_MAX);
  } catch (error) {
    throw new Error(`erouted does not start:\n${await daemon.output()}`, { cause: error });
  }
  const erouted: Erouted = {
    configFile,
    pid: daemon.pid,
    get,
    json: async (path) => JSON.parse(await get(path)),
    command,
    begin: (...words) => start(host, [...executable(), ...words, "--config", configFile]),
    configure: async (change) => {
      const text = change(await readFile(configFile, "utf8"));
      await writeFile(configFile, text, { mode: 0o600 });
    },
    sql,
    log: async () => await daemon.output(),
    stop: async () => {
      await daemon.stop();
      noteErouted(host, "stopped");
      return await daemon.exited;
    },
    kill: async () => {
      noteErouted(host, "killed");
      process.kill(daemon.pid, "SIGKILL");
      await daemon.exited;
    },
  };
  noteErouted(host, erouted);
  if (settings.keeps === true) noteGoesOn();
  return erouted;
}

type Sql = (statement: string, ...values: readonly (string | null)[]) => Promise<void>;

const sqlite: Sql = async (statement, ...values) => {
  const database = new Database(`${FOLDER}/peers.db`);
  database.run(statement, [...values]);
  database.close();
};

function mysql(socket: string): Sql {
  return async (statement, ...values) => {
    const connection = await createConnection({ socketPath: socket, user: "root" });
    await connection.query("use vpn");
    await connection.execute(statement, [...values]);
    await connection.end();
  };
}

async function insert(sql: Sql, site: SiteRow): Promise<void> {
  await sql(
    "INSERT INTO eroutes (peerid, password, remip, remmsk, peerip, bakpeerip, post_quantum) " +
      "VALUES (?, ?, ?, ?, ?, ?, ?)",
    site.peerid,
    site.password ?? null,
    site.remip ?? null,
    site.remmsk ?? null,
    site.peerip ?? null,
    site.bakpeerip ?? null,
    site.post_quantum ?? null,
  );
}

function configuration(settings: EroutedSettings): string {
  const database = settings.database?.url ?? `sqlite:${FOLDER}/peers.db`;
  const secret = settings.database === undefined ? "" : `password_file = "${FOLDER}/db.secret"`;
  // MariaDB is slow on a loaded machine: a look-up that is slow is not one that hangs.
  const isPatient =
    settings.database !== undefined && !/lookup_deadline/.test(settings.egroup ?? "");
  const deadline = isPatient ? 'lookup_deadline = "10s"' : "";
  const more = settings.more ?? "";
  const hasIke = more.includes("[ike]\n");
  const ike = `[ike]\nwarm_up = ${settings.warmsUp === true}\n`;
  // With one or two sites, each change that closes one is a large share.
  return `[reload]
close_percent_max = 100

${hasIke ? "" : ike}

[status]
listen = "127.0.0.1:8080"
${settings.status ?? ""}

[[egroup]]
name = "sites"
database = "${database}"
${secret}
${deadline}
${settings.egroup ?? ""}

[[eroute]]
name = "fleet"
egroup = "sites"
peerid = "site-*"
ourid = "${OUR_ID}"
local_subnet = "${settings.localSubnet ?? "10.0.0.0/16"}"
remote_subnet = "${settings.remoteSubnet ?? "192.168.0.0/16"}"
${settings.eroute ?? ""}

${hasIke ? more.replace("[ike]\n", ike) : more}
`;
}

/**
 * `EROUTED_EXECUTABLE` names a built one, which `make test` sets; otherwise the sources are run.
 */
function executable(): string[] {
  const built = process.env.EROUTED_EXECUTABLE ?? "";
  if (built !== "" && existsSync(built)) return [built];
  return [process.execPath, join(PROJECT, "src/main.ts")];
}

function said(ended: Ended): string {
  return `status ${ended.status}\n${ended.out}${ended.err}`;
}
