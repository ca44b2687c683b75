/** MariaDB inside a guest: a data folder made outside, and settings that suit a guest's kernel. */

import { existsSync } from "node:fs";
import { cp, mkdir } from "node:fs/promises";
import { createConnection } from "mysql2/promise";
import { patient } from "../../patience.ts";
import { start, until } from "./hosts.ts";

export type GuestMariadb = {
  readonly socket: string;
  /** For the user `erouted`, who may do everything in the database `vpn`. */
  readonly password: string;
  /** As `database` of an egroup. */
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
};

/** Where the host leaves a data folder for the guests. */
export const TEMPLATE_VARIABLE = "EROUTED_MARIADB_TEMPLATE";

const FOLDER = "/run/mariadb";
const START_MS_MAX = patient(120_000);

/** Starts a server: with an empty database `vpn`, or again on the data of one that has ended. */
export async function startGuestMariadb(data: "new" | "restarted" = "new"): Promise<GuestMariadb> {
  const template = process.env[TEMPLATE_VARIABLE] ?? "";
  if (!existsSync(template)) throw new Error(`${TEMPLATE_VARIABLE} names no data folder`);
  if (data === "new") {
    await mkdir(FOLDER, { recursive: true });
    await cp(template, `${FOLDER}/data`, { recursive: true });
  }
  // In /tmp, which guests share, its temporary tables have the names of another guest's.
  await mkdir(`${FOLDER}/tmp`, { recursive: true });
  const socket = `${FOLDER}/socket`;
  const server = start(undefined, ["mariadbd", ...options(socket)]);
  let ended: number | undefined;
  void server.exited.then(async (status) => {
    ended = status;
    // A test that it fails says why.
    if (status !== 0) console.error(`MariaDB: status ${status}\n${await server.output()}`);
  });
  const answers = async () => {
    if (ended !== undefined) throw new Error(`it has ended with status ${ended}`);
    if (!existsSync(socket)) return false;
    return await sql(socket, "select 1").then(
      () => true,
      () => false,
    );
  };
  try {
    await until("MariaDB answers", answers, START_MS_MAX);
  } catch (error) {
    throw new Error(`MariaDB does not start:\n${await server.output()}`, { cause: error });
  }
  const password = "knock knock";
  const url = `mysql://erouted@/vpn?socket=${socket}`;
  if (data === "restarted") return { socket, password, url, ...server };
  await sql(socket, "create database vpn character set utf8mb4");
  await sql(socket, `create user erouted@localhost identified by '${password}'`);
  await sql(socket, "grant all on vpn.* to erouted@localhost");
  return { socket, password, url, ...server };
}

function options(socket: string): string[] {
  return [
    "--no-defaults",
    "--user=root",
    `--datadir=${FOLDER}/data`,
    `--tmpdir=${FOLDER}/tmp`,
    `--socket=${socket}`,
    "--skip-networking",
    "--innodb-buffer-pool-size=16M",
    "--innodb-buffer-pool-size-max=64M", // otherwise: "Cannot map"
    "--innodb-use-native-aio=0",
    "--innodb-flush-method=fsync",
    "--innodb-flush-log-at-trx-commit=0",
    "--performance-schema=off",
    "--skip-name-resolve",
  ];
}

async function sql(socket: string, statement: string): Promise<void> {
  const connection = await createConnection({ socketPath: socket, user: "root" });
  try {
    await connection.query(statement);
  } finally {
    connection.destroy();
  }
}
