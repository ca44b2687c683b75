/**
 * The one table of requests under way: each has a number, and a waiter that says what its answer is
 * for. An answer is found by its number and kind: one that is not awaited finds nothing.
 */

import type { BaseEroute } from "../eroute/eroute.ts";
import type { PeerId } from "../eroute/peer-id.ts";
import type { Ticket } from "../ike/ticket.ts";
import type { IkeSpi } from "../wire/header.ts";
import type { CallId } from "./calls/calls.ts";
import type { ChildRequest, UsageQuery } from "./dataplane/installed.ts";
import type { Repairing } from "./dataplane/repairs.ts";
import type { KernelRequestId, KeyExchangeId, LookupId, ResolveId, SignatureId } from "./event.ts";

/** Whose answer it is, and what that one needs to know to go on. */
export type Waiter =
  | IdentityLookUp
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

/** What numbers are called by the event that quotes them. */
type Numbers = {
  "peer-rows": LookupId;
  resolved: ResolveId;
  "key-exchange-answer": KeyExchangeId;
  "signature-answer": SignatureId;
  "kernel-answer": KernelRequestId;
};

type Kind = Waiter["kind"];
type NumberOf<K extends Kind> = Numbers[(typeof ANSWERED_BY)[K]];

/** Those that this event can answer. */
export type WaiterFor<A extends keyof Numbers> = {
  [K in Kind]: (typeof ANSWERED_BY)[K] extends A ? Extract<Waiter, { kind: K }> : never;
}[Kind];

/** How many numbers there are before they are used again: far more than can wait. */
const NUMBERS = 2 ** 48;

/** The number of a kernel request whose answer makes no difference: it has no waiter. */
export const UNWATCHED = 0 as KernelRequestId;

export class Requests {
  #last = 0;
  readonly #waiters = new Map<number, Waiter>();
  readonly #sizes = new Map<Kind, number>();

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

  /** Numbers a request whose answer this one waits for. */
  open<K extends Kind>(waiter: Extract<Waiter, { kind: K }>): NumberOf<K> {
    const number = this.number();
    this.#waiters.set(number, waiter);
    this.#sizes.set(waiter.kind, this.size(waiter.kind) + 1);
    return number as NumberOf<K>;
  }

  /** Removes and returns the waiter of this answer; undefined: none, or one for another kind. */
  take<A extends keyof Numbers>(answer: A, number: Numbers[A]): WaiterFor<A> | undefined {
    const waiter = this.#waiters.get(number);
    if (waiter === undefined || ANSWERED_BY[waiter.kind] !== answer) return undefined;
    this.#waiters.delete(number);
    this.#sizes.set(waiter.kind, this.size(waiter.kind) - 1);
    return waiter as WaiterFor<A>;
  }

  /** Numbers and waiters of one kind; those removed during the walk are left out. */
  *of<K extends Kind>(kind: K): Generator<readonly [NumberOf<K>, Extract<Waiter, { kind: K }>]> {
    for (const [number, waiter] of this.#waiters) {
      if (waiter.kind !== kind) continue;
      yield [number as NumberOf<K>, waiter as Extract<Waiter, { kind: K }>];
    }
  }

  /** Another waiter of the same kind waits for the same answer. */
  replace<K extends Kind>(number: NumberOf<K>, waiter: Extract<Waiter, { kind: K }>): void {
    if (this.#waiters.get(number)?.kind === waiter.kind) this.#waiters.set(number, waiter);
  }

  /** How many requests of a kind are under way; of all kinds without one. */
  size(kind?: Kind): number {
    return kind === undefined ? this.#waiters.size : (this.#sizes.get(kind) ?? 0);
  }
}
