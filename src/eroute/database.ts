/** How an egroup's table is reached: only settings; the room `peers` connects. */

/** Names of the table's columns by our words; null or left out if it has no such column. */
export type ColumnMap = {
  readonly peerid: string;
  readonly password: string;
  readonly remip: string;
  readonly remmsk: string | null;
  readonly peerip: string | null;
  readonly bakpeerip: string | null;
  readonly ourid: string | null;
  readonly locip?: string | null;
  readonly disabled?: string | null;
  readonly lifetime?: string | null;
  readonly inactivity?: string | null;
  readonly if_id?: string | null;
  readonly ppk?: string | null;
  readonly ppk_id?: string | null;
  readonly post_quantum?: string | null;
  /** Grows whenever a row is written: a time, or a counter. */
  readonly changed?: string | null;
};

/** Columns that many tables do not have: then NULL in each of their rows. */
export const COLUMNS_OF_FEW = [
  "locip",
  "disabled",
  "lifetime",
  "inactivity",
  "if_id",
  "ppk",
  "ppk_id",
  "post_quantum",
  "changed",
] as const satisfies readonly (keyof ColumnMap)[];

export type ColumnOfFew = (typeof COLUMNS_OF_FEW)[number];

export type TableSettings = {
  readonly egroup: string;
  readonly table: string;
  readonly columns: ColumnMap;
  /** Columns that are used only if the table has them: their names are our defaults. */
  readonly presumed?: readonly ColumnOfFew[];
  /** Only rows that satisfy this SQL condition of the operator; left out: all rows. */
  readonly where?: string;
  /** Deadline of each look-up, ms (R6). */
  readonly deadlineMs: number;
  /** Look-ups that may wait at the same time; one more fails at once as `overloaded`. */
  readonly waitingMax: number;
};

export type MysqlSettings = TableSettings & {
  readonly engine: "mysql";
  /** Host and port, or the path of a Unix socket. */
  readonly at: MysqlServer;
  /** Asked in turn when the first one does not answer; left out: none. */
  readonly standby?: readonly MysqlHost[];
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  readonly poolMax: number;
  /** `off`, or TLS with the server's certificate verified against `caPem` or the system's. */
  readonly tls:
    | { readonly mode: "off" }
    | {
        readonly mode: "verify";
        readonly caPem: string | undefined;
        readonly client?: ClientCertificate;
      }
    | { readonly mode: "encrypt-only"; readonly client?: ClientCertificate };
};

export type MysqlHost = { readonly host: string; readonly port: number };
export type MysqlServer = MysqlHost | { readonly socket: string };

/** The certificate and key with which we authenticate to the server, in PEM. */
export type ClientCertificate = { readonly certPem: string; readonly keyPem: string };

export type SqliteSettings = TableSettings & { readonly engine: "sqlite"; readonly path: string };

export type DatabaseSettings = MysqlSettings | SqliteSettings;

/** `mysql://erouted@db.example:3306/vpn table eroutes`: for people, without the password. */
export function describeDatabase(settings: DatabaseSettings): string {
  if (settings.engine === "sqlite") return `sqlite:${settings.path} table ${settings.table}`;
  const at = [settings.at, ...(settings.standby ?? [])].map(serverText).join(",");
  return `mysql://${settings.user}@${at}/${settings.database} table ${settings.table}`;
}

/** `db.example:3306`, or the path of a Unix socket. */
export function serverText(server: MysqlServer): string {
  return "socket" in server ? server.socket : `${server.host}:${server.port}`;
}
