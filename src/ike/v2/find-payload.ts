/** Finding payloads in a parsed message, in whatever order they came (RFC 7296 §2.5). */

import { Reader } from "../../octets/reader.ts";
import type { NotifyPayload, Payload } from "../../wire/message.ts";
import { isErrorNotify, NotifyType } from "../../wire/notify-type.ts";

/** The first payload of a kind. */
export function payloadOf<K extends Payload["kind"]>(
  payloads: readonly Payload[],
  kind: K,
): Extract<Payload, { kind: K }> | undefined {
  return payloads.find(
    (payload): payload is Extract<Payload, { kind: K }> => payload.kind === kind,
  );
}

/** The first notify of a type. */
export function notifyOf(payloads: readonly Payload[], type: number): NotifyPayload | undefined {
  return payloads.find(
    (payload): payload is NotifyPayload => payload.kind === "NOTIFY" && payload.type === type,
  );
}

/** The first error notify: with one the exchange has failed, known to us or not (§3.10.1). */
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
