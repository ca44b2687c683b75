/** The last two messages of Main Mode with certificates, as initiator (RFC 2409 §5.1). */

import { sha256 } from "../../crypto/hash.ts";
import type { SignatureResult } from "../../crypto/signature.ts";
import { assert } from "../../octets/assert.ts";
import { equalOctets } from "../../octets/concat.ts";
import { later } from "../../octets/instant.ts";
import { wipe } from "../../octets/secret.ts";
import { identityText } from "../../wire/identity.ts";
import { ExchangeType, isakmpFlags } from "../../wire/v1/header.ts";
import { emitPayloadBody } from "../../wire/v1/payload-chain.ts";
import { anchorsOf } from "../credentials.ts";
import type { IkeContext } from "../effect.ts";
import { AUTH_OCTETS_MAX, SIGNATURE_MS } from "../limits.ts";
import type { Refusal } from "../refusal.ts";
import { holderNamed, signatureAnswer } from "../signed-proof.ts";
import {
  endCall,
  endCallTelling,
  errorIn,
  firstCopy,
  floated,
  hinted,
  initialContact,
  isNextOfMain,
  isReadable,
  type MessageEvent,
  ourId,
  reportedError,
} from "./calling.ts";
import { establish } from "./establish.ts";
import type { MainKeyed, MainSigned, MainSigning, MainVerifying } from "./initiator-phase.ts";
import { hashI, hashR } from "./keys.ts";
import { chooseNatT } from "./nat.ts";
import { counted, msOf, termsAfter } from "./phase1.ts";
import { decryptMessage, firstIv, isHashed } from "./protect.ts";
import { seenPayloads } from "./seen-message.ts";
import { signedMessage, signRequest, verifyRequest } from "./signatures.ts";
import { signedContent } from "./signed-content.ts";
import type { Step } from "./step.ts";

// Initiator                            Responder
// HDR*, IDii, CERT, SIG_I -->
//                                 <--  HDR*, IDir, [CERT,] SIG_R

/** The keys are derived: asks for SIG_I. */
export function askForSignature(keyed: MainKeyed, context: IkeContext): Step {
  const { id, path, call, chosen, vendors, keys, SKEYID, transcript, iv, nat, digest } = keyed;
  const body = emitPayloadBody(ourId(call));
  const HASH_I = hashI(chosen.algorithms.prf, SKEYID, transcript, body);
  const ticket = context.ticket();
  const next: MainSigning = {
    version: 1,
    phase: "call-main-signing",
    id,
    path,
    call,
    ticket,
    expireAt: later(context.now, SIGNATURE_MS),
    chosen,
    vendors,
    keys,
    SKEYID,
    transcript,
    iv,
    nat,
    digest,
  };
  const op = signRequest(call.credentials.own, HASH_I);
  return { sa: next, effects: [{ kind: "signature", ticket, op }] };
}

/** Our signature has been made: we say who we are, from the NAT port if there is a NAT. */
export function onMainSigned(sa: MainSigning, result: SignatureResult, context: IkeContext): Step {
  const made = signatureAnswer(result, "sign");
  if (!made.ok) return endCall(sa, made.error);
  const { id, call, chosen, vendors, keys, SKEYID, transcript, nat, digest } = sa;
  const { credentials } = call;
  const { signature } = made.value;
  const said = { credentials, signature, more: initialContact(call, id) };
  const fifth = signedMessage(sa, sa.iv, said, context);
  const path = floated(call, nat);
  const next: MainSigned = {
    version: 1,
    phase: "call-main-signed",
    id,
    path,
    call,
    chosen,
    vendors,
    keys,
    SKEYID,
    transcript,
    iv: fifth.iv,
    nat,
    digest,
    sent: firstCopy(call, fifth.octets, context),
    hint: undefined,
  };
  return { sa: next, effects: [{ kind: "send", octets: fifth.octets, path }] };
}

/** The sixth message: who the site is, and its proof, which has to be verified. */
export function onMainSignedProof(sa: MainSigned, event: MessageEvent, context: IkeContext): Step {
  const { header, octets } = event;
  const isEncrypted = isakmpFlags(octets).encryption;
  if (header.exchangeType === ExchangeType.INFORMATIONAL && isEncrypted) {
    return onProtectedError(sa, event, context);
  }
  if (!isReadable(event, ExchangeType.MAIN_MODE, sa.call)) return { sa, effects: [] };
  const error = errorIn(sa, event, context);
  if (error !== undefined) return hinted(sa, error.refusal);
  const digest = sha256(octets);
  if (!isNextOfMain(sa, event) || equalOctets(digest, sa.digest)) return { sa, effects: [] };
  if (!isEncrypted) return hinted(sa, IN_CLEAR);
  const { id, path, call, chosen, vendors, keys, SKEYID, transcript, nat } = sa;
  const { algorithms } = chosen;
  const read = decryptMessage({ algorithms, keys }, sa.iv, header, octets);
  // Nothing but the key exchange has made the keys, so that this message is damaged or forged.
  if (read === undefined) return { sa, effects: [{ kind: "count", counter: "messages_bad_icv" }] };
  const { payloads } = read.received;
  context.onMessage?.(seenPayloads("received", header, payloads));
  const content = signedContent(payloads);
  if (!content.ok) return hinted(sa, content.error);
  const { ID } = content.value;
  if (!call.isPeer(ID.identity)) {
    const [seen, expected] = [identityText(ID.identity), identityText(call.peer)];
    return endCallTelling(sa, read.iv, { kind: "wrong-peer", seen, expected }, context);
  }
  const ticket = context.ticket();
  const next: MainVerifying = {
    version: 1,
    phase: "call-main-verifying",
    id,
    path,
    call,
    ticket,
    expireAt: later(context.now, SIGNATURE_MS),
    chosen,
    vendors,
    keys,
    SKEYID,
    transcript,
    iv: read.iv,
    nat,
    digest,
    content: content.value,
  };
  const anchors = anchorsOf(call.credentials);
  assert(anchors !== undefined, "a call with certificates to a site that may use none");
  const HASH_R = hashR(algorithms.prf, SKEYID, transcript, ID.body);
  const op = verifyRequest(content.value, anchors, HASH_R);
  return { sa: next, effects: [{ kind: "signature", ticket, op }] };
}

/** The site has read our proof and refuses it: whoever says so has made the keys with us. */
function onProtectedError(sa: MainSigned, event: MessageEvent, context: IkeContext): Step {
  const { header, octets } = event;
  const { messageId } = header;
  if (header.spiR !== sa.id.spiR || octets.length > AUTH_OCTETS_MAX) return { sa, effects: [] };
  const { id, chosen, keys, iv: lastBlock } = sa;
  const secured = { id, algorithms: chosen.algorithms, keys, lastBlock };
  const read = decryptMessage(secured, firstIv(secured, messageId), header, octets);
  if (read === undefined || !isHashed(secured, messageId, read.received)) {
    return { sa, effects: [] };
  }
  const { payloads } = read.received;
  context.onMessage?.(seenPayloads("received", header, payloads));
  const error = reportedError(sa, payloads);
  return error === undefined ? { sa, effects: [] } : endCall(sa, error.refusal);
}

/** The site's signature and certificate have been verified, or are wrong. */
export function onMainVerified(
  sa: MainVerifying,
  result: SignatureResult,
  context: IkeContext,
): Step {
  const { id, path, call, chosen, vendors, keys, nat, iv, content } = sa;
  const { identity } = content.ID;
  const holder = holderNamed(identity, result);
  if (!holder.ok) return counted(endCallTelling(sa, iv, holder.error, context));
  wipe(sa.SKEYID);
  return establish(
    {
      id,
      path,
      peer: identity,
      vendors,
      nat,
      natT: chooseNatT(vendors)?.of ?? "none",
      algorithms: chosen.algorithms,
      keys,
      lastBlock: iv,
      lastOfPhase1: undefined,
      lifetimeMs: msOf(chosen.lifetime.seconds),
      terms: termsAfter(call.credentials),
      initialContact: call.initialContact,
      // A site whose user has to authenticate is not called.
      needsUser: false,
      holder: holder.value,
      step: "Main Mode",
    },
    context,
  );
}

const IN_CLEAR: Refusal = {
  kind: "malformed",
  where: "sixth message of Main Mode",
  detail: "ID and signature are not encrypted",
};
