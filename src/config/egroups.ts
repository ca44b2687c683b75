/** Egroups: how to reach each table, and what its sites have in common (R11, R12). */

import {
  COLUMNS_OF_FEW,
  type ColumnMap,
  type ColumnOfFew,
  type DatabaseSettings,
  type TableSettings,
} from "../eroute/database.ts";
import type { Egroup } from "../eroute/eroute.ts";
import type { Family } from "../inet/address.ts";
import { parseMask } from "../inet/prefix.ts";
import { type Check, needed } from "./check.ts";
import { LOOKUP_MS } from "./daemon-settings.ts";
import { readTls } from "./database-tls.ts";
import { parseDatabaseUrl } from "./database-url.ts";
import { type KeyPath, quoted } from "./fault.ts";
import type { RawConfig, RawEgroup } from "./schema.ts";
import { secretOf } from "./secret.ts";
import { conditionFault } from "./sql-condition.ts";
import { durationMs, nameOf } from "./value.ts";

/** An egroup as far as it could be read: without `database` if that is wrong. */
export type ReadEgroup = {
  readonly egroup: Egroup;
  readonly path: KeyPath;
  readonly deadlineMs: number;
  /** How often rows of connected sites are checked; undefined: never. */
  readonly pollMs: number | undefined;
  readonly database: DatabaseSettings | undefined;
};

/** All egroups whose names are valid. */
export function readEgroups(check: Check, raw: RawConfig): readonly ReadEgroup[] {
  const egroups: ReadEgroup[] = [];
  const names = new Set<string>();
  for (const [i, rawEgroup] of (raw.egroup ?? []).entries()) {
    const path = ["egroup", i];
    const read = readEgroup(check, path, rawEgroup);
    if (read === undefined) continue;
    const { name } = read.egroup;
    if (names.has(name)) {
      check.fault([...path, "name"], `is ${quoted(name)} for a second egroup`, "another name");
    } else egroups.push(read);
    names.add(name);
  }
  return egroups;
}

function readEgroup(check: Check, path: KeyPath, raw: RawEgroup): ReadEgroup | undefined {
  const name = nameOf(check, [...path, "name"], raw.name);
  const table = readTable(check, path, raw);
  const database = readDatabase(check, path, raw, { ...table, egroup: name ?? "" });
  const remoteMask = {
    v4: readMask(check, [...path, "remote_mask"], raw.remote_mask, 4),
    v6: readMask(check, [...path, "remote_mask6"], raw.remote_mask6, 6),
  };
  const pollMs = readPoll(check, [...path, "poll_interval"], raw.poll_interval);
  if (name === undefined) return undefined;
  const { password_format: passwordFormat } = raw;
  const isPlain = passwordFormat === undefined || passwordFormat === "auto";
  const egroup = { name, remoteMask, ...(isPlain ? {} : { passwordFormat }) };
  return { egroup, path, deadlineMs: table.deadlineMs, pollMs, database };
}

function readPoll(check: Check, path: KeyPath, text: string | undefined): number | undefined {
  if (text === "off") return undefined;
  return durationMs(check, path, text, { min: 100, max: 3_600_000, otherwise: POLL_MS });
}

const POLL_MS = 10_000;

function readTable(check: Check, path: KeyPath, raw: RawEgroup): Omit<TableSettings, "egroup"> {
  const table = raw.table ?? "eroutes";
  checkIdentifier(check, [...path, "table"], table);
  const { where } = raw;
  const fault = where === undefined ? undefined : conditionFault(where);
  if (fault !== undefined) check.fault([...path, "where"], fault);
  return {
    table,
    ...(where === undefined ? {} : { where }),
    columns: readColumns(check, [...path, "columns"], raw.columns ?? {}),
    presumed: COLUMNS_OF_FEW.filter((word) => raw.columns?.[word] === undefined),
    deadlineMs: durationMs(check, [...path, "lookup_deadline"], raw.lookup_deadline, {
      min: 10,
      max: 60_000,
      otherwise: LOOKUP_MS,
    }),
    waitingMax: raw.waiting_max ?? 10_000,
  };
}

function readColumns(
  check: Check,
  path: KeyPath,
  raw: NonNullable<RawEgroup["columns"]>,
): ColumnMap {
  const words = new Map<string, string>();
  const take = (word: string, name: string) => {
    const at = [...path, word];
    checkIdentifier(check, at, name);
    const other = words.get(name.toLowerCase());
    if (other !== undefined) {
      check.fault(at, `is ${quoted(name)}, which is ${other} already`, "a column of its own");
    }
    words.set(name.toLowerCase(), word);
    return name;
  };
  const takeOptional = (word: keyof typeof raw, name: string | false | undefined = word) =>
    name === false || name === "" ? null : take(word, name);
  // A column with our default name is not claimed if the configuration uses it for something else.
  const takeOfFew = (word: ColumnOfFew) =>
    raw[word] === undefined && words.has(word) ? null : takeOptional(word, raw[word]);
  return {
    peerid: take("peerid", raw.peerid ?? "peerid"),
    password: take("password", raw.password ?? "password"),
    remip: take("remip", raw.remip ?? "remip"),
    remmsk: takeOptional("remmsk", raw.remmsk),
    peerip: takeOptional("peerip", raw.peerip),
    bakpeerip: takeOptional("bakpeerip", raw.bakpeerip),
    ourid: takeOptional("ourid", raw.ourid),
    locip: takeOfFew("locip"),
    disabled: takeOfFew("disabled"),
    lifetime: takeOfFew("lifetime"),
    inactivity: takeOfFew("inactivity"),
    if_id: takeOfFew("if_id"),
    ppk: takeOfFew("ppk"),
    ppk_id: takeOfFew("ppk_id"),
    post_quantum: takeOfFew("post_quantum"),
    changed: takeOfFew("changed"),
  };
}

/** Names are quoted in SQL; this check only catches mistakes. */
function checkIdentifier(check: Check, path: KeyPath, name: string): void {
  if (/^[A-Za-z0-9_$-]{1,64}$/.test(name)) return;
  // A view can provide a column with another name.
  if (/\s/.test(name)) check.fault(path, `is ${quoted(name)}, with blanks`, NAME_WITHOUT_BLANKS);
  else check.fault(path, `is ${quoted(name)}`);
}

/** R12: a mask for all sites, `255.255.255.0`, `/24` or 24. */
function readMask(
  check: Check,
  path: KeyPath,
  value: string | number | undefined,
  family: Family,
): number | undefined {
  if (value === undefined) return undefined;
  const length = parseMask(String(value), family);
  if (length === undefined || length === 0) check.fault(path, `is ${quoted(String(value))}`);
  return length;
}

function readDatabase(
  check: Check,
  path: KeyPath,
  raw: RawEgroup,
  table: TableSettings,
): DatabaseSettings | undefined {
  const at = [...path, "database"];
  const text = needed(check, at, raw.database);
  const { password_file: file, password_env: env } = raw;
  const password = secretOf(check, { path, word: "password", file, env });
  if (text === undefined) return undefined;
  const url = parseDatabaseUrl(text);
  if (!url.ok) {
    check.fault(at, url.error.what, url.error.expected);
    return undefined;
  }
  if (url.value.engine === "sqlite") {
    refuseMysqlKeys(check, path, raw);
    return { ...table, engine: "sqlite", path: url.value.path };
  }
  const tls = readTls(check, path, raw, url.value);
  return { ...table, ...url.value, password, poolMax: raw.pool ?? 8, tls };
}

const MYSQL_KEYS = [
  ...(["password_file", "password_env", "pool", "tls"] as const),
  ...(["tls_ca_file", "tls_cert_file", "tls_key_file"] as const),
];

function refuseMysqlKeys(check: Check, path: KeyPath, raw: RawEgroup): void {
  for (const key of MYSQL_KEYS) {
    if (raw[key] === undefined) continue;
    check.fault([...path, key], "has no meaning for an SQLite file", "not to be there");
  }
}

const NAME_WITHOUT_BLANKS =
  'letters, digits, "_", "$" and "-"; a view can give the table or column such a name';
