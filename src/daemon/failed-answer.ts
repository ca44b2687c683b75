/** What somebody who waits for an answer is told when performing the effect was a bug of ours. */

import type { Effect } from "../concentrator/effect.ts";
import type { Event } from "../concentrator/event.ts";
import { never } from "../octets/assert.ts";
import { err } from "../octets/result.ts";

/** An effect that is answered by an event. */
export type Question = Extract<
  Effect,
  { readonly kind: "kernel" | "key-exchange" | "signature" | "look-up" | "resolve" }
>;

export function isQuestion(effect: Effect): effect is Question {
  return effect.kind !== "send" && effect.kind !== "keepalive" && effect.kind !== "journal";
}

/** The answer that says that there is none: nothing waits for ever for one that was lost. */
export function failedAnswer(effect: Question): Event {
  switch (effect.kind) {
    case "kernel": {
      const { request, op } = effect;
      const refusal = { operation: op.op, object: "the request", errno: "EIO", detail: DETAIL };
      return { kind: "kernel-answer", request, result: err({ kind: "kernel", ...refusal }) };
    }
    case "key-exchange": {
      const error = { kind: "internal", detail: DETAIL } as const;
      return { kind: "key-exchange-answer", request: effect.request, result: { ok: false, error } };
    }
    case "signature": {
      const result = err({ kind: "signature-failed", detail: DETAIL } as const);
      return { kind: "signature-answer", request: effect.request, result };
    }
    case "look-up": {
      const result = err({ kind: "other", detail: DETAIL } as const);
      return { kind: "peer-rows", lookup: effect.lookup, result };
    }
    case "resolve":
      return { kind: "resolved", resolve: effect.resolve, result: err(DETAIL) };
    default:
      return never(effect);
  }
}

const DETAIL = "erouted itself failed: the error in its log tells where";
