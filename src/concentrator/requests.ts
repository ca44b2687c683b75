/**
 * The one table of requests under way: each has a number, a waiter that says what its answer is
 * for, and an instant after which the answer counts as lost. An answer is found by its number and
 * kind: one that is not awaited finds nothing.
 */

import type { BaseEroute, IkeMajor } from "../eroute/eroute.ts";
import type { PeerId } from "../eroute/peer-id.ts";
import type { LookupKey, PeerRow } from "../eroute/row.ts";
import type { IkeAlgorithms } from "../ike/algorithms.ts";
import type { PpkCredential } from "../ike/credentials.ts";
import type { Ticket } from "../ike/ticket.ts";
import { type Instant, later } from "../octets/instant.ts";
import { numberKeys } from "../octets/key-column.ts";
import { LongMap } from "../octets/long-map.ts";
import type { IkeSpi } from "../wire/header.ts";
import { ANSWER_MS_MAX } from "./answer-times.ts";
import type { CallId } from "./calls/calls.ts";
import type { ChildRequest, UsageQuery } from "./dataplane/installed.ts";
import type { Repairing } from "./dataplane/repairs.ts";
import type { KernelRequestId, KeyExchangeId, LookupId, ResolveId, SignatureId } from "./event.ts";
import type { Question } from "./failed-answer.ts";

/** Who waits for the answer, and what it needs to know to go on. */
export type Waiter =
  | IdentityLookUp
  | AddressLookUp
  | PasswordLookUp
  | PpkLookUp
  | RowCheck
  | { readonly kind: "call-look-up"; readonly call: CallId }
  | { readonly kind: "call-resolve"; readonly call: CallId }
  | { readonly kind: "key-exchange"; readonly spi: IkeSpi; readonly ticket: Ticket }
  | { readonly kind: "signature"; readonly spi: IkeSpi; readonly ticket: Ticket }
  | ChildRequest
  | UsageQuery
  | Repairing
  | { readonly kind: "standing"; readonly name: string };

/** An IKE SA waits for the row of the ID that its peer presents. */
export type IdentityLookUp = {
  readonly kind: "identity";
  readonly spi: IkeSpi;
  readonly ticket: Ticket;
  readonly peerId: PeerId;
  readonly base: BaseEroute;
  readonly major: IkeMajor;
  /** What IKE_SA_INIT agreed on; undefined: they are chosen later (IKEv1). */
  readonly algorithms: IkeAlgorithms | undefined;
};

/** An IKE SA of IKEv1 waits for the rows with its peer's address, one egroup after another. */
export type AddressLookUp = {
  readonly kind: "address";
  readonly spi: IkeSpi;
  readonly ticket: Ticket;
  readonly address: string;
  readonly egroup: string;
  /** Egroups that are asked after this one. */
  readonly next: readonly string[];
  readonly found: readonly FoundRow[];
};

/** An IKE SA of IKEv1 waits for the row of the user that its site names (XAUTH). */
export type PasswordLookUp = {
  readonly kind: "password";
  readonly spi: IkeSpi;
  readonly ticket: Ticket;
  readonly egroup: string;
  readonly user: string;
  readonly password: Uint8Array;
};

/** An IKE SA waits for the PPKs with the PPK_IDs that its peer proposes, one row after another. */
export type PpkLookUp = {
  readonly kind: "ppks";
  readonly spi: IkeSpi;
  readonly ticket: Ticket;
  readonly asked: PpkQuestion;
  /** What is asked after it. */
  readonly next: readonly PpkQuestion[];
  readonly found: readonly PpkCredential[];
};

/** `id`: a PPK_ID without its type; `by`: how a row of the egroup is found by it. */
export type PpkQuestion = {
  readonly egroup: string;
  readonly id: Uint8Array;
  readonly by: LookupKey;
};

export type FoundRow = {
  readonly egroup: string;
  readonly row: PeerRow;
  readonly lookup: LookupId;
};

/** The row of a connected site is read again; `key` is that of its eroute in use. */
export type RowCheck = {
  readonly kind: "row-check";
  readonly key: string;
  readonly egroup: string;
};

/** Which event answers each of them. */
const ANSWERED_BY = {
  identity: "peer-rows",
  address: "peer-rows",
  password: "peer-rows",
  ppks: "peer-rows",
  "row-check": "peer-rows",
  "call-look-up": "peer-rows",
  "call-resolve": "resolved",
  "key-exchange": "key-exchange-answer",
  signature: "signature-answer",
  "child-sa": "kernel-answer",
  usage: "kernel-answer",
  repair: "kernel-answer",
  standing: "kernel-answer",
} as const satisfies Record<Waiter["kind"], string>;

/** The type of the number, by the event that quotes it. */
type Numbers = {
  "peer-rows": LookupId;
  resolved: ResolveId;
  "key-exchange-answer": KeyExchangeId;
  "signature-answer": SignatureId;
  "kernel-answer": KernelRequestId;
};

/** Which effect asks for each of these events. */
type Asked = {
  "peer-rows": "look-up";
  resolved: "resolve";
  "key-exchange-answer": "key-exchange";
  "signature-answer": "signature";
  "kernel-answer": "kernel";
};

export type WaiterKind = Waiter["kind"];
export type WaiterOf<K extends WaiterKind> = Extract<Waiter, { kind: K }>;
export type NumberOf<K extends WaiterKind> = Numbers[(typeof ANSWERED_BY)[K]];
/** The effect whose answer a waiter of this kind waits for. */
export type QuestionOf<K extends WaiterKind> = Extract<
  Question,
  { kind: Asked[(typeof ANSWERED_BY)[K]] }
>;

/** Those that this event can answer. */
export type WaiterFor<A extends keyof Numbers> = {
  [K in WaiterKind]: (typeof ANSWERED_BY)[K] extends A ? WaiterOf<K> : never;
}[WaiterKind];

/** A request without an answer. */
type Open = {
  /** Undefined: whoever waited has given up. */
  waiter: Waiter | undefined;
  readonly question: Question;
  readonly until: Instant;
};

/**
 * Requests that one kind of event answers, in the order in which they were asked and are due. In a
 * `Map` that entries come to and leave, the collector would find all of them until a full
 * collection: tables that it has outgrown know the next one, and the oldest of them stays.
 */
type OpenRequests = LongMap<number, Open>;

function noRequests(): OpenRequests {
  return new LongMap(numberKeys);
}

/** Numbers start again after this many: far more than can be under way. */
const NUMBERS = 2 ** 48;

/** The number of a kernel request whose answer does not matter: it has no waiter. */
export const UNWATCHED = 0 as KernelRequestId;

export class Requests {
  #last = 0;
  /** By the event that answers. */
  readonly #open: Readonly<Record<keyof Numbers, OpenRequests>> = {
    "key-exchange-answer": noRequests(),
    "signature-answer": noRequests(),
    "kernel-answer": noRequests(),
    resolved: noRequests(),
    "peer-rows": noRequests(),
  };
  readonly #tables = Object.values(this.#open);
  readonly #waiting = new Map<WaiterKind, number>();

  /** The number that was given last. */
  get last(): number {
    return this.#last;
  }

  /** Numbers go on after this one: answers to the process before find no waiter here. */
  continueAfter(last: number): void {
    this.#last = last % NUMBERS;
  }

  /** A number that nothing under way has. */
  number(): number {
    this.#last = (this.#last + 1) % NUMBERS || 1;
    return this.#last;
  }

  /** Enters a request that is made at `now`. */
  open<K extends WaiterKind>(
    number: NumberOf<K>,
    { waiter, question }: { readonly waiter: WaiterOf<K>; readonly question: QuestionOf<K> },
    now: Instant,
  ): void {
    const until = later(now, ANSWER_MS_MAX[question.kind]);
    this.#open[ANSWERED_BY[waiter.kind]].set(number, { waiter, question, until });
    this.#count(waiter.kind, 1);
  }

  /**
   * The answer has come: returns its waiter; undefined if there is none for this kind of answer.
   */
  take<A extends keyof Numbers>(answer: A, number: Numbers[A]): WaiterFor<A> | undefined {
    const waiter = this.giveUp(answer, number);
    this.#open[answer].delete(number);
    return waiter;
  }

  /** The waiter does not wait any longer; returns it. The answer is still to come. */
  giveUp<A extends keyof Numbers>(answer: A, number: Numbers[A]): WaiterFor<A> | undefined {
    const open = this.#open[answer].get(number);
    const waiter = open?.waiter;
    if (open === undefined || waiter === undefined) return undefined;
    open.waiter = undefined;
    this.#count(waiter.kind, -1);
    return waiter as WaiterFor<A>;
  }

  /** Numbers, waiters and questions of one kind; those removed during the walk are left out. */
  *of<K extends WaiterKind>(
    kind: K,
  ): Generator<readonly [NumberOf<K>, WaiterOf<K>, QuestionOf<K>]> {
    for (const [number, { waiter, question }] of this.#open[ANSWERED_BY[kind]].entries()) {
      if (waiter?.kind !== kind) continue;
      yield [number as NumberOf<K>, waiter as WaiterOf<K>, question as QuestionOf<K>];
    }
  }

  /** Another waiter of the same kind waits for the same answer. */
  replace<K extends WaiterKind>(number: NumberOf<K>, waiter: WaiterOf<K>): void {
    const open = this.#open[ANSWERED_BY[waiter.kind]].get(number);
    if (open?.waiter?.kind === waiter.kind) open.waiter = waiter;
  }

  /** How many waiters of a kind there are; without a kind: how many answers are still to come. */
  size(kind?: WaiterKind): number {
    if (kind !== undefined) return this.#waiting.get(kind) ?? 0;
    return this.#tables.reduce((sum, { size }) => sum + size, 0);
  }

  /** When the next answer counts as lost. */
  nextLost(): Instant | undefined {
    let next: Instant | undefined;
    for (const table of this.#tables) {
      const first = table.firstValue();
      if (first !== undefined && (next === undefined || first.until < next)) next = first.until;
    }
    return next;
  }

  /** Questions that were not answered in time. The caller takes each one during the walk. */
  *lost(now: Instant): Generator<Question> {
    for (const table of this.#tables) {
      for (const { until, question } of table.values()) {
        if (until > now) break;
        yield question;
      }
    }
  }

  #count(kind: WaiterKind, more: number): void {
    this.#waiting.set(kind, this.size(kind) + more);
  }
}
