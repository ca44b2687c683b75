/** Requests to the shell, and the answer that stands in for one that cannot come. */

import { never } from "../octets/assert.ts";
import { err } from "../octets/result.ts";
import type { Effect } from "./effect.ts";
import type { Event } from "./event.ts";

/** An effect that is answered by an event. */
export type Question = Extract<
  Effect,
  { readonly kind: "kernel" | "key-exchange" | "signature" | "look-up" | "resolve" }
>;

export function isQuestion(effect: Effect): effect is Question {
  return effect.kind !== "send" && effect.kind !== "keepalive" && effect.kind !== "journal";
}

/** The answer that says that the request failed; `detail` says why. */
export function failedAnswer(effect: Question, detail: string): Event {
  switch (effect.kind) {
    case "kernel": {
      const { request, op } = effect;
      const refusal = { operation: op.op, object: "the request", errno: "EIO", detail };
      return { kind: "kernel-answer", request, result: err({ kind: "kernel", ...refusal }) };
    }
    case "key-exchange": {
      const error = { kind: "internal", detail } as const;
      return { kind: "key-exchange-answer", request: effect.request, result: { ok: false, error } };
    }
    case "signature": {
      const result = err({ kind: "signature-failed", detail } as const);
      return { kind: "signature-answer", request: effect.request, result };
    }
    case "look-up": {
      const result = err({ kind: "other", detail } as const);
      return { kind: "peer-rows", lookup: effect.lookup, result };
    }
    case "resolve":
      return { kind: "resolved", resolve: effect.resolve, result: err(detail) };
    default:
      return never(effect);
  }
}
