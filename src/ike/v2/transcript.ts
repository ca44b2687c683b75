/** The messages before authentication that the AUTH of both ends covers (RFC 7296 §2.15). */

import type { AuthInput } from "./auth.ts";
import type { ProofKeys } from "./keys.ts";

/** What each end signs beside its identity. */
export type Transcript = { readonly initiator: Covered; readonly responder: Covered };

type Covered = Pick<AuthInput, "message" | "nonce">;

/** Each end signs its own IKE_SA_INIT message and the nonce of the other end. */
export function transcriptOf(init: {
  readonly request: Uint8Array;
  readonly response: Uint8Array;
  readonly Ni: Uint8Array;
  readonly Nr: Uint8Array;
}): Transcript {
  const { request, response, Ni, Nr } = init;
  return {
    initiator: { message: request, nonce: Nr },
    responder: { message: response, nonce: Ni },
  };
}

/** What the end in this role signs. `idBody` is the body of its ID payload. */
export function authInputOf(
  transcript: Transcript,
  { SK_pi, SK_pr }: ProofKeys,
  { role, idBody }: { readonly role: keyof Transcript; readonly idBody: Uint8Array },
): AuthInput {
  return { ...transcript[role], SK_p: role === "initiator" ? SK_pi : SK_pr, idBody };
}

/** How much memory the messages take. */
export function transcriptOctets({ initiator, responder }: Transcript): number {
  return initiator.message.length + responder.message.length;
}
