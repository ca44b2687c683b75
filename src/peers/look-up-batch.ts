/**
 * Look-ups of the same moment share one query: bounded, each with a deadline, none blocks another.
 */

import type { LookupFault, LookupKey, PeerRow } from "../eroute/row.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { askedKey, askedValue, rowFor, rowKeys } from "./row-key.ts";
import type { Statistics } from "./statistics.ts";
import type { PeerTable, Selected } from "./table.ts";

export type BatchOptions = {
  readonly table: Pick<PeerTable, "select">;
  /** Queries under way at the same time. */
  readonly queriesMax: number;
  readonly waitingMax: number;
  readonly deadlineMs: number;
  /** Where the rows come from, for messages. */
  readonly source: string;
  readonly statistics: Statistics;
};

export type Batcher = {
  find(key: LookupKey): Promise<Result<readonly PeerRow[], LookupFault>>;
  waiting(): number;
  /** Ends what waits and what is under way with the fault `closed`. */
  close(): void;
};

/** Keys in one query: more would gain little, and strain the server's optimiser. */
const KEYS_MAX = 64;

/** Two rows for one key show that it is not unique; more need not be read. */
const ROWS_PER_KEY = 2;

/** Rows that are read for a single key: spellings that only the collation considers equal. */
const ROWS_OF_ONE_KEY = 16;

/** Queries that one batch may cost if the database refuses one of its values. */
const QUERIES_PER_BATCH_MAX = 32;

type FindResult = Result<readonly PeerRow[], LookupFault>;

type Lookup = {
  readonly startedMs: number;
  readonly resolve: (result: FindResult) => void;
  readonly slot: Slot;
};

/** One key, with all callers who asked for it before it was sent. */
type Slot = {
  readonly by: LookupKey["by"];
  readonly value: string;
  readonly startedMs: number;
  readonly lookups: Set<Lookup>;
  batch: Batch | undefined;
};

type Batch = { readonly abort: AbortController; readonly slots: readonly Slot[]; queries: number };

export function createBatcher(options: BatchOptions): Batcher {
  return new CoalescingBatcher(options);
}

class CoalescingBatcher implements Batcher {
  readonly #options: BatchOptions;
  /** Not sent yet, by value, oldest first. */
  readonly #unsent = {
    peerid: new Map<string, Slot>(),
    network: new Map<string, Slot>(),
    address: new Map<string, Slot>(),
    ppk: new Map<string, Slot>(),
  };
  /** Not settled yet, oldest first: the first has the next deadline. */
  readonly #open = new Set<Lookup>();
  readonly #running = new Set<Batch>();
  #flush: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: BatchOptions) {
    this.#options = options;
  }

  find(key: LookupKey): Promise<FindResult> {
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      this.#options.statistics.settled(0, refusal);
      return Promise.resolve(err(refusal));
    }
    const value = askedValue(key);
    if (value === undefined) return Promise.resolve(ok([]));
    const startedMs = performance.now();
    const slot = this.#slotOf(key.by, value, startedMs);
    return new Promise((resolve) => {
      const lookup = { startedMs, resolve, slot };
      slot.lookups.add(lookup);
      this.#open.add(lookup);
      this.#arm();
      // Waits for the other look-ups of this turn of the event loop.
      this.#flush ??= setImmediate(() => this.#send());
    });
  }

  waiting(): number {
    return this.#open.size;
  }

  close(): void {
    this.#closed = true;
    clearImmediate(this.#flush);
    clearTimeout(this.#timer);
    for (const unsent of Object.values(this.#unsent)) unsent.clear();
    const closed = this.#closedFault();
    for (const lookup of this.#open) this.#settle(lookup, err(closed));
    for (const batch of this.#running) batch.abort.abort();
  }

  #refusal(): LookupFault | undefined {
    if (this.#closed) return this.#closedFault();
    const { waitingMax, source } = this.#options;
    if (this.#open.size < waitingMax) return undefined;
    const detail = `${source}: ${waitingMax} look-ups wait already; the database is too slow`;
    return { kind: "overloaded", detail };
  }

  #closedFault(): LookupFault {
    return { kind: "closed", detail: `${this.#options.source}: closed` };
  }

  #slotOf(by: LookupKey["by"], value: string, startedMs: number): Slot {
    const unsent = this.#unsent[by];
    const found = unsent.get(value);
    if (found !== undefined) return found;
    const slot: Slot = { by, value, startedMs, lookups: new Set(), batch: undefined };
    unsent.set(value, slot);
    return slot;
  }

  #send(): void {
    this.#flush = undefined;
    while (this.#running.size < this.#options.queriesMax) {
      const slots = this.#take();
      if (slots.length === 0) return;
      const batch: Batch = { abort: new AbortController(), slots, queries: 0 };
      for (const slot of slots) slot.batch = batch;
      this.#running.add(batch);
      void this.#run(batch, slots).finally(() => {
        this.#running.delete(batch);
        if (!this.#closed) this.#send();
      });
    }
  }

  /** The oldest slots that have not been sent, all of one kind. */
  #take(): readonly Slot[] {
    const { peerid, network, address, ppk } = this.#unsent;
    let unsent = peerid;
    for (const other of [network, address, ppk]) {
      if (other.size > 0 && firstAt(other) < firstAt(unsent)) unsent = other;
    }
    const slots: Slot[] = [];
    for (const [value, slot] of unsent) {
      if (slots.length === KEYS_MAX) break;
      unsent.delete(value);
      slots.push(slot);
    }
    return slots;
  }

  async #run(batch: Batch, slots: readonly Slot[]): Promise<void> {
    const by = slots[0]?.by;
    if (by === undefined || batch.abort.signal.aborted) return;
    const alone = slots.length === 1;
    const rowsPerKey = alone ? ROWS_OF_ONE_KEY : ROWS_PER_KEY;
    const selection = { by, values: slots.map((slot) => slot.value) };
    batch.queries++;
    const selected = await this.#options.table.select(selection, rowsPerKey, batch.abort.signal);
    // One key with many rows hides those of the others, and one value that the database refuses
    // fails the whole query: the batch is halved until that key is alone.
    const spoilt = selected.ok ? !selected.value.complete : selected.error.kind === "other";
    if (spoilt && !alone && batch.queries < QUERIES_PER_BATCH_MAX) {
      const half = slots.length >> 1;
      await this.#run(batch, slots.slice(0, half));
      await this.#run(batch, slots.slice(half));
      return;
    }
    if (selected.ok) this.#distribute(slots, selected.value);
    else for (const slot of slots) this.#settleSlot(slot, selected);
  }

  #distribute(slots: readonly Slot[], selected: Selected): void {
    const byKey = new Map<string, PeerRow[]>();
    for (const row of selected.rows) {
      for (const key of rowKeys(slots[0]?.by ?? "peerid", row)) {
        const same = byKey.get(key);
        if (same === undefined) byKey.set(key, [row]);
        else if (same.length < ROWS_PER_KEY) same.push(row);
      }
    }
    for (const slot of slots) {
      const key = askedKey(slot.by, slot.value);
      const own = (byKey.get(key) ?? []).map((row) => rowFor(slot.by, key, row));
      const sure = selected.complete || own.length === ROWS_PER_KEY;
      this.#settleSlot(slot, sure ? ok(own) : err(this.#crowdedFault(slot)));
    }
  }

  #crowdedFault(slot: Slot): LookupFault {
    const { source } = this.#options;
    const detail = `${source}: too many rows like ${slot.value}; make the column a unique key`;
    return { kind: "other", detail };
  }

  #settleSlot(slot: Slot, result: FindResult): void {
    for (const lookup of slot.lookups) this.#settle(lookup, result);
  }

  #settle(lookup: Lookup, result: FindResult): void {
    this.#open.delete(lookup);
    lookup.slot.lookups.delete(lookup);
    const ms = performance.now() - lookup.startedMs;
    this.#options.statistics.settled(ms, result.ok ? undefined : result.error);
    lookup.resolve(result);
  }

  #arm(): void {
    if (this.#timer !== undefined) return;
    const oldest = first(this.#open);
    if (oldest === undefined) return;
    const ms = oldest.startedMs + this.#options.deadlineMs - performance.now();
    this.#timer = setTimeout(() => this.#expire(), Math.max(1, Math.ceil(ms)));
  }

  #expire(): void {
    this.#timer = undefined;
    const { deadlineMs, source } = this.#options;
    const detail = `${source}: no answer within ${deadlineMs} ms`;
    const before = performance.now() - deadlineMs;
    for (const lookup of this.#open) {
      if (lookup.startedMs > before) break;
      this.#settle(lookup, err({ kind: "timeout", detail }));
      this.#forget(lookup.slot);
    }
    this.#arm();
  }

  /**
   * If no caller waits for the slot any more, it is not sent, or its query ends with its last slot.
   */
  #forget(slot: Slot): void {
    if (slot.lookups.size > 0) return;
    if (slot.batch === undefined) this.#unsent[slot.by].delete(slot.value);
    else if (slot.batch.slots.every((other) => other.lookups.size === 0)) slot.batch.abort.abort();
  }
}

/** When the oldest of them was asked for. */
function firstAt(slots: Map<string, Slot>): number {
  return first(slots)?.startedMs ?? Number.POSITIVE_INFINITY;
}

function first<T>(values: Map<string, T> | Set<T>): T | undefined {
  for (const value of values.values()) return value;
  return undefined;
}
