/** Main Mode as initiator: we call a site, with a pre-shared key or certificates (RFC 2409 §5). */

import { sha256 } from "../../crypto/hash.ts";
import { type KeyExchangeResult, privateOctets } from "../../crypto/key-exchange.ts";
import { equalOctets } from "../../octets/concat.ts";
import { equalConstantTime, wipe } from "../../octets/secret.ts";
import { asIkeSpi, IKE_HEADER_OCTETS } from "../../wire/header.ts";
import { type Identity, identityText } from "../../wire/identity.ts";
import { ExchangeType, isakmpFlags, PHASE_1_MESSAGE_ID } from "../../wire/v1/header.ts";
import type { Payload, ReceivedPayloads } from "../../wire/v1/message.ts";
import { emitMessage, emitPayloadBody, parsePayloads } from "../../wire/v1/payload-chain.ts";
import { vendorsIn } from "../../wire/v1/vendor-id.ts";
import { keyExchangeRefusal } from "../busy.ts";
import { wipeCredentials } from "../credentials.ts";
import type { IkeContext } from "../effect.ts";
import type { Call } from "../event.ts";
import { NONCE_OCTETS } from "../limits.ts";
import type { Refusal } from "../refusal.ts";
import {
  authMethodOf,
  callVendors,
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
  offerOf,
  ourId,
  WRONG_ANSWER,
  workUntil,
} from "./calling.ts";
import { phase1Iv } from "./cipher.ts";
import { establish } from "./establish.ts";
import { neededPayload, payloadOf } from "./find-payload.ts";
import {
  hasCertificate,
  type MainAsked,
  type MainDeriving,
  type MainKeyed,
  type MainOffering,
  type MainProving,
  type MainSentKe,
} from "./initiator-phase.ts";
import { deriveIsakmpKeys, hashI, hashR, pskSkeyid, signatureSkeyid } from "./keys.ts";
import { askForSignature } from "./main-mode-call-signed.ts";
import { chooseNatT, detectNat, natDPayloads } from "./nat.ts";
import { counted, msOf, phase1Head, pskOf, termsAfter } from "./phase1.ts";
import { chooseIsakmp, isAnswerTo } from "./proposal.ts";
import { decryptMessage, sealMessage } from "./protect.ts";
import { seenPayloads } from "./seen-message.ts";
import { ANY_AUTHORITY } from "./signatures.ts";
import type { Step } from "./step.ts";

// Initiator                            Responder
// HDR, SA -->
//                                 <--  HDR, SA
// HDR, KE, Ni [, CERTREQ] -->
//                                 <--  HDR, KE, Nr
// HDR*, IDii, HASH_I -->
//                                 <--  HDR*, IDir, HASH_R
//
// With certificates the last two are those of main-mode-call-signed.ts.

/** Begins a call with our offer. */
export function callMain(call: Call, context: IkeContext): Step {
  const id = { spiI: context.ikeSpi(), spiR: asIkeSpi(0n), role: "initiator" } as const;
  const { path } = call;
  const offer = offerOf(call, undefined);
  const octets = sayInClear({ id }, [offer, ...callVendors(call)], context);
  const sent = firstCopy(call, octets, context);
  const phase = "call-main-asked";
  const sa: MainAsked = { version: 1, phase, id, path, call, offer, sent, hint: undefined };
  return { sa, effects: [{ kind: "send", octets, path }] };
}

function sayInClear(
  { id }: Pick<MainAsked, "id">,
  payloads: readonly Payload[],
  { onMessage }: IkeContext,
): Uint8Array {
  const head = phase1Head(id, ExchangeType.MAIN_MODE);
  onMessage?.(seenPayloads("sent", head, payloads));
  return emitMessage(head, payloads);
}

type Read =
  | { readonly kind: "read"; readonly received: ReceivedPayloads; readonly octets: Uint8Array }
  | { readonly kind: "done"; readonly step: Step };

/** A message in clear: its payloads, or what follows from an error, or from what is unreadable. */
function readClear(sa: MainAsked | MainSentKe, event: MessageEvent, context: IkeContext): Read {
  const ignored: Read = { kind: "done", step: { sa, effects: [] } };
  if (!isReadable(event, ExchangeType.MAIN_MODE, sa.call)) return ignored;
  const error = errorIn(sa, event, context);
  if (error !== undefined) return { kind: "done", step: hinted(sa, error.refusal) };
  if (!isNextOfMain(sa, event) || isakmpFlags(event.octets).encryption) return ignored;
  // A copy: what is read of it is kept.
  const octets = event.octets.slice();
  const { header } = event;
  const parsed = parsePayloads(header.nextPayload, octets, STEP, IKE_HEADER_OCTETS);
  if (!parsed.ok) return { kind: "done", step: hinted(sa, parsed.error) };
  context.onMessage?.(seenPayloads("received", header, parsed.value.payloads));
  return { kind: "read", received: parsed.value, octets };
}

/** The second message: what the site has chosen, and its cookie. */
export function onMainAnswer(sa: MainAsked, event: MessageEvent, context: IkeContext): Step {
  const read = readClear(sa, event, context);
  if (read.kind === "done") return read.step;
  const { payloads } = read.received;
  const answer = neededPayload(payloads, "SA", STEP);
  if (!answer.ok) return hinted(sa, answer.error);
  const chosen = chooseIsakmp(answer.value, {
    suites: sa.call.credentials.policy.ikeSuites,
    authMethods: [authMethodOf(sa.call)],
    keOctets: undefined,
  });
  if (!chosen.ok) return hinted(sa, chosen.error);
  if (!isAnswerTo(sa.offer, answer.value)) return hinted(sa, WRONG_ANSWER);
  const ticket = context.ticket();
  const group = chosen.value.algorithms.ke;
  const random = context.random(privateOctets(group));
  const next: MainOffering = {
    version: 1,
    phase: "call-main-offering",
    id: { spiI: sa.id.spiI, spiR: event.header.spiR, role: "initiator" },
    path: sa.path,
    call: sa.call,
    ticket,
    expireAt: workUntil(context),
    chosen: chosen.value,
    SAi_b: emitPayloadBody(sa.offer),
    vendors: vendorsIn(payloads),
    own: { Ni: context.random(NONCE_OCTETS), group, privateOctets: random },
    digest: sha256(read.octets),
  };
  const op = { op: "offer", method: group, random: random.slice() } as const;
  return { sa: next, effects: [{ kind: "key-exchange", ticket, op }] };
}

/** Our public value is ready: sends the third message. */
export function onMainOffered(
  sa: MainOffering,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  if (!result.ok) return endCall(sa, keyExchangeRefusal(result.error));
  const { id, path, call, chosen, SAi_b, vendors, own, digest } = sa;
  const { publicValue: gxi } = result.value;
  const payloads: readonly Payload[] = [
    { kind: "KE", data: gxi },
    { kind: "NONCE", data: own.Ni },
    ...(hasCertificate(call) ? [ANY_AUTHORITY] : []),
    ...natDPayloads(vendors, chosen.algorithms, id, path),
  ];
  const octets = sayInClear(sa, payloads, context);
  const next: MainSentKe = {
    version: 1,
    phase: "call-main-sent-ke",
    id,
    path,
    call,
    chosen,
    SAi_b,
    vendors,
    own,
    gxi,
    digest,
    sent: firstCopy(call, octets, context),
    hint: undefined,
  };
  return { sa: next, effects: [{ kind: "send", octets, path }] };
}

/** The fourth message: the site's public value. */
export function onMainPublicValue(sa: MainSentKe, event: MessageEvent, context: IkeContext): Step {
  // The second message may come again: our third one is under way.
  if (equalOctets(sha256(event.octets), sa.digest)) return { sa, effects: [] };
  const read = readClear(sa, event, context);
  if (read.kind === "done") return read.step;
  const { payloads } = read.received;
  const ke = neededPayload(payloads, "KE", STEP);
  if (!ke.ok) return hinted(sa, ke.error);
  const nonce = neededPayload(payloads, "NONCE", STEP);
  if (!nonce.ok) return hinted(sa, nonce.error);
  const { id, path, call, chosen, own } = sa;
  const natT = chooseNatT(sa.vendors)?.of ?? "none";
  const ticket = context.ticket();
  const next: MainDeriving = {
    version: 1,
    phase: "call-main-deriving",
    id,
    path,
    call,
    ticket,
    expireAt: workUntil(context),
    gxr: ke.value.data,
    Nr: nonce.value.data,
    nat: detectNat(payloads, natT, chosen.algorithms, { id, paths: [event.path] }),
    digest: sha256(read.octets),
    former: sa,
  };
  const random = own.privateOctets.slice();
  const op = { op: "derive", method: own.group, random, peerPublic: ke.value.data } as const;
  return { sa: next, effects: [{ kind: "key-exchange", ticket, op }] };
}

/** The shared secret is ready: derives the keys, and proves who we are. */
export function onMainDerived(
  sa: MainDeriving,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  // The public value was invalid: the answer may be forged, and the right one may follow.
  if (!result.ok) return hinted(sa.former, keyExchangeRefusal(result.error));
  const { id, path, call, former, gxr, Nr, nat, digest } = sa;
  const { chosen, gxi, own, SAi_b, vendors } = former;
  const { algorithms } = chosen;
  const { sharedSecret } = result.value;
  const nonces = { Ni: own.Ni, Nr };
  const isSigned = hasCertificate(call);
  const SKEYID = isSigned
    ? signatureSkeyid(algorithms.prf, nonces, sharedSecret)
    : pskSkeyid(algorithms.prf, pskOf(call.credentials), nonces);
  const cookies = { spiI: id.spiI, spiR: id.spiR };
  const keys = deriveIsakmpKeys(algorithms, SKEYID, { ...cookies, sharedSecret });
  wipe(sharedSecret, own.privateOctets);
  wipeCredentials(call.credentials);
  const transcript = { ...cookies, gxi, gxr, SAi_b };
  const iv = phase1Iv(algorithms, gxi, gxr);
  const keyed = { id, path, call, chosen, vendors, keys, SKEYID, transcript, iv, nat, digest };
  return isSigned ? askForSignature(keyed, context) : sayWithHash(keyed, context);
}

/** The fifth message: who we are, with HASH_I, from the NAT port if there is a NAT. */
function sayWithHash(keyed: MainKeyed, context: IkeContext): Step {
  const { id, call, chosen, vendors, keys, SKEYID, transcript, nat, digest } = keyed;
  const { algorithms } = chosen;
  const idI = ourId(call);
  const HASH_I = hashI(algorithms.prf, SKEYID, transcript, emitPayloadBody(idI));
  const payloads: readonly Payload[] = [
    idI,
    { kind: "HASH", data: HASH_I },
    ...initialContact(call, id),
  ];
  const head = {
    exchangeType: ExchangeType.MAIN_MODE,
    messageId: PHASE_1_MESSAGE_ID,
    iv: keyed.iv,
  };
  const { octets, iv } = sealMessage({ id, algorithms, keys }, head, payloads, context);
  const path = floated(call, nat);
  const next: MainProving = {
    version: 1,
    phase: "call-main-proving",
    id,
    path,
    call,
    chosen,
    vendors,
    keys,
    SKEYID,
    transcript,
    iv,
    nat,
    digest,
    sent: firstCopy(call, octets, context),
    hint: undefined,
  };
  return { sa: next, effects: [{ kind: "send", octets, path }] };
}

/** The sixth message: who the site is, and its proof. */
export function onMainProof(sa: MainProving, event: MessageEvent, context: IkeContext): Step {
  if (!isReadable(event, ExchangeType.MAIN_MODE, sa.call)) return { sa, effects: [] };
  const error = errorIn(sa, event, context);
  if (error !== undefined) return hinted(sa, error.refusal);
  const { header, octets, path } = event;
  if (!isNextOfMain(sa, event) || equalOctets(sha256(octets), sa.digest))
    return { sa, effects: [] };
  if (!isakmpFlags(octets).encryption) return hinted(sa, IN_CLEAR);
  const { id, call, chosen, keys, vendors, nat } = sa;
  const { algorithms } = chosen;
  const read = decryptMessage({ algorithms, keys }, sa.iv, header, octets);
  const payloads = read?.received.payloads ?? [];
  const [idR, HASH] = [payloadOf(payloads, "ID"), payloadOf(payloads, "HASH")];
  if (read === undefined || idR === undefined || HASH === undefined) {
    return counted(endCall(sa, { kind: "wrong-psk" }));
  }
  const wanted = hashR(algorithms.prf, sa.SKEYID, sa.transcript, idR.body);
  if (!equalConstantTime(HASH.data, wanted)) return counted(endCall(sa, { kind: "wrong-psk" }));
  context.onMessage?.(seenPayloads("received", header, payloads));
  const { idType, data } = idR.identity;
  const peer: Identity = { idType, data: data.slice() };
  if (!call.isPeer(peer)) {
    const [seen, expected] = [identityText(peer), identityText(call.peer)];
    return endCallTelling(sa, read.iv, { kind: "wrong-peer", seen, expected }, context);
  }
  wipe(sa.SKEYID);
  return establish(
    {
      id,
      path,
      peer,
      vendors,
      nat,
      natT: chooseNatT(vendors)?.of ?? "none",
      algorithms,
      keys,
      lastBlock: read.iv,
      lastOfPhase1: undefined,
      lifetimeMs: msOf(chosen.lifetime.seconds),
      terms: termsAfter(call.credentials),
      initialContact: call.initialContact,
      needsUser: false,
      step: STEP,
    },
    context,
  );
}

const STEP = "Main Mode";

const IN_CLEAR: Refusal = {
  kind: "malformed",
  where: "sixth message of Main Mode",
  detail: "ID and HASH are not encrypted",
};
