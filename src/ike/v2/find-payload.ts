/** Finding payloads in a parsed message, in whatever order they are (RFC 7296 §2.5). */

import { Reader } from "../../octets/reader.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import {
  type NotifyPayload,
  type Payload,
  PayloadType,
  type TsPayload,
  type UnreadablePayload,
} from "../../wire/v2/message.ts";
import { isErrorNotify, NotifyType } from "../../wire/v2/notify-type.ts";
import type { Refusal } from "../refusal.ts";

/** The payloads that may have a kind. */
type Having<K, P = Payload> = P extends Payload ? (K extends P["kind"] ? P : never) : never;

/**
 * The first payload of a kind. A message is searched dozens of times, mostly for what it does not
 * have, so none of these functions makes a function of its own.
 */
export function payloadOf<K extends Payload["kind"]>(
  payloads: readonly Payload[],
  kind: K,
): Having<K> | undefined {
  for (const payload of payloads) if (payload.kind === kind) return payload as Having<K>;
  return undefined;
}

/** The first payload of a kind; or why there is none: it is missing, or cannot be read. */
export function neededPayload<K extends NeededKind>(
  payloads: readonly Payload[],
  kind: K,
  exchange: string,
): Result<Having<K>, Refusal> {
  const found = payloadOf(payloads, kind);
  if (found !== undefined) return ok(found);
  const unreadable = unreadableOf(payloads, kind);
  if (unreadable !== undefined) return err(unreadableRefusal(unreadable, exchange));
  return err({ kind: "missing-payload", exchange, payload: kind === "NONCE" ? "Nonce" : kind });
}

/** The same for traffic selectors. */
export function neededSelectors(
  payloads: readonly Payload[],
  kind: "TSi" | "TSr",
  exchange: string,
): Result<TsPayload, Refusal> {
  const found = payloadOf(payloads, kind);
  if (found !== undefined) return ok(found);
  const unreadable = unreadableOf(payloads, kind);
  if (unreadable !== undefined) return err(unreadableRefusal(unreadable, exchange));
  return err({ kind: "missing-payload", exchange, payload: kind });
}

type NeededKind = Exclude<Payload["kind"], "OPAQUE" | "UNREADABLE" | "TSi" | "TSr" | "IDi" | "IDr">;

/** The first payload of this kind that cannot be read. */
export function unreadableOf(
  payloads: readonly Payload[],
  kind: keyof typeof PayloadType,
): UnreadablePayload | undefined {
  const payloadType = PayloadType[kind];
  for (const payload of payloads) {
    if (payload.kind === "UNREADABLE" && payload.payloadType === payloadType) return payload;
  }
  return undefined;
}

/** A payload that an exchange needs cannot be read. */
export function unreadableRefusal(
  { payloadType, fault }: UnreadablePayload,
  exchange: string,
): Refusal {
  return { kind: "unreadable-payload", exchange, payloadType, ...fault };
}

/** The first notify of a type. */
export function notifyOf(payloads: readonly Payload[], type: number): NotifyPayload | undefined {
  for (const payload of payloads) {
    if (payload.kind === "NOTIFY" && payload.type === type) return payload;
  }
  return undefined;
}

/** The first error notify, known to us or not: the exchange has failed (§3.10.1). */
export function errorNotifyOf(payloads: readonly Payload[]): number | undefined {
  for (const payload of payloads) {
    if (payload.kind === "NOTIFY" && isErrorNotify(payload.type)) return payload.type;
  }
  return undefined;
}

/** The group that INVALID_KE_PAYLOAD asks for (§1.3). */
export function wantedMethodOf(payloads: readonly Payload[]): number | undefined {
  const notify = notifyOf(payloads, NotifyType.INVALID_KE_PAYLOAD);
  return notify?.data.length === 2
    ? new Reader(notify.data, "INVALID_KE_PAYLOAD").u16()
    : undefined;
}
