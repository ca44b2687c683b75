/** The last two messages of Main Mode with signatures, as responder (RFC 2409 §5.1). */

import type { SignatureResult } from "../../crypto/signature.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { wipe } from "../../octets/secret.ts";
import { identityText } from "../../wire/identity.ts";
import { ExchangeType, isakmpFlags } from "../../wire/v1/header.ts";
import type { IdPayload, Payload, Received } from "../../wire/v1/message.ts";
import { NotifyType } from "../../wire/v1/notify-type.ts";
import {
  emitEncrypted,
  emitPayloadBody,
  emitPayloadOctets,
  firstPayloadType,
} from "../../wire/v1/payload-chain.ts";
import { isNameOf, namesOf } from "../certificate-names.ts";
import { wipeCredentials } from "../credentials.ts";
import type { IkeContext } from "../effect.ts";
import type { IkeEvent } from "../event.ts";
import { CERTIFICATE_OCTETS_MAX, CERTIFICATES_MAX } from "../limits.ts";
import type { Refusal } from "../refusal.ts";
import { encryptPayloads } from "./cipher.ts";
import { establish } from "./establish.ts";
import { neededPayload, notifyOf } from "./find-payload.ts";
import { hashI, hashR } from "./keys.ts";
import { chooseNatT } from "./nat.ts";
import { counted, endPhase1, msOf, phase1Head, termsAfter } from "./phase1.ts";
import { answerOf, chooseIsakmp } from "./proposal.ts";
import { decryptMessage } from "./protect.ts";
import { seenPayloads } from "./seen-message.ts";
import type {
  SignedAwaitingCredentials,
  SignedAwaitingId,
  SignedProof,
  SignedSigning,
  SignedVerifying,
} from "./signed-phase.ts";
import type { Step } from "./step.ts";
import { AuthMethod } from "./transform-numbers.ts";

/** X.509 certificate for signatures (RFC 2408 §3.9). */
export const X509_SIGNATURE = 4;

/** The fifth message: who the peer is, and its proof. Its row is looked up first. */
export function onSignedId(
  sa: SignedAwaitingId,
  { header, octets, path }: Extract<IkeEvent, { kind: "message" }>,
  { digest, context }: { readonly digest: Uint8Array; readonly context: IkeContext },
): Step {
  if (!isakmpFlags(octets).encryption) {
    const detail = "ID and signature are not encrypted";
    return endPhase1(sa, { kind: "malformed", where: "fifth message of Main Mode", detail });
  }
  const { algorithms } = sa.chosen;
  const read = decryptMessage({ algorithms, keys: sa.keys }, sa.iv, header, octets);
  if (read === undefined) return { sa, effects: [{ kind: "count", counter: "messages_bad_icv" }] };
  const { payloads } = read.received;
  context.onMessage?.(seenPayloads("received", header, payloads));
  const proof = proofOf(payloads, { digest, iv: read.iv });
  if (!proof.ok) return endPhase1(sa, proof.error);
  const { id, expireAt, chosen, vendors, withFragments, keys, SKEYID, transcript, nat } = sa;
  const ticket = context.ticket();
  const next: SignedAwaitingCredentials = {
    version: 1,
    phase: "signed-awaiting-credentials",
    id,
    path,
    expireAt,
    chosen,
    vendors,
    withFragments,
    keys,
    SKEYID,
    transcript,
    nat,
    ticket,
    proof: proof.value,
  };
  const peer = proof.value.idI.identity;
  const exchange = STEP;
  return {
    sa: next,
    effects: [{ kind: "identify", ticket, peer, algorithms: undefined, exchange }],
  };
}

/** Its content, copied because it outlives the datagram. */
function proofOf(
  payloads: readonly Received[],
  { digest, iv }: Pick<SignedProof, "digest" | "iv">,
): Result<SignedProof, Refusal> {
  const idI = neededPayload(payloads, "ID", STEP);
  if (!idI.ok) return idI;
  const signature = neededPayload(payloads, "SIG", STEP);
  if (!signature.ok) return signature;
  const certificates: Uint8Array[] = [];
  for (const payload of payloads) {
    // Other encodings were not asked for and are ignored.
    if (payload.kind !== "CERT" || payload.encoding !== X509_SIGNATURE) continue;
    const { length } = payload.data;
    if (certificates.length >= CERTIFICATES_MAX || length > CERTIFICATE_OCTETS_MAX) {
      const detail =
        `more than ${CERTIFICATES_MAX} certificates, or one of more than ` +
        `${CERTIFICATE_OCTETS_MAX} octets`;
      return err({ kind: "certificate", fault: { kind: "certificate-unfit", detail } });
    }
    certificates.push(payload.data.slice());
  }
  const { identity, protocol, port, body } = idI.value;
  const { idType, data } = identity;
  return ok({
    idI: {
      kind: "ID",
      identity: { idType, data: data.slice() },
      protocol,
      port,
      body: body.slice(),
    },
    signature: signature.value.data.slice(),
    certificates,
    initialContact: notifyOf(payloads, NotifyType.INITIAL_CONTACT) !== undefined,
    digest,
    iv,
  });
}

/** The site's row is there, or it is unknown. */
export function onSignedCredentials(
  sa: SignedAwaitingCredentials,
  result: Extract<IkeEvent, { kind: "credentials" }>["result"],
  context: IkeContext,
): Step {
  if (!result.ok) return endPhase1(sa, result.error);
  const credentials = result.value;
  const refuse = (refusal: Refusal): Step => {
    wipeCredentials(credentials);
    return endPhase1(sa, refusal);
  };
  const { own, peer, ikev1, policy } = credentials;
  if (own.kind !== "signature" || peer.kind === "psk" || ikev1?.xauth === true) {
    const detail = "the site signs, and its eroute wants a pre-shared key, or a user (XAUTH)";
    return refuse({ kind: "ikev1-unsupported", detail });
  }
  // The proposal was chosen for every site with a certificate: now that of this one counts.
  const allowed = chooseIsakmp(answerOf(sa.chosen), {
    suites: policy.ikeSuites,
    authMethods: [AuthMethod.RSA_SIGNATURES],
    keOctets: undefined,
  });
  if (!allowed.ok) return refuse(allowed.error);
  const { id, path, expireAt, chosen, vendors, withFragments, keys, SKEYID, transcript } = sa;
  const { nat, proof } = sa;
  const octets = hashI(chosen.algorithms.prf, SKEYID, transcript, proof.idI.body);
  const { signature, certificates } = proof;
  const ticket = context.ticket();
  const next: SignedVerifying = {
    version: 1,
    phase: "signed-verifying",
    id,
    path,
    expireAt,
    chosen,
    vendors,
    withFragments,
    keys,
    SKEYID,
    transcript,
    nat,
    ticket,
    proof,
    credentials,
  };
  const { anchors } = peer;
  const isHash = true;
  const op = {
    op: "verify",
    octets,
    method: RSA,
    signature,
    certificates,
    anchors,
    isHash,
  } as const;
  return { sa: next, effects: [{ kind: "signature", ticket, op }] };
}

/** The site's signature and certificate have been verified, or are wrong: then we sign, too. */
export function onVerified(
  sa: SignedVerifying,
  result: SignatureResult,
  context: IkeContext,
): Step {
  if (!result.ok) return counted(endPhase1(sa, { kind: "certificate", fault: result.error }));
  const { value } = result;
  const { credentials, proof, id, path, expireAt, chosen, vendors, withFragments } = sa;
  const { own, ourIdentity } = credentials;
  if (value.op !== "verify" || own.kind !== "signature") return { sa, effects: [] };
  const { holder } = value;
  const { identity } = proof.idI;
  if (!isNameOf(holder, identity)) {
    const [shown, names] = [identityText(identity), namesOf(holder)];
    return counted(endPhase1(sa, { kind: "id-not-in-certificate", id: shown, names }));
  }
  const { keys, SKEYID, transcript, nat } = sa;
  const ticket = context.ticket();
  const next: SignedSigning = {
    version: 1,
    phase: "signed-signing",
    id,
    path,
    expireAt,
    chosen,
    vendors,
    withFragments,
    keys,
    SKEYID,
    transcript,
    nat,
    ticket,
    proof,
    credentials,
    holder,
  };
  const body = emitPayloadBody(ourId(ourIdentity));
  const octets = hashR(chosen.algorithms.prf, SKEYID, transcript, body);
  const op = { op: "sign", key: own.key, octets, hashes: undefined, isHash: true } as const;
  return { sa: next, effects: [{ kind: "signature", ticket, op }] };
}

/** Our signature has been made: the sixth message goes out, and both ends are authenticated. */
export function onSigned(sa: SignedSigning, result: SignatureResult, context: IkeContext): Step {
  if (!result.ok) return endPhase1(sa, { kind: "certificate", fault: result.error });
  const { value } = result;
  if (value.op !== "sign") return { sa, effects: [] };
  const { id, path, vendors, chosen, keys, nat, proof, credentials, holder } = sa;
  const answer = sixthMessage(sa, value.signature, context);
  wipeCredentials(credentials);
  const done = establish(
    {
      id,
      path,
      peer: proof.idI.identity,
      vendors,
      nat,
      natT: chooseNatT(vendors)?.of ?? "none",
      algorithms: chosen.algorithms,
      keys,
      lastBlock: answer.iv,
      lastOfPhase1: { digest: proof.digest, octets: answer.octets },
      lifetimeMs: msOf(chosen.lifetime.seconds),
      terms: termsAfter(credentials),
      initialContact: proof.initialContact,
      needsUser: false,
      holder,
      step: STEP,
    },
    context,
  );
  wipe(sa.SKEYID);
  if (done.sa === undefined) return done;
  const sent = { kind: "send", octets: answer.octets, path } as const;
  return { sa: done.sa, effects: [sent, ...done.effects] };
}

/** IDir, our certificates and SIG_R, encrypted. */
function sixthMessage(
  { id, chosen, keys, proof, credentials: { own, ourIdentity } }: SignedSigning,
  signature: Uint8Array,
  { onMessage }: IkeContext,
): { readonly octets: Uint8Array; readonly iv: Uint8Array } {
  const certificates = own.kind === "signature" ? own.key.certificates : [];
  const payloads: readonly Payload[] = [
    ourId(ourIdentity),
    ...certificates.map((data) => ({ kind: "CERT", encoding: X509_SIGNATURE, data }) as const),
    { kind: "SIG", data: signature },
  ];
  const clear = phase1Head(id, ExchangeType.MAIN_MODE);
  const flags = { encryption: true, commit: false, authenticationOnly: false };
  onMessage?.(seenPayloads("sent", clear, payloads));
  const plain = emitPayloadOctets(payloads);
  const sealed = encryptPayloads(chosen.algorithms, keys.cipherKey, proof.iv, plain);
  const octets = emitEncrypted({ ...clear, flags }, firstPayloadType(payloads), sealed.octets);
  return { octets, iv: sealed.iv };
}

function ourId(identity: IdPayload["identity"]): IdPayload {
  return { kind: "ID", identity, protocol: 0, port: 0 };
}

/** The method of the request means nothing for a hash (RFC 2409 §5.1). */
const RSA = 1;
const STEP = "Main Mode";
