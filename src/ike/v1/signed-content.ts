/** What the last two messages of Main Mode with signatures say (RFC 2409 §5.1). */

import { ok, type Result } from "../../octets/result.ts";
import type { IdPayload, Received } from "../../wire/v1/message.ts";
import type { Refusal } from "../refusal.ts";
import { certificatesIn } from "../signed-proof.ts";
import { neededPayload } from "./find-payload.ts";

/** Who the sender is, and its proof. Copies. */
export type SignedContent = {
  readonly ID: Received<IdPayload>;
  readonly signature: Uint8Array;
  /** In DER, the sender's own certificate first. */
  readonly certificates: readonly Uint8Array[];
};

/** Reads it; its content is copied because it outlives the datagram. */
export function signedContent(payloads: readonly Received[]): Result<SignedContent, Refusal> {
  const ID = neededPayload(payloads, "ID", "Main Mode");
  if (!ID.ok) return ID;
  const signature = neededPayload(payloads, "SIG", "Main Mode");
  if (!signature.ok) return signature;
  const certificates = certificatesIn(payloads);
  if (!certificates.ok) return certificates;
  const { identity, protocol, port, body } = ID.value;
  const { idType, data } = identity;
  return ok({
    ID: {
      kind: "ID",
      identity: { idType, data: data.slice() },
      protocol,
      port,
      body: body.slice(),
    },
    signature: signature.value.data.slice(),
    certificates: certificates.value,
  });
}

/** Memory that it takes. */
export function contentOctets({ ID, signature, certificates }: SignedContent): number {
  const stored = [ID.body, signature, ...certificates];
  return stored.reduce((sum, { length }) => sum + length, 0);
}
