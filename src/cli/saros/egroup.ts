/** `egroup n` of the old router as an `[[egroup]]`: database, table, columns, remote mask. */

import { parseDatabaseUrl } from "../../config/database-url.ts";
import { parseAddress } from "../../inet/address.ts";
import { parseMask } from "../../inet/prefix.ts";
import { none, type Settings, taken, toDo, wrong } from "./settings.ts";
import { type Section, section } from "./toml.ts";

export type SarosEgroup = {
  readonly name: string;
  /** The eroute that it is linked to. */
  readonly eroute: number;
  readonly section: Section;
  readonly settings: Settings;
  /** The database user's password, if the file has it in clear. */
  readonly password: string | undefined;
};

/** Undefined if it does not name a database: the report says so. */
export function importEgroup(settings: Settings): SarosEgroup | undefined {
  const name = `egroup${settings.instance}`;
  const egroup = section("[[egroup]]");
  egroup.keys.set("name", name);
  const at = settings.lineOf("dbname");
  const link = settings.get("eroute");
  const eroute = link !== undefined && /^[0-9]{1,5}$/.test(link) ? Number(link) : undefined;
  if (link === undefined) {
    const why = `no line links it to an eroute: eroute ${settings.instance} is assumed, check it`;
    settings.remark(at, "eroute", toDo(why));
  } else if (eroute === undefined) {
    settings.tell("eroute", wrong(`"${link}" is not the number of an eroute`));
  } else settings.tell("eroute", taken(`eroute ${eroute} is a base eroute`));
  const database = importDatabase(settings, at);
  if (database === undefined) {
    settings.tellRest(() => none("its egroup is left out"));
    return undefined;
  }
  egroup.keys.set("database", database);
  importTable(settings, egroup.keys);
  const password = settings.get("dbpwd");
  for (const key of ["edbpwd", "edbpassword", "dbepwd"]) {
    settings.tell(key, toDo("is encrypted by the router and cannot be read back: set it again"));
  }
  return { name, eroute: eroute ?? settings.instance, section: egroup, settings, password };
}

function importDatabase(settings: Settings, at: number): string | undefined {
  const [host, name, user] = [
    settings.get("dbhost") ?? settings.get("dbip"),
    settings.get("dbname"),
    settings.get("dbuser"),
  ];
  if (host === undefined || name === undefined || user === undefined) {
    settings.remark(
      at,
      "(all of it)",
      toDo("the egroup is left out: it needs dbhost, dbname, dbuser"),
    );
    return undefined;
  }
  const port = settings.get("dbport") ?? "0";
  const authority = host.includes(":") && parseAddress(host) !== undefined ? `[${host}]` : host;
  const at3306 = port === "0" || port === "3306" ? "" : `:${port}`;
  const login = encodeURIComponent(user);
  const url = `mysql://${login}@${authority}${at3306}/${encodeURIComponent(name)}`;
  const parsed = parseDatabaseUrl(url);
  if (!parsed.ok) {
    const key = settings.get("dbhost") === undefined ? "dbip" : "dbhost";
    settings.tell(key, wrong(`the database of these lines ${parsed.error.what}`));
    return undefined;
  }
  for (const key of ["dbhost", "dbip", "dbname", "dbuser", "dbport"]) {
    settings.tell(key, taken(`database ${url}`));
  }
  return url;
}

function importTable(settings: Settings, keys: Section["keys"]): void {
  const table = settings.get("dbtable");
  if (table !== undefined && !NAME.test(table)) {
    settings.tell("dbtable", wrong(`"${table}" is not a table name that erouted accepts`));
  } else if (table !== undefined) {
    keys.set("table", table);
    settings.tell("dbtable", taken("table"));
  }
  const mask = settings.get("remmsk");
  if (mask !== undefined && parseMask(mask, 4) !== undefined) {
    keys.set("remote_mask", mask);
    settings.tell("remmsk", taken("remote_mask"));
  } else if (mask !== undefined) {
    settings.tell("remmsk", wrong(`"${mask}" is not an IPv4 mask`));
  }
  const columns: Record<string, string> = {};
  for (const [from, to] of COLUMNS) {
    const column = settings.get(from);
    if (column === undefined) continue;
    if (!NAME.test(column)) {
      settings.tell(from, wrong(`"${column}" is not a column name that erouted accepts`));
      continue;
    }
    columns[to] = column;
    settings.tell(from, taken(`columns.${to}`));
  }
  if (Object.keys(columns).length > 0) keys.set("columns", columns);
}

/** Names in the database that erouted accepts. */
const NAME = /^[A-Za-z0-9_$-]{1,64}$/;

/** Parameters that name the table's columns, with our names. */
const COLUMNS = [
  ["fpeerid", "peerid"],
  ["fpwd", "password"],
  ["fremip", "remip"],
  ["fremmsk", "remmsk"],
  ["fpeerip", "peerip"],
  ["fbakpeerip", "bakpeerip"],
  ["fourid", "ourid"],
] as const;
