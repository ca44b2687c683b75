/** Translates errors of MySQL, MariaDB, TLS and the network into helpful words. */

import { describeDatabase, type MysqlSettings } from "../eroute/database.ts";
import type { LookupFault } from "../eroute/row.ts";
import { METHOD_ADVICE, missingMethod, SOCKET_ADVICE } from "./mysql-auth.ts";

/** Why a statement failed. `lost`: the connection died; on a new one it may work. */
export type MysqlFault = {
  readonly fault: LookupFault;
  readonly lost: boolean;
  readonly code: string;
};

/** Errors as mysql2, sockets and TLS throw them: a code by name, a message without secrets. */
export function mysqlFault(error: unknown, settings: MysqlSettings): MysqlFault {
  const code = codeOf(error);
  const known = KNOWN[code];
  const said = messageOf(error, code);
  const kind = known?.kind ?? (TLS_CODE.test(code) ? "unreachable" : "other");
  const advice =
    grantAdvice(said, settings) ?? known?.advice ?? (TLS_CODE.test(code) ? TLS_ADVICE : undefined);
  const parts = [describeDatabase(settings), said];
  if (advice !== undefined) parts.push(advice.replace("EGROUP", settings.egroup));
  return { fault: { kind, detail: parts.join(": ") }, lost: LOST.has(code), code };
}

/** From `INSERT command denied to user 'x'@'host' for table …`: the missing grant. */
function grantAdvice(said: string, { database, table }: MysqlSettings): string | undefined {
  const denied = /([A-Z][A-Z ]*?) command denied to user '([^']*)'@'([^']*)'/.exec(said);
  if (denied === null) return undefined;
  const [, right = "", user = "", host = ""] = denied;
  return `missing right: GRANT ${right} ON \`${database}\`.\`${table}\` TO '${user}'@'${host}'`;
}

/** The wait for an answer was ended: by the deadline of its look-ups, or by closing. */
export function abortedFault(settings: MysqlSettings): MysqlFault {
  const detail = `${describeDatabase(settings)}: no answer within ${settings.deadlineMs} ms`;
  return { fault: { kind: "timeout", detail }, lost: false, code: "ABORTED" };
}

/** The column that an error about a value names. */
function columnNamed(error: unknown): string | undefined {
  return /column '([^']+)'/i.exec(error instanceof Error ? error.message : "")?.[1];
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "UNKNOWN";
  const { code, message } = error as Error & { code?: unknown };
  if (message.includes("connection is in closed state")) return "PROTOCOL_CONNECTION_LOST";
  if (message.includes("Server does not support secure")) return "HANDSHAKE_NO_SSL_SUPPORT";
  return typeof code === "string" ? code : "UNKNOWN";
}

function messageOf(error: unknown, code: string): string {
  // Messages about values quote them, and a value may be a password.
  if (VALUE_CODES.has(code)) {
    const column = columnNamed(error);
    return `${code}: column ${column ?? "unknown"} cannot hold such a value`;
  }
  const text = error instanceof Error ? error.message : String(error);
  const method = missingMethod(text);
  if (method !== undefined) return method;
  const line = text.replace(/\s+/g, " ").trim().slice(0, MESSAGE_LENGTH_MAX);
  return line.includes(code) || code === "UNKNOWN" ? line : `${line} (${code})`;
}

const MESSAGE_LENGTH_MAX = 300;

const VALUE_CODES: ReadonlySet<string> = new Set([
  "ER_TRUNCATED_WRONG_VALUE_FOR_FIELD",
  "ER_TRUNCATED_WRONG_VALUE",
  "ER_DATA_TOO_LONG",
  "ER_WARN_DATA_OUT_OF_RANGE",
  "ER_CONSTRAINT_FAILED",
  "ER_CHECK_CONSTRAINT_VIOLATED",
  "ER_DUP_ENTRY",
]);

const TLS_CODE = /CERT|SSL|TLS|SELF_SIGNED|ISSUER|SIGNATURE|ALTNAME|CRL/;
const TLS_ADVICE = "check the CA file, the certificate's names, and the tls mode of the egroup";

/** The connection is gone, but for a reason that need not affect the next one. */
const LOST: ReadonlySet<string> = new Set([
  "PROTOCOL_CONNECTION_LOST",
  "ECONNRESET",
  "EPIPE",
  "ER_SERVER_SHUTDOWN",
  "ER_NORMAL_SHUTDOWN",
  "ER_CONNECTION_KILLED",
  "ER_QUERY_INTERRUPTED",
  "ER_CLIENT_INTERACTION_TIMEOUT",
  "ER_NEED_REPREPARE",
  "ER_UNKNOWN_STMT_HANDLER",
]);

type Known = { readonly kind: LookupFault["kind"]; readonly advice?: string };

const LOGIN =
  "check user and password, and what the account requires (REQUIRE SSL: tls, REQUIRE X509: " +
  "tls_cert_file)";
const UNREACHABLE: Known = { kind: "unreachable" };
const GRANT: Known = {
  kind: "access-denied",
  advice: "check user, password and its grants (SELECT on the table)",
};

const KNOWN: Readonly<Partial<Record<string, Known>>> = {
  ECONNREFUSED: {
    kind: "unreachable",
    advice: "is the server running, and are host and port right?",
  },
  ENOENT: { kind: "unreachable", advice: "there is no such socket: is the server running?" },
  ENOTFOUND: { kind: "unreachable", advice: "the name server does not know the host" },
  EAI_AGAIN: { kind: "unreachable", advice: "no name server answers" },
  EACCES: { kind: "unreachable", advice: "no permission to open the socket" },
  ETIMEDOUT: UNREACHABLE,
  EHOSTUNREACH: UNREACHABLE,
  ENETUNREACH: UNREACHABLE,
  ECONNRESET: UNREACHABLE,
  EPIPE: UNREACHABLE,
  PROTOCOL_CONNECTION_LOST: UNREACHABLE,
  ER_SERVER_SHUTDOWN: UNREACHABLE,
  ER_NORMAL_SHUTDOWN: UNREACHABLE,
  ER_CONNECTION_KILLED: UNREACHABLE,
  ER_CON_COUNT_ERROR: { kind: "overloaded", advice: "the server has reached max_connections" },
  ER_USER_LIMIT_REACHED: {
    kind: "overloaded",
    advice: "the user has reached its limit of connections",
  },
  ER_TOO_MANY_USER_CONNECTIONS: {
    kind: "overloaded",
    advice: "the user has reached its limit of connections",
  },
  ER_ACCESS_DENIED_ERROR: { kind: "access-denied", advice: LOGIN },
  ER_ACCESS_DENIED_NO_PASSWORD_ERROR: { kind: "access-denied", advice: SOCKET_ADVICE },
  AUTH_SWITCH_PLUGIN_ERROR: { kind: "access-denied", advice: METHOD_ADVICE },
  ER_SERVER_IS_IN_SECURE_AUTH_MODE: { kind: "access-denied", advice: METHOD_ADVICE },
  ER_NOT_SUPPORTED_AUTH_MODE: { kind: "access-denied", advice: METHOD_ADVICE },
  ER_PLUGIN_IS_NOT_LOADED: { kind: "access-denied", advice: METHOD_ADVICE },
  ER_DBACCESS_DENIED_ERROR: GRANT,
  ER_TABLEACCESS_DENIED_ERROR: GRANT,
  ER_COLUMNACCESS_DENIED_ERROR: GRANT,
  ER_HOST_NOT_PRIVILEGED: GRANT,
  ER_HOST_IS_BLOCKED: GRANT,
  ER_BAD_DB_ERROR: { kind: "no-table", advice: "create the database, or correct its name" },
  ER_NO_DB_ERROR: { kind: "no-table", advice: "the URL names no database" },
  ER_NO_SUCH_TABLE: {
    kind: "no-table",
    advice: "`erouted peers init --egroup EGROUP` creates it",
  },
  ER_BAD_FIELD_ERROR: { kind: "no-column", advice: "correct `columns` of egroup EGROUP" },
  ER_PARSE_ERROR: { kind: "other", advice: "correct `where` of egroup EGROUP" },
  HANDSHAKE_NO_SSL_SUPPORT: { kind: "unreachable", advice: "the server offers no TLS" },
};
