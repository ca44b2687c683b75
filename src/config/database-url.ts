/** The database of an egroup as text: `mysql://…` or `sqlite:…`. */

import { parseCallAddress } from "../eroute/call-address.ts";
import { type MysqlHost, type MysqlServer, serverText } from "../eroute/database.ts";
import { parseAddress } from "../inet/address.ts";
import { err, ok, type Result } from "../octets/result.ts";

export type DatabaseUrl =
  | {
      readonly engine: "mysql";
      readonly at: MysqlServer;
      /** More hosts, separated by commas. */
      readonly standby?: readonly MysqlHost[];
      readonly user: string;
      readonly database: string;
    }
  | { readonly engine: "sqlite"; readonly path: string };

/**
 * What is wrong with it; never quotes a password. `expected` is set where it differs from the
 * usual.
 */
export type UrlFault = { readonly what: string; readonly expected?: string };

const MYSQL_PORT = 3306;

/**
 * Parses a database URL. By hand, because the URL class does not accept a user without a host, as
 * in `mysql://user@/database?socket=/path`.
 */
export function parseDatabaseUrl(text: string): Result<DatabaseUrl, UrlFault> {
  const sqlite = /^sqlite:(?:\/\/)?(.*)$/s.exec(text);
  if (sqlite !== null) {
    const [, path = ""] = sqlite;
    return path === "" ? fault("names no file") : ok({ engine: "sqlite", path });
  }
  const mysql = /^mysql:\/\/(?:(.*)@)?([^/?]*)(?:\/([^/?]*))?(?:\?(.*))?$/s.exec(text);
  if (mysql === null) return fault("is neither mysql://… nor sqlite:…");
  const [, login, authority = "", name = "", query = ""] = mysql;
  if (login?.includes(":") === true) {
    const expected = "only the user before @, and password_file or password_env beside database";
    return fault("holds a password", expected);
  }
  const user = decoded(login ?? "");
  if (user === undefined || user === "") return fault("names no user");
  const database = decoded(name);
  if (database === undefined || database === "") return fault("names no database after the host");
  const at = parseAt(authority, query);
  return at.ok ? ok({ engine: "mysql", ...at.value, user, database }) : at;
}

type Servers = Pick<Extract<DatabaseUrl, { engine: "mysql" }>, "at" | "standby">;

function parseAt(authority: string, query: string): Result<Servers, UrlFault> {
  if (query !== "" && !/^socket=[^&]+$/.test(query)) {
    return fault("has options after ? that are not known", "nothing but socket=PATH after ?");
  }
  const socket = query === "" ? undefined : decoded(query.slice("socket=".length));
  if (socket !== undefined) {
    return authority === "" ? ok({ at: { socket } }) : fault("names both a host and a socket");
  }
  const hosts: MysqlHost[] = [];
  for (const part of authority.split(",")) {
    const host = parseHost(part);
    if (!host.ok) return host;
    if (hosts.some((other) => serverText(other) === serverText(host.value))) {
      return fault(`names ${serverText(host.value)} twice`);
    }
    hosts.push(host.value);
  }
  if (hosts.length > HOSTS_MAX) return fault(`names ${hosts.length} hosts`, EXPECTED_HOSTS);
  const [at, ...standby] = hosts;
  if (at === undefined) return fault("names no host");
  return ok(standby.length === 0 ? { at } : { at, standby });
}

const HOSTS_MAX = 8;
const EXPECTED_HOSTS = `at most ${HOSTS_MAX}, separated by commas`;

function parseHost(authority: string): Result<MysqlHost, UrlFault> {
  const parts = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+))(?::([0-9]{1,5}))?$/.exec(authority);
  const host = parts?.[1] ?? parts?.[2];
  if (host === undefined) return fault("names no host, or one that cannot be read");
  const port = parts?.[3] === undefined ? MYSQL_PORT : Number(parts[3]);
  if (port < 1 || port > 65_535) return fault("names a port that does not exist");
  const isV6 = parts?.[1] !== undefined;
  if (isV6 ? parseAddress(host)?.family !== 6 : !parseCallAddress(host).ok) {
    return fault("names a host that is neither an address nor a host name");
  }
  return ok({ host, port });
}

/** Text without percent escapes; undefined if they are malformed or encode control characters. */
function decoded(text: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return undefined;
  const octets: number[] = [];
  for (const part of text.matchAll(/%([0-9A-Fa-f]{2})|[^%]+/g)) {
    if (part[1] === undefined) octets.push(...new TextEncoder().encode(part[0]));
    else octets.push(Number.parseInt(part[1], 16));
  }
  const plain = new TextDecoder().decode(new Uint8Array(octets));
  return /\p{Cc}/u.test(plain) ? undefined : plain;
}

function fault(what: string, expected?: string): { readonly ok: false; readonly error: UrlFault } {
  return err(expected === undefined ? { what } : { what, expected });
}
