/** The last two messages of Main Mode with signatures, as responder (RFC 2409 §5.1). */

import type { SignatureResult } from "../../crypto/signature.ts";
import { ok, type Result } from "../../octets/result.ts";
import { wipe } from "../../octets/secret.ts";
import { isakmpFlags } from "../../wire/v1/header.ts";
import type { Received } from "../../wire/v1/message.ts";
import { NotifyType } from "../../wire/v1/notify-type.ts";
import { emitPayloadBody } from "../../wire/v1/payload-chain.ts";
import { wipeCredentials } from "../credentials.ts";
import type { IkeContext } from "../effect.ts";
import type { IkeEvent } from "../event.ts";
import type { Refusal } from "../refusal.ts";
import { holderNamed, signatureAnswer } from "../signed-proof.ts";
import { establish } from "./establish.ts";
import { notifyOf } from "./find-payload.ts";
import { hashI, hashR } from "./keys.ts";
import { chooseNatT } from "./nat.ts";
import { counted, endPhase1, msOf, termsAfter } from "./phase1.ts";
import { answerOf, chooseIsakmp } from "./proposal.ts";
import { decryptMessage } from "./protect.ts";
import { seenPayloads } from "./seen-message.ts";
import { idOf, signedMessage, signRequest, verifyRequest } from "./signatures.ts";
import { signedContent } from "./signed-content.ts";
import type {
  SignedAwaitingCredentials,
  SignedAwaitingId,
  SignedProof,
  SignedSigning,
  SignedVerifying,
} from "./signed-phase.ts";
import type { Step } from "./step.ts";
import { AuthMethod } from "./transform-numbers.ts";

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
  const peer = proof.value.ID.identity;
  const exchange = STEP;
  return {
    sa: next,
    effects: [{ kind: "identify", ticket, peer, algorithms: undefined, exchange }],
  };
}

/** Its content. */
function proofOf(
  payloads: readonly Received[],
  { digest, iv }: Pick<SignedProof, "digest" | "iv">,
): Result<SignedProof, Refusal> {
  const content = signedContent(payloads);
  if (!content.ok) return content;
  const { ID, signature, certificates } = content.value;
  const initialContact = notifyOf(payloads, NotifyType.INITIAL_CONTACT) !== undefined;
  return ok({ ID, signature, certificates, initialContact, digest, iv });
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
  const HASH_I = hashI(chosen.algorithms.prf, SKEYID, transcript, proof.ID.body);
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
  const op = verifyRequest(proof, peer.anchors, HASH_I);
  return { sa: next, effects: [{ kind: "signature", ticket, op }] };
}

/** The site's signature and certificate have been verified, or are wrong: then we sign, too. */
export function onVerified(
  sa: SignedVerifying,
  result: SignatureResult,
  context: IkeContext,
): Step {
  const { credentials, proof, id, path, expireAt, chosen, vendors, withFragments } = sa;
  const holder = holderNamed(proof.ID.identity, result);
  if (!holder.ok) return counted(endPhase1(sa, holder.error));
  const { own, ourIdentity } = credentials;
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
    holder: holder.value,
  };
  const body = emitPayloadBody(idOf(ourIdentity));
  const op = signRequest(own, hashR(chosen.algorithms.prf, SKEYID, transcript, body));
  return { sa: next, effects: [{ kind: "signature", ticket, op }] };
}

/** Our signature has been made: the sixth message goes out, and both ends are authenticated. */
export function onSigned(sa: SignedSigning, result: SignatureResult, context: IkeContext): Step {
  const made = signatureAnswer(result, "sign");
  if (!made.ok) return endPhase1(sa, made.error);
  const { signature } = made.value;
  const { id, path, vendors, chosen, keys, nat, proof, credentials, holder } = sa;
  const answer = signedMessage(sa, proof.iv, { credentials, signature, more: [] }, context);
  wipeCredentials(credentials);
  const done = establish(
    {
      id,
      path,
      peer: proof.ID.identity,
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

const STEP = "Main Mode";
