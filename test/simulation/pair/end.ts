/** One end of a pair: a whole concentrator with its kernel, its eroute and its rows. */

import type { Concentrator } from "../../../src/concentrator/concentrator.ts";
import type { Effect } from "../../../src/concentrator/effect.ts";
import type { Event } from "../../../src/concentrator/event.ts";
import type { JournalEntry } from "../../../src/concentrator/journal/journal.ts";
import type { EroutePlan } from "../../../src/eroute/eroute.ts";
import { type Address, formatAddress } from "../../../src/inet/address.ts";
import { asInstant } from "../../../src/octets/instant.ts";
import { err, ok } from "../../../src/octets/result.ts";
import type { KernelResult, XfrmRequest } from "../../../src/xfrm/request.ts";
import { createDatabase, type DatabaseModel } from "../database.ts";
import { createDriver, type Driver } from "../driver.ts";
import { createKernel, type KernelFaults, type KernelModel, stateKey } from "../kernel.ts";
import type { Prng } from "../prng.ts";
import type { Schedule } from "../schedule.ts";
import { createSuccession, type Succession } from "../succession.ts";
import { toyKeyExchange } from "../toy-key-exchange.ts";
import { toySignature } from "../toy-signature.ts";

export type End = {
  readonly name: string;
  readonly address: Address;
  /** What this end calls the other one. */
  readonly peerId: string;
  readonly concentrator: Concentrator;
  readonly succession: Succession;
  readonly kernel: KernelModel;
  readonly database: DatabaseModel;
  readonly driver: Driver;
  /** Packets that each state has carried. */
  readonly carried: Map<string, bigint>;
  /** Messages that were traced. */
  readonly messages: JournalEntry[];
};

export type EndSettings = {
  readonly name: string;
  readonly address: Address;
  readonly peerId: string;
  readonly plan: EroutePlan;
  /** Whether what is up is kept. */
  readonly keeps: boolean;
  /** As the daemon does it: before a message leaves, and when no event waits any more. */
  readonly savesLate: boolean;
};

/** What an end needs from its world. */
export type EndWorld = {
  readonly schedule: Schedule;
  now(): number;
  readonly prng: Prng;
  readonly faults: KernelFaults;
  /** Delay of a key exchange, signature or look-up; undefined: it is answered at once. */
  lateMs(): number | undefined;
  failsSignature(): boolean;
  losesAnswer(end: string, answer: Event): boolean;
  /** Delay of a signature; undefined: the same as that of the others. */
  signatureMs(end: string): number | undefined;
  send(from: End, effect: Extract<Effect, { kind: "send" }>): void;
  log(end: string, line: () => string): void;
  onReason(reason: string): void;
  onHandled(end: End, event: Event, effects: readonly Effect[]): void;
  /** Whether it is killed before this effect: its driver throws. */
  dies(end: End, effect: Effect): boolean;
  /** The ends that a host name resolves to. */
  addressOf(host: string): Address | undefined;
};

/** An end at rest. Its first deadline is planned once something has happened. */
export function createEnd(settings: EndSettings, world: EndWorld): End {
  const { name, address } = settings;
  const prng = world.prng.fork(name);
  const succession = createSuccession({
    plan: settings.plan,
    now: asInstant(world.now()),
    random: (count) => prng.octets(count),
    keeps: settings.keeps,
    savesLate: settings.savesLate,
  });
  const { concentrator } = succession;
  const kernel = createKernel(world.faults);
  const database = createDatabase();
  const carried = new Map<string, bigint>();
  const messages: JournalEntry[] = [];
  const later = (event: Event, own?: number): Event | undefined => {
    if (world.losesAnswer(name, event)) return undefined;
    const ms = own ?? world.lateMs();
    if (ms === undefined) return event;
    world.schedule.plan(world.now() + ms, () => feed(event));
    return undefined;
  };
  const driver = createDriver(concentrator, {
    now: world.now,
    onSend: (effect) => world.send(end, effect),
    onLookUp: ({ lookup, by }) => later({ kind: "peer-rows", lookup, result: database.find(by) }),
    onResolve({ resolve, host }) {
      const remote = world.addressOf(host);
      const result =
        remote === undefined ? err(`${host}: no such host`) : ok([{ local: address, remote }]);
      return later({ kind: "resolved", resolve, result });
    },
    onKeyExchange: ({ request, op }) =>
      later({ kind: "key-exchange-answer", request, result: toyKeyExchange(op) }),
    onSignature({ request, op }) {
      const result = world.failsSignature()
        ? err({ kind: "signature-failed", detail: "drawn" } as const)
        : toySignature(op);
      return later({ kind: "signature-answer", request, result }, world.signatureMs(name));
    },
    kernel: (request) => onKernel(request),
    // Never answered.
    delaysAnswer: (answer) => world.losesAnswer(name, answer),
    onJournal(entry) {
      world.onReason(entry.reason);
      world.log(name, () => `journal ${entry.reason}: ${entry.detail}`);
      if (entry.reason === "message") messages.push(entry);
    },
    onHandled: (event, effects) => world.onHandled(end, event, effects),
    dies: (effect) => world.dies(end, effect),
    onQuiet: () => succession.save(world.now()),
  });

  /** States end when their time is over; the world says what they have carried. */
  const onKernel = (request: XfrmRequest): KernelResult => {
    const result = kernel.perform(request);
    if (!result.ok) return result;
    if (request.op === "new-state") planExpiry(request.state);
    if (request.op === "query-state" && result.value !== undefined) {
      return ok({ ...result.value, packets: carried.get(stateKey(request.id)) ?? 0n });
    }
    if (request.op === "move-state") {
      const packets = carried.get(stateKey(request.id)) ?? 0n;
      carried.delete(stateKey(request.id));
      carried.set(stateKey(request.to), packets);
    }
    if (request.op === "delete-state") carried.delete(stateKey(request.id));
    return result;
  };
  const planExpiry = ({ id, lifetime }: Extract<XfrmRequest, { op: "new-state" }>["state"]) => {
    const seconds = lifetime.hardSeconds;
    const model = kernel.states.get(stateKey(id));
    if (seconds === undefined || model === undefined) return;
    world.schedule.plan(world.now() + seconds * 1_000, () => {
      const expire = kernel.expire(model);
      if (expire === undefined) return;
      carried.delete(stateKey(id));
      feed({ kind: "expire", expire });
    });
  };
  const feed = (event: Event): void => driver.feed(event);
  const end: End = {
    ...{ name, address, peerId: settings.peerId },
    ...{ concentrator, succession, kernel, database, driver, carried, messages },
  };
  return end;
}

/** `192.0.2.1`. */
export function nameOfAddress(address: Address): string {
  return formatAddress(address);
}
