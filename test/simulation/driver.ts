/** Feeds a concentrator and performs its effects in order, as the daemon's shell does. */

import type { Concentrator } from "../../src/concentrator/concentrator.ts";
import { wipeRequest } from "../../src/concentrator/dataplane/request.ts";
import type { Effect } from "../../src/concentrator/effect.ts";
import type { Event } from "../../src/concentrator/event.ts";
import type { JournalEntry } from "../../src/concentrator/journal/journal.ts";
import { assert, never } from "../../src/octets/assert.ts";
import { asInstant } from "../../src/octets/instant.ts";
import { wipe } from "../../src/octets/secret.ts";
import type { KernelResult, XfrmRequest } from "../../src/xfrm/request.ts";
import { toySignature } from "./toy-signature.ts";

type Of<K extends Effect["kind"]> = Extract<Effect, { kind: K }>;

/** How the world handles effects. A returned event is fed at once, after those that are waiting. */
export type Surroundings = {
  now(): number;
  onSend(effect: Of<"send">): void;
  onLookUp(effect: Of<"look-up">): Event | undefined;
  onResolve(effect: Of<"resolve">): Event | undefined;
  onKeyExchange(effect: Of<"key-exchange">): Event | undefined;
  /** Without it every signature is answered at once, by the toy signer. */
  onSignature?(effect: Of<"signature">): Event | undefined;
  kernel(request: XfrmRequest): KernelResult;
  /** Keeps the kernel's answer to deliver it later; false delivers it at once. */
  delaysAnswer(event: Event): boolean;
  onJournal(entry: JournalEntry): void;
  /** Called after each event with its effects. */
  onHandled(event: Event, effects: readonly Effect[]): void;
  /** Whether the process is killed before this effect. */
  dies?(effect: Effect): boolean;
  /** Called when no event waits any more. */
  onQuiet?(): void;
};

/** What `feed` throws if the process is killed. */
export const KILLED = new Error("killed");

export type Driver = {
  feed(event: Event): void;
};

function toyAnswer({ request, op }: Of<"signature">): Event {
  return { kind: "signature-answer", request, result: toySignature(op) };
}

/** Octets are only lent: code that keeps a view of a datagram will find this in it. */
const OVERWRITTEN = 0xee;

/** More events and effects than this without a pause are a bug. */
const ROUNDS_MAX = 100_000;

/** Connects a concentrator with a world. */
export function createDriver(concentrator: Concentrator, world: Surroundings): Driver {
  const queue: Event[] = [];
  let isBusy = false;

  const perform = (effect: Effect): void => {
    switch (effect.kind) {
      case "send":
        return world.onSend(effect);
      case "keepalive":
        return;
      case "journal":
        return world.onJournal(effect.entry);
      case "kernel": {
        const result = world.kernel(effect.op);
        wipeRequest(effect.op);
        const answer: Event = { kind: "kernel-answer", request: effect.request, result };
        if (!world.delaysAnswer(answer)) queue.push(answer);
        return;
      }
      case "key-exchange":
        enqueue(world.onKeyExchange(effect));
        return wipe(effect.op.random);
      case "signature":
        return enqueue((world.onSignature ?? toyAnswer)(effect));
      case "look-up":
        return enqueue(world.onLookUp(effect));
      case "resolve":
        return enqueue(world.onResolve(effect));
      default:
        return never(effect);
    }
  };
  const enqueue = (event: Event | undefined): void => {
    if (event !== undefined) queue.push(event);
  };

  return {
    feed(event) {
      queue.push(event);
      if (isBusy) return;
      isBusy = true;
      try {
        work();
      } finally {
        isBusy = false;
        queue.length = 0;
      }
    },
  };

  function work(): void {
    let rounds = 0;
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      assert(rounds++ < ROUNDS_MAX, "events and effects without end");
      const effects = concentrator.handle(next, asInstant(world.now()));
      if (next.kind === "datagram") next.octets.fill(OVERWRITTEN);
      for (const effect of effects) {
        if (world.dies?.(effect) === true) throw KILLED;
        perform(effect);
      }
      world.onHandled(next, effects);
    }
    world.onQuiet?.();
  }
}
