/** Reads what the run before has kept: first whose it is, then all of it, in short turns. */

import type { Concentrator, Successor } from "../../concentrator/concentrator.ts";
import type { Effect } from "../../concentrator/effect.ts";
import type { KeptPlace } from "../../concentrator/handover/keep.ts";
import { now } from "../../linux/clock.ts";
import { wipe } from "../../octets/secret.ts";
import type { Slots } from "./slots.ts";

/**
 * Reads what is needed before a message is handled; returns what has to be done before. Undefined:
 * the message has to wait until all is read.
 */
export type Prepare = (message: Uint8Array) => readonly Effect[] | undefined;

/** So long one turn may take: sockets, timers and signals get theirs in between. */
const TURN_MS_MAX = 4;

export class Reading {
  readonly successor: Successor;
  /** Why sites are not there, with their numbers. */
  readonly closed = new Map<string, number>();
  #sites = 0;
  readonly #slots: Slots;
  #turnEnd = 0;

  constructor(slots: Slots, concentrator: Concentrator, place: KeptPlace) {
    this.#slots = slots;
    this.successor = concentrator.takeOver(place);
  }

  /** How many sites there were before, and are now. */
  get counts(): { readonly before: number; readonly now: number } {
    const closed = this.closed.values().reduce((sum, count) => sum + count, 0);
    return { before: this.#sites + closed, now: this.#sites };
  }

  /** `onKnown` is called as soon as it is known whose the documents are. */
  async run(onKnown: (prepare: Prepare) => void): Promise<void> {
    if (this.#slots.damaged > 0) this.#close("damaged", this.#slots.damaged);
    this.#turnEnd = now() + TURN_MS_MAX;
    const [head, ...numbers] = this.#slots.numbers();
    if (head === undefined) return;
    this.#read(head);
    for (const number of numbers) {
      const beginning = this.#slots.beginning(number);
      if (beginning !== undefined) this.successor.expect(number, beginning);
      await this.#turn();
    }
    onKnown((message) => this.#prepare(message));
    // What has arrived since the process before ended comes first.
    await nextTurn();
    for (const number of numbers) {
      this.#read(number);
      await this.#turn();
    }
  }

  #prepare(message: Uint8Array): readonly Effect[] | undefined {
    const numbers = this.successor.wanted(message);
    if (numbers === undefined) return undefined;
    for (const number of numbers) {
      // What repeats another document no longer does so once something has happened.
      if (this.#read(number) === "repeated") this.#slots.discard(number);
    }
    if (this.successor.wanted(message) === undefined) return undefined;
    return this.successor.settle();
  }

  #read(number: number): "repeated" | undefined {
    const content = this.#slots.content(number);
    if (content === undefined) return undefined;
    const read = this.successor.readKept(content, number);
    wipe(content);
    if (!read.ok) {
      this.#close(read.error.kind, 1);
      return undefined;
    }
    if (read.value === undefined) return "repeated";
    if (read.value.startsWith("site ")) this.#sites++;
    this.#slots.adopt(number, read.value);
    return undefined;
  }

  #close(why: string, count: number): void {
    this.closed.set(why, (this.closed.get(why) ?? 0) + count);
  }

  async #turn(): Promise<void> {
    if (now() < this.#turnEnd) return;
    await nextTurn();
    this.#turnEnd = now() + TURN_MS_MAX;
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
