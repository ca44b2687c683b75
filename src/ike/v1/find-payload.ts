/** Payloads by kind: a missing or unreadable one is a fault only where it is needed. */

import { err, ok, type Result } from "../../octets/result.ts";
import {
  type NotifyPayload,
  type Payload,
  PayloadType,
  type Received,
} from "../../wire/v1/message.ts";
import type { Refusal } from "../refusal.ts";

type Kind = Exclude<Payload["kind"], "OPAQUE" | "UNREADABLE">;
type Of<K extends Kind> = Received<Payload & { readonly kind: K }>;

/** The first payload of this kind; undefined if there is none that can be read. */
export function payloadOf<K extends Kind>(
  payloads: readonly Received[],
  kind: K,
): Of<K> | undefined {
  return payloads.find((payload): payload is Of<K> => payload.kind === kind);
}

/** The same for a payload that the exchange cannot do without. */
export function neededPayload<K extends Kind>(
  payloads: readonly Received[],
  kind: K,
  exchange: string,
): Result<Of<K>, Refusal> {
  const found = payloadOf(payloads, kind);
  if (found !== undefined) return ok(found);
  const type = PayloadType[kind];
  for (const payload of payloads) {
    if (payload.kind !== "UNREADABLE" || payload.payloadType !== type) continue;
    return err({ kind: "unreadable-payload", exchange, payloadType: type, ...payload.fault });
  }
  return err({ kind: "missing-payload", exchange, payload: kind });
}

/** The first notify of this type. */
export function notifyOf(payloads: readonly Received[], type: number): NotifyPayload | undefined {
  for (const payload of payloads) {
    if (payload.kind === "NOTIFY" && payload.type === type) return payload;
  }
  return undefined;
}
