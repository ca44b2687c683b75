/** How each end proves its identity: pre-shared key or signature (RFC 7296 §2.15, RFC 7427). */

import {
  type CertificateHolder,
  HASH_ALGORITHMS,
  type SignatureRequest,
  type SignatureResult,
} from "../../crypto/signature.ts";
import { Reader } from "../../octets/reader.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { equalConstantTime } from "../../octets/secret.ts";
import { Writer } from "../../octets/writer.ts";
import type { AuthPayload, IdPayload, NotifyPayload, Payload } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import { CertEncoding } from "../../wire/v2/payload/cert.ts";
import type { AuthCredentials, PeerCredential } from "../credentials.ts";
import type { Refusal } from "../refusal.ts";
import { certPayloads, holderNamed, signatureAnswer } from "../signed-proof.ts";
import { AUTH_METHOD_PSK, pskAuth, signedOctets } from "./auth.ts";
import { acceptedBy } from "./auth-methods.ts";
import { notifyOf } from "./find-payload.ts";
import type { HalfOpen } from "./half-open.ts";
import { notify } from "./notify.ts";
import { authInputOf } from "./transcript.ts";

/** The peer's proof of its identity. */
export type PeerProof = {
  readonly id: IdPayload;
  readonly auth: AuthPayload;
  /** In DER, the peer's own certificate first. */
  readonly certificates: readonly Uint8Array[];
};

/** A result that is available at once, or a signature request that will lead to it. */
export type Asked<T> =
  | { readonly kind: "done"; readonly value: T }
  | { readonly kind: "ask"; readonly op: SignatureRequest };

/** How the peer has proved its identity. */
export type Proven = { readonly method: number; readonly holder: CertificateHolder | undefined };

/** Our CERT and AUTH payloads. `idBody` is the body of our ID payload. */
export function ownProof(
  half: HalfOpen,
  { own }: AuthCredentials,
  idBody: Uint8Array,
): Asked<readonly Payload[]> {
  const { prf } = half.algorithms;
  const input = authInputOf(half.transcript, half.keys, { role: half.id.role, idBody });
  if (own.kind === "psk") {
    const data = pskAuth(prf, own.psk, input);
    return { kind: "done", value: [{ kind: "AUTH", method: AUTH_METHOD_PSK, data }] };
  }
  const octets = signedOctets(prf, input);
  const { peerHashes: hashes } = half;
  return {
    kind: "ask",
    op: { op: "sign", key: own.key, octets, hashes, accepted: acceptedBy(half) },
  };
}

/** The payloads for which {@link ownProof} asked for a signature. */
export function signedProof(
  { own }: AuthCredentials,
  result: SignatureResult,
): Result<readonly Payload[], Refusal> {
  const answer = signatureAnswer(result, "sign");
  if (!answer.ok) return answer;
  const { method, signature } = answer.value;
  const certificates = own.kind === "signature" ? own.key.certificates : [];
  return ok([...certPayloads(certificates), { kind: "AUTH", method, data: signature }]);
}

/** Judges the peer's proof: at once for a pre-shared key, else by a signature request. */
export function judgeProof(
  half: HalfOpen,
  { peer }: AuthCredentials,
  { id, auth, certificates }: PeerProof,
): Result<Asked<Proven>, Refusal> {
  const { prf } = half.algorithms;
  const role = half.id.role === "initiator" ? "responder" : "initiator";
  const input = authInputOf(half.transcript, half.keys, { role, idBody: id.body });
  const { method } = auth;
  if (method === AUTH_METHOD_PSK) {
    if (peer.kind === "certificate") return err(otherMethod(method, peer));
    if (!equalConstantTime(pskAuth(prf, peer.psk, input), auth.data)) {
      return err({ kind: "wrong-psk" });
    }
    return ok({ kind: "done", value: { method, holder: undefined } });
  }
  if (peer.kind === "psk") return err(otherMethod(method, peer));
  const octets = signedOctets(prf, input);
  const { anchors } = peer;
  const signature = auth.data;
  return ok({
    kind: "ask",
    op: { op: "verify", octets, method, signature, certificates, anchors },
  });
}

/** The signature has been judged: if it is right, checks that the certificate fits the ID. */
export function judgeHolder(
  { id, auth }: PeerProof,
  result: SignatureResult,
): Result<Proven, Refusal> {
  const holder = holderNamed(id.identity, result);
  return holder.ok ? ok({ method: auth.method, holder: holder.value }) : holder;
}

/** The authorities that may have issued the peer's certificate: hashes of their keys (§3.7). */
export function certRequest(authorities: Uint8Array): Payload {
  return { kind: "CERTREQ", encoding: CertEncoding.X509_SIGNATURE, authorities };
}

/** SIGNATURE_HASH_ALGORITHMS: the hashes with which we can verify signatures (RFC 7427 §4). */
export function hashAlgorithms(): NotifyPayload {
  const w = new Writer(2 * HASH_ALGORITHMS.length);
  for (const algorithm of HASH_ALGORITHMS) w.u16(algorithm);
  return notify(NotifyType.SIGNATURE_HASH_ALGORITHMS, w.done());
}

/** The hashes that the peer announced; undefined: none, so it does not support RFC 7427. */
export function hashAlgorithmsOf(payloads: readonly Payload[]): readonly number[] | undefined {
  const data = notifyOf(payloads, NotifyType.SIGNATURE_HASH_ALGORITHMS)?.data;
  if (data === undefined) return undefined;
  const r = new Reader(data, "SIGNATURE_HASH_ALGORITHMS");
  const known: number[] = [];
  // Unknown numbers are ignored, and the list is not read beyond a limit.
  for (let i = 0; i < HASH_ALGORITHMS_READ_MAX && r.left >= 2; i++) {
    const algorithm = r.u16();
    if (HASH_ALGORITHMS.includes(algorithm) && !known.includes(algorithm)) known.push(algorithm);
  }
  return known;
}

const HASH_ALGORITHMS_READ_MAX = 64;

function otherMethod(method: number, peer: PeerCredential): Refusal {
  return { kind: "auth-method", method, wanted: peer.kind };
}
