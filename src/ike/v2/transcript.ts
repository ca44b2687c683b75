/**
 * The messages before authentication that the AUTH of both ends covers: of IKE_SA_INIT each end's
 * own one (RFC 7296 §2.15), or both if both ends support that. Then nobody who can forge one end's
 * AUTH can weaken what the ends agree on (draft-ietf-ipsecme-ikev2-downgrade-prevention-08). Both
 * cover all messages of IKE_INTERMEDIATE (RFC 9242 §3.3.2).
 */

import { concat } from "../../octets/concat.ts";
import { Writer } from "../../octets/writer.ts";
import type { NotifyPayload, Payload } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import type { SaId } from "../sa-id.ts";
import type { AuthInput } from "./auth.ts";
import { notifyOf } from "./find-payload.ts";
import type { ProofKeys } from "./keys.ts";
import { notify } from "./notify.ts";

/** What each end signs beside its identity. */
export type Transcript = {
  readonly initiator: Covered;
  readonly responder: Covered;
  /** Each end signs the other end's message as well. */
  readonly isFull: boolean;
  /** Absent: there has been no IKE_INTERMEDIATE. */
  readonly intermediate?: Intermediate;
};

/** IntAuth_iN and IntAuth_rN after N exchanges of IKE_INTERMEDIATE. */
type Intermediate = {
  readonly exchanges: number;
  readonly initiator: Uint8Array;
  readonly responder: Uint8Array;
};

type Covered = Pick<AuthInput, "message" | "nonce">;

/** Each end signs its own IKE_SA_INIT message and the nonce of the other end. */
export function transcriptOf(init: {
  readonly request: Uint8Array;
  readonly response: Uint8Array;
  readonly Ni: Uint8Array;
  readonly Nr: Uint8Array;
  readonly isFull: boolean;
}): Transcript {
  const { request, response, Ni, Nr, isFull } = init;
  return {
    initiator: { message: request, nonce: Nr },
    responder: { message: response, nonce: Ni },
    isFull,
  };
}

/** One more IKE_INTERMEDIATE is done; both values come from `intAuth`. */
export function withIntermediate(
  { initiator, responder, isFull, intermediate }: Transcript,
  values: Pick<Intermediate, "initiator" | "responder">,
): Transcript {
  const exchanges = (intermediate?.exchanges ?? 0) + 1;
  return { initiator, responder, isFull, intermediate: { exchanges, ...values } };
}

/** What the end in this role signs. `idBody` is the body of its ID payload. */
export function authInputOf(
  transcript: Transcript,
  { SK_pi, SK_pr }: ProofKeys,
  { role, idBody }: { readonly role: SaId["role"]; readonly idBody: Uint8Array },
): AuthInput {
  const { message, nonce } = transcript[role];
  const SK_p = role === "initiator" ? SK_pi : SK_pr;
  const { isFull, intermediate } = transcript;
  const more = intermediate === undefined ? {} : { intAuth: intAuthOf(intermediate) };
  if (!isFull) return { message, nonce, SK_p, idBody, ...more };
  const received = transcript[role === "initiator" ? "responder" : "initiator"].message;
  return { before: [ZERO_PREFIX, received], message, nonce, SK_p, idBody, ...more };
}

/** IntAuth = IntAuth_iN | IntAuth_rN | IKE_AUTH_MID: the ID of the first message of IKE_AUTH. */
function intAuthOf({ exchanges, initiator, responder }: Intermediate): Uint8Array {
  // IKE_SA_INIT has the ID 0.
  const messageId = new Writer(4).u32(exchanges + 1).done();
  return concat(initiator, responder, messageId);
}

/** No IKE_SA_INIT message begins like this: its first eight octets are SPIi, which is not zero. */
const ZERO_PREFIX = new Uint8Array(8);

/** How much memory the messages take. */
export function transcriptOctets({ initiator, responder }: Transcript): number {
  return initiator.message.length + responder.message.length;
}

/**
 * The notify in the IKE_SA_INIT request, and in the response that accepts it, whether or not the
 * request had it: if somebody has removed it from the request, the initiator notices.
 */
export function fullTranscriptAuth(): NotifyPayload {
  return notify(NotifyType.IKE_SA_INIT_FULL_TRANSCRIPT_AUTH);
}

/** Whether an IKE_SA_INIT message says that its sender can sign both messages. */
export function saysFullTranscriptAuth(payloads: readonly Payload[]): boolean {
  return notifyOf(payloads, NotifyType.IKE_SA_INIT_FULL_TRANSCRIPT_AUTH) !== undefined;
}
