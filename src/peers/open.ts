/** Opens an egroup's table: an engine, with coalescing, deadlines and counting around it. */

import { createSecureContext, type SecureContextOptions } from "node:tls";
import { type DatabaseSettings, describeDatabase } from "../eroute/database.ts";
import type { LookupFault } from "../eroute/row.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { createBatcher } from "./look-up-batch.ts";
import { openMysqlTable } from "./mysql.ts";
import type { PeerRepository } from "./repository.ts";
import { openSqliteTable } from "./sqlite.ts";
import { createStatistics } from "./statistics.ts";
import type { PeerTable } from "./table.ts";

/**
 * A repository for these settings. It does not connect yet: {@link PeerRepository.check} does. It
 * fails only for settings that can never work.
 */
export function openPeers(settings: DatabaseSettings): Result<PeerRepository, LookupFault> {
  const fault = impossible(settings);
  if (fault !== undefined) return err(fault);
  const mysql = settings.engine === "mysql";
  const table = mysql ? openMysqlTable(settings) : openSqliteTable(settings);
  return ok(supervise(table, settings, mysql ? settings.poolMax : 1));
}

function supervise(
  table: PeerTable,
  settings: DatabaseSettings,
  queriesMax: number,
): PeerRepository {
  const { deadlineMs, waitingMax } = settings;
  const source = describeDatabase(settings);
  const statistics = createStatistics();
  const batcher = createBatcher({
    table,
    queriesMax,
    waitingMax,
    deadlineMs,
    source,
    statistics,
  });
  const inTime = <T>(work: (signal: AbortSignal) => Promise<T>, ms = deadlineMs) =>
    withDeadline(work, ms);
  return {
    find: (key) => batcher.find(key),
    async check() {
      const checked = await inTime((signal) => table.check(signal));
      statistics.checked(checked.ok ? undefined : checked.error);
      return checked;
    },
    init: () => inTime((signal) => table.init(signal), WRITE_MS_MAX),
    add: (peer) => inTime((signal) => table.add(peer, signal)),
    write: (changes) => inTime((signal) => table.write(changes, signal), WRITE_MS_MAX),
    list: (after, limit) => inTime((signal) => table.list({ after, limit }, signal)),
    count: () => inTime((signal) => table.count(signal)),
    sameSubnet: (remips) => inTime((signal) => table.sameSubnet(remips, signal)),
    remove: (peerid) => inTime((signal) => table.remove(peerid, signal)),
    advice: () => inTime((signal) => table.advice(signal)),
    ...(settings.columns.changed == null
      ? {}
      : {
          changedSince: (watermark: string | undefined) =>
            inTime((signal) => table.changedSince(watermark, signal)),
        }),
    statistics() {
      const inUse = table.inUse?.();
      const read = statistics.read(batcher.waiting());
      return inUse === undefined ? read : { ...read, inUse };
    },
    close() {
      batcher.close();
      return table.close();
    },
  };
}

/** No look-up waits while a table is created or rows are written, which may take long. */
const WRITE_MS_MAX = 30_000;

async function withDeadline<T>(
  work: (signal: AbortSignal) => Promise<T>,
  deadlineMs: number,
): Promise<T> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), deadlineMs);
  try {
    return await work(abort.signal);
  } finally {
    clearTimeout(timer);
  }
}

function impossible(settings: DatabaseSettings): LookupFault | undefined {
  if (settings.engine !== "mysql" || settings.tls.mode === "off") return undefined;
  const { tls } = settings;
  const where = describeDatabase(settings);
  if (tls.mode === "verify" && tls.caPem !== undefined && !isContext({ ca: tls.caPem })) {
    return { kind: "other", detail: `${where}: the CA file holds no PEM certificate` };
  }
  const { client } = tls;
  if (client === undefined || isContext({ cert: client.certPem, key: client.keyPem })) {
    return undefined;
  }
  const what = "tls_cert_file and tls_key_file do not belong together, or the key has a passphrase";
  return { kind: "other", detail: `${where}: ${what}` };
}

function isContext(options: SecureContextOptions): boolean {
  try {
    createSecureContext(options);
    return true;
  } catch {
    return false;
  }
}
