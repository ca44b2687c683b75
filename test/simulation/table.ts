/** A concentrator whose messages, rows and answers a test delivers by hand. */

import type { Concentrator } from "../../src/concentrator/concentrator.ts";
import { createEngine } from "../../src/concentrator/create-engine.ts";
import type { Effect } from "../../src/concentrator/effect.ts";
import type { Engine } from "../../src/concentrator/engine.ts";
import type { Event, LookupResult } from "../../src/concentrator/event.ts";
import type { JournalEntry } from "../../src/concentrator/journal/journal.ts";
import {
  type KeyExchangeRequest,
  type KeyExchangeResult,
  performKeyExchange,
} from "../../src/crypto/key-exchange.ts";
import type { EroutePlan } from "../../src/eroute/eroute.ts";
import type { LookupKey } from "../../src/eroute/row.ts";
import type { Path } from "../../src/inet/endpoint.ts";
import { assert } from "../../src/octets/assert.ts";
import { asInstant } from "../../src/octets/instant.ts";
import type { XfrmRequest } from "../../src/xfrm/request.ts";
import { createDatabase, type DatabaseModel } from "./database.ts";
import { createDriver } from "./driver.ts";
import { removeLeftovers, tablesOf } from "./keeping.ts";
import { createKernel, type KernelFaults, type KernelModel } from "./kernel.ts";
import { planOf } from "./plan.ts";
import { createPrng, type Prng } from "./prng.ts";
import { createSuccession } from "./succession.ts";

export type Sent = { readonly octets: Uint8Array; readonly path: Path; readonly at: number };

export type WaitingLookUp = {
  readonly by: LookupKey;
  /** Answers, perhaps again or too late, as a test wants. */
  answer(result: LookupResult): void;
};

/** What a test changes before it starts. */
export type TableOptions = {
  readonly plan?: EroutePlan;
  /** How many sites stay awake; absent: each rests as soon as it can. */
  readonly awakeMax?: number;
  readonly kernelFaults?: KernelFaults;
  /** Look-ups are answered at once from `database`; otherwise they wait in `lookUps`. */
  readonly answersLookUps?: boolean;
  /** What is up is kept, for `crash`. */
  readonly keeps?: boolean;
  readonly keyExchange?: (op: KeyExchangeRequest) => KeyExchangeResult | "later";
  /** Whether the kernel's answers now wait in `kernelAnswers`. */
  readonly holdsKernelAnswers?: () => boolean;
  readonly random?: (count: number, prng: Prng) => Uint8Array;
  /** Whether the process is killed before this effect: `feed` throws {@link KILLED}. */
  readonly dies?: (effect: Effect) => boolean;
  /** As the daemon does it: before a message leaves, and when no event waits any more. */
  readonly savesLate?: boolean;
};

export type Table = {
  /** Of the first process: for what no version of IKE does yet; all else asks the concentrator. */
  readonly engine: Engine;
  readonly concentrator: Concentrator;
  readonly kernel: KernelModel;
  readonly database: DatabaseModel;
  readonly prng: Prng;
  /** All datagrams that were sent and not yet taken, oldest first. */
  readonly sent: Sent[];
  readonly lookUps: WaitingLookUp[];
  /** Key exchanges that were made to wait. */
  readonly keyExchanges: { answer(result: KeyExchangeResult): void; op: KeyExchangeRequest }[];
  /** Answers of the kernel that were held back: feed them when it is time. */
  readonly kernelAnswers: Event[];
  readonly journal: JournalEntry[];
  /** Effects of each event in order, including those of kernel answers. */
  readonly effects: Effect[];
  now(): number;
  feed(event: Event): void;
  /** A datagram, of which the concentrator gets a copy. */
  deliver(octets: Uint8Array, path: Path): void;
  /** Another process goes on, so many ms later; false if this one has to wait for the kernel. */
  succeed(pauseMs?: number): boolean;
  /** Copies of the documents that are kept, by name. */
  kept(): ReadonlyMap<string, Uint8Array>;
  /**
   * The process is killed; the next one goes on from what was kept, so many ms later. Whether all
   * sites look as before.
   */
  crash(pauseMs?: number): boolean;
  /** After {@link KILLED}: the next process goes on from what was kept until then. */
  goOn(pauseMs?: number): void;
  /**
   * The process is killed; the next one reads while messages of sites are handled, until anything
   * else happens, and for 50 ms at most. Returns whether that is still so.
   */
  crashLazily(): () => boolean;
  /** Moves the clock, stopping at each deadline of the concentrator on the way. */
  advance(ms: number): void;
};

/** Wall time when the clock stands at 0. */
const WALL_MS = 1_800_000_000_000;

/** A concentrator without any SA, at time 1,000. */
export function layTable(options: TableOptions = {}): Table {
  let clock = 1_000;
  let generation = 0;
  const prng = createPrng(1);
  const draw = options.random ?? ((count: number) => prng.octets(count));
  const own = {
    plan: options.plan ?? planOf(),
    now: asInstant(clock),
    random: (count: number) => draw(count, prng),
    keeps: options.keeps === true,
    awakeMax: options.awakeMax ?? 0,
    savesLate: options.savesLate === true,
  };
  const engine = createEngine(own);
  const succession = createSuccession(own, engine);
  const { concentrator } = succession;
  const kernel = createKernel(options.kernelFaults ?? (() => undefined));
  const exchange = options.keyExchange ?? performKeyExchange;
  const driver = createDriver(concentrator, {
    now: () => clock,
    onSend: ({ octets, path }) => {
      table.sent.push({ octets: octets.slice(), path, at: clock });
    },
    onLookUp({ lookup, by }) {
      if (options.answersLookUps !== false) {
        return { kind: "peer-rows", lookup, result: table.database.find(by) };
      }
      const answer = (result: LookupResult) => driver.feed({ kind: "peer-rows", lookup, result });
      table.lookUps.push({ by, answer });
      return undefined;
    },

    onResolve: () => undefined,
    onKeyExchange({ request, op }) {
      const result = exchange(op);
      if (result !== "later") return { kind: "key-exchange-answer", request, result };
      const answer = (late: KeyExchangeResult) =>
        driver.feed({ kind: "key-exchange-answer", request, result: late });
      // A request that waits has a copy of its own.
      table.keyExchanges.push({ op: { ...op, random: op.random.slice() }, answer });
      return undefined;
    },
    kernel: (request: XfrmRequest) => kernel.perform(request),
    delaysAnswer(event) {
      if (options.holdsKernelAnswers?.() !== true) return false;
      table.kernelAnswers.push(event);
      return true;
    },
    onJournal: (entry) => table.journal.push(entry),
    onHandled: (_, effects) => table.effects.push(...effects),
    dies: (effect) => options.dies?.(effect) === true,
    onQuiet: () => succession.save(clock),
  });
  const table: Table = {
    engine,
    concentrator,
    kernel,
    database: createDatabase(),
    prng,
    sent: [],
    lookUps: [],
    keyExchanges: [],
    kernelAnswers: [],
    journal: [],
    effects: [],
    now: () => clock,
    feed: driver.feed,
    deliver: (octets, path) => driver.feed({ kind: "datagram", octets: octets.slice(), path }),
    succeed(pauseMs = 0) {
      generation += 2;
      const anchor = { now: clock, wallMs: WALL_MS + clock };
      const isDone = succession.succeed({ anchor, generation });
      clock += pauseMs;
      if (isDone) table.advance(0);
      return isDone;
    },
    kept: succession.kept,
    crash(pauseMs = 0) {
      if (!succession.isReading()) succession.checkKept(clock);
      table.kernelAnswers.length = 0;
      clock += pauseMs;
      const isSame = succession.crash(clock);
      removeLeftovers(kernel, concentrator);
      driver.feed(tablesOf(kernel));
      table.advance(0);
      return isSame;
    },
    goOn(pauseMs = 0) {
      table.kernelAnswers.length = 0;
      clock += pauseMs;
      succession.die(clock);
      // What was asked of the kernel is asked again before leftovers are removed.
      driver.feed({ kind: "deadline" });
      removeLeftovers(kernel, concentrator);
      driver.feed(tablesOf(kernel));
      table.advance(0);
    },
    crashLazily() {
      if (!succession.isReading()) succession.checkKept(clock);
      succession.crashLazily(clock, () => removeLeftovers(kernel, concentrator));
      return succession.isReading;
    },
    advance(ms) {
      const until = clock + ms;
      for (let rounds = 0; ; rounds++) {
        assert(rounds < 100_000, "a deadline that is never handled");
        const next = concentrator.nextDeadline();
        if (next === undefined || next > until) break;
        clock = Math.max(clock, next);
        driver.feed({ kind: "deadline" });
      }
      clock = until;
    },
  };
  return table;
}
