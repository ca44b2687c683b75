/** Finding payloads in a parsed message, in whatever order they came (RFC 7296 §2.5). */

import type { NotifyPayload, Payload } from "../../wire/message.ts";

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
