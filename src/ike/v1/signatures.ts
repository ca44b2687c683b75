/** Signatures and certificates in Main Mode, as both ends make and judge them (RFC 2409 §5.1). */

import type { SignatureRequest, TrustAnchors } from "../../crypto/signature.ts";
import { assert } from "../../octets/assert.ts";
import { ExchangeType, PHASE_1_MESSAGE_ID } from "../../wire/v1/header.ts";
import type { CertPayload, IdPayload, Payload } from "../../wire/v1/message.ts";
import type { AuthCredentials, OwnCredential } from "../credentials.ts";
import type { IkeContext } from "../effect.ts";
import type { SaId } from "../sa-id.ts";
import { certPayloads, X509_SIGNATURE } from "../signed-proof.ts";
import type { IsakmpAlgorithms, IsakmpKeys } from "./keys.ts";
import { sealMessage } from "./protect.ts";
import type { SignedContent } from "./signed-content.ts";

/** Asks for a certificate. It names no authority, so that a site sends what it has. */
export const ANY_AUTHORITY: CertPayload = {
  kind: "CERTREQ",
  encoding: X509_SIGNATURE,
  data: new Uint8Array(0),
};

/** Asks for our signature over our hash. */
export function signRequest(own: OwnCredential, HASH: Uint8Array): SignatureRequest {
  const { key } = certified(own);
  return { op: "sign", key, octets: HASH, hashes: undefined, isHash: true };
}

/** Asks whether the peer's signature over its hash is right, and who vouches for its key. */
export function verifyRequest(
  { signature, certificates }: SignedContent,
  anchors: TrustAnchors,
  HASH: Uint8Array,
): SignatureRequest {
  const method = RSA;
  return { op: "verify", octets: HASH, method, signature, certificates, anchors, isHash: true };
}

/** What protects the last two messages. */
type Keyed = {
  readonly id: SaId;
  readonly chosen: { readonly algorithms: IsakmpAlgorithms };
  readonly keys: IsakmpKeys;
};

/** Our ID, our certificates, our signature, and `more`: encrypted, with the IV that follows. */
export function signedMessage(
  { id, chosen: { algorithms }, keys }: Keyed,
  iv: Uint8Array,
  said: {
    readonly credentials: Pick<AuthCredentials, "own" | "ourIdentity">;
    readonly signature: Uint8Array;
    readonly more: readonly Payload[];
  },
  context: IkeContext,
): { readonly octets: Uint8Array; readonly iv: Uint8Array } {
  const { own, ourIdentity } = said.credentials;
  const { certificates } = certified(own).key;
  const payloads: readonly Payload[] = [
    idOf(ourIdentity),
    ...certPayloads(certificates),
    { kind: "SIG", data: said.signature },
    ...said.more,
  ];
  const head = { exchangeType: ExchangeType.MAIN_MODE, messageId: PHASE_1_MESSAGE_ID, iv };
  return sealMessage({ id, algorithms, keys }, head, payloads, context);
}

/** Our ID, for any protocol and port. */
export function idOf(identity: IdPayload["identity"]): IdPayload {
  return { kind: "ID", identity, protocol: 0, port: 0 };
}

function certified(own: OwnCredential): Extract<OwnCredential, { kind: "signature" }> {
  assert(own.kind === "signature", "a signature without a certificate of ours");
  return own;
}

/** The method of the request means nothing for a hash (RFC 2409 §5.1). */
const RSA = 1;
