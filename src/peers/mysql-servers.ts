/**
 * Several servers of one database: the one that answered last is asked; after a failure, the next.
 */

import { type MysqlServer, type MysqlSettings, serverText } from "../eroute/database.ts";
import type { LookupFault } from "../eroute/row.ts";
import { err, type Result } from "../octets/result.ts";
import { type MysqlConnection, openMysqlConnection } from "./mysql-connection.ts";
import { abortedFault, type MysqlFault } from "./mysql-fault.ts";

/** Which server is asked now, and how often erouted has changed to another one. */
export type ServerInUse = { readonly server: string; readonly failovers: number };

export class MysqlServers {
  readonly #settings: MysqlSettings;
  readonly #servers: readonly MysqlServer[];
  readonly #of = new WeakMap<MysqlConnection, number>();
  #current = 0;
  #failovers = 0;

  constructor(settings: MysqlSettings) {
    this.#settings = settings;
    this.#servers = [settings.at, ...(settings.standby ?? [])];
  }

  get count(): number {
    return this.#servers.length;
  }

  inUse(): ServerInUse {
    const server = this.#servers[this.#current] ?? this.#settings.at;
    return { server: serverText(server), failovers: this.#failovers };
  }

  /**
   * A connection to the server in use, or to the first one after it that answers; `from`: skips
   * this many. Each but the last gets its share of the deadline, so that all are tried within it.
   */
  async open(
    charset: string | undefined,
    signal: AbortSignal,
    from = 0,
  ): Promise<Result<MysqlConnection, MysqlFault>> {
    const first = this.#current + from;
    const faults: MysqlFault[] = [];
    for (let tried = 0; tried < this.count - from; tried++) {
      if (signal.aborted) return err(abortedFault(this.#settings));
      const place = (first + tried) % this.count;
      const isLast = tried === this.count - from - 1;
      const opened = await this.#openAt(place, { charset, signal, isLast });
      if (opened.ok) {
        this.#of.set(opened.value, place);
        if (tried > 0 && from === 0) this.#use(place);
        return opened;
      }
      if (!MOVES_ON.has(opened.error.fault.kind)) return opened;
      faults.push(opened.error);
    }
    return err(all(faults) ?? abortedFault(this.#settings));
  }

  /**
   * A statement was not answered in time: the next connections use another server. True if there is
   * one.
   */
  leave(connection: MysqlConnection): boolean {
    if (this.count === 1 || this.#of.get(connection) !== this.#current) return false;
    this.#use((this.#current + 1) % this.count);
    return true;
  }

  /** Whether it is a connection to the server in use. */
  isCurrent(connection: MysqlConnection): boolean {
    return this.count === 1 || this.#of.get(connection) === this.#current;
  }

  async #openAt(
    place: number,
    { charset, signal, isLast }: OpenOptions,
  ): Promise<Result<MysqlConnection, MysqlFault>> {
    const at = this.#servers[place] ?? this.#settings.at;
    if (isLast) return openMysqlConnection({ ...this.#settings, at, standby: [] }, charset, signal);
    const deadlineMs = Math.max(SHARE_MS_MIN, Math.floor(this.#settings.deadlineMs / this.count));
    const share = new AbortController();
    const timer = setTimeout(() => share.abort(), deadlineMs);
    const both = AbortSignal.any([signal, share.signal]);
    const settings = { ...this.#settings, at, standby: [], deadlineMs };
    const opened = await openMysqlConnection(settings, charset, both);
    clearTimeout(timer);
    return opened;
  }

  #use(place: number): void {
    if (place === this.#current) return;
    this.#current = place;
    this.#failovers++;
  }
}

type OpenOptions = {
  readonly charset: string | undefined;
  readonly signal: AbortSignal;
  readonly isLast: boolean;
};

/** What each server answered, with the code of the last one. */
function all(faults: readonly MysqlFault[]): MysqlFault | undefined {
  const last = faults.at(-1);
  if (last === undefined || faults.length === 1) return last;
  const detail = faults.map(({ fault }) => fault.detail).join("; and ");
  return { ...last, fault: { ...last.fault, detail } };
}

/** Faults of the server and of the connection. A refused login would be refused elsewhere, too. */
const MOVES_ON: ReadonlySet<LookupFault["kind"]> = new Set([
  "unreachable",
  "timeout",
  "overloaded",
]);
const SHARE_MS_MIN = 50;
