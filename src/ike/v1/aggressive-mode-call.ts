/** Aggressive Mode as initiator: we call a site, with a pre-shared key (RFC 2409 §5.4). */

import { sha256 } from "../../crypto/hash.ts";
import { type KeyExchangeResult, privateOctets } from "../../crypto/key-exchange.ts";
import { equalConstantTime, wipe } from "../../octets/secret.ts";
import { asIkeSpi, IKE_HEADER_OCTETS } from "../../wire/header.ts";
import { identityText } from "../../wire/identity.ts";
import { ExchangeType, isakmpFlags, PHASE_1_MESSAGE_ID } from "../../wire/v1/header.ts";
import type { Payload } from "../../wire/v1/message.ts";
import { NotifyType } from "../../wire/v1/notify-type.ts";
import { emitMessage, emitPayloadBody, parsePayloads } from "../../wire/v1/payload-chain.ts";
import { vendorsIn } from "../../wire/v1/vendor-id.ts";
import { keyExchangeRefusal } from "../busy.ts";
import { wipeCredentials } from "../credentials.ts";
import type { IkeContext } from "../effect.ts";
import type { Call } from "../event.ts";
import { NONCE_OCTETS } from "../limits.ts";
import type { Refusal } from "../refusal.ts";
import {
  callVendors,
  endCall,
  errorIn,
  firstCopy,
  floated,
  hinted,
  initialContact,
  isReadable,
  type MessageEvent,
  offerOf,
  ourId,
  WRONG_ANSWER,
  workUntil,
} from "./calling.ts";
import { phase1Iv } from "./cipher.ts";
import { establish } from "./establish.ts";
import { neededPayload } from "./find-payload.ts";
import type { AggressiveAsked, AggressiveDeriving, AggressiveOffering } from "./initiator-phase.ts";
import {
  deriveIsakmpKeys,
  hashI,
  hashR,
  type IsakmpKeys,
  pskSkeyid,
  wipeIsakmpKeys,
} from "./keys.ts";
import { chooseNatT, detectNat, natDPayloads } from "./nat.ts";
import { counted, msOf, phase1Head, pskOf, termsAfter } from "./phase1.ts";
import { chooseIsakmp, groupsOf, isAnswerTo } from "./proposal.ts";
import { sealMessage } from "./protect.ts";
import { seenPayloads } from "./seen-message.ts";
import type { Step } from "./step.ts";
import { AuthMethod } from "./transform-numbers.ts";

// Initiator                            Responder
// HDR, SA, KE, Ni, IDii -->
//                                 <--  HDR, SA, KE, Nr, IDir, HASH_R
// HDR*, HASH_I -->

/** Begins a call by making our public value, with the first group of the eroute. */
export function callAggressive(call: Call, context: IkeContext): Step {
  const id = { spiI: context.ikeSpi(), spiR: asIkeSpi(0n), role: "initiator" } as const;
  const groups = groupsOf(call.credentials.policy.ikeSuites).filter((group) => group !== 0);
  return offer({ id, call, groups, hint: undefined }, context);
}

type Beginning = Pick<AggressiveOffering, "id" | "call" | "groups" | "hint">;

function offer({ id, call, groups, hint }: Beginning, context: IkeContext): Step {
  const [group = 0, ...others] = groups;
  const random = context.random(privateOctets(group));
  const ticket = context.ticket();
  const own = { Ni: context.random(NONCE_OCTETS), group, privateOctets: random };
  const sa: AggressiveOffering = {
    version: 1,
    phase: "call-aggressive-offering",
    id,
    path: call.path,
    call,
    ticket,
    expireAt: workUntil(context),
    own,
    groups: others,
    hint,
  };
  const op = { op: "offer", method: group, random: random.slice() } as const;
  return { sa, effects: [{ kind: "key-exchange", ticket, op }] };
}

/** Our public value is ready: sends the first message. */
export function onAggressiveOffered(
  sa: AggressiveOffering,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  if (!result.ok) return endCall(sa, keyExchangeRefusal(result.error));
  const { id, path, call, own, groups, hint } = sa;
  const { publicValue: gxi } = result.value;
  const ours = offerOf(call, own.group);
  const payloads: readonly Payload[] = [
    ours,
    { kind: "KE", data: gxi },
    { kind: "NONCE", data: own.Ni },
    ourId(call),
    ...callVendors(call),
  ];
  const head = phase1Head(id, ExchangeType.AGGRESSIVE_MODE);
  context.onMessage?.(seenPayloads("sent", head, payloads));
  const octets = emitMessage(head, payloads);
  const sent = firstCopy(call, octets, context);
  const phase = "call-aggressive-asked";
  return {
    sa: { version: 1, phase, id, path, call, own, groups, offer: ours, gxi, sent, hint },
    effects: [{ kind: "send", octets, path }],
  };
}

/** The second message, or an error, either of which anybody may have sent. */
export function onAggressiveAnswer(
  sa: AggressiveAsked,
  event: MessageEvent,
  context: IkeContext,
): Step {
  if (!isReadable(event, ExchangeType.AGGRESSIVE_MODE, sa.call)) return { sa, effects: [] };
  const error = errorIn(sa, event, context);
  if (error !== undefined) return onError(sa, error, context);
  const { header, path } = event;
  if (header.exchangeType !== ExchangeType.AGGRESSIVE_MODE) return { sa, effects: [] };
  if (isakmpFlags(event.octets).encryption || header.spiR === 0n) return { sa, effects: [] };
  // A copy: what is read of it is kept until the shared secret is there.
  const octets = event.octets.slice();
  const parsed = parsePayloads(header.nextPayload, octets, STEP, IKE_HEADER_OCTETS);
  if (!parsed.ok) return hinted(sa, parsed.error);
  const { payloads } = parsed.value;
  context.onMessage?.(seenPayloads("received", header, payloads));
  const answer = neededPayload(payloads, "SA", STEP);
  if (!answer.ok) return hinted(sa, answer.error);
  const ke = neededPayload(payloads, "KE", STEP);
  if (!ke.ok) return hinted(sa, ke.error);
  const nonce = neededPayload(payloads, "NONCE", STEP);
  if (!nonce.ok) return hinted(sa, nonce.error);
  const idR = neededPayload(payloads, "ID", STEP);
  if (!idR.ok) return hinted(sa, idR.error);
  const HASH = neededPayload(payloads, "HASH", STEP);
  if (!HASH.ok) return hinted(sa, HASH.error);
  const chosen = chooseIsakmp(answer.value, {
    suites: sa.call.credentials.policy.ikeSuites,
    authMethods: [AuthMethod.PRE_SHARED_KEY],
    keOctets: ke.value.data.length,
  });
  if (!chosen.ok) return hinted(sa, chosen.error);
  if (!isAnswerTo(sa.offer, answer.value)) return hinted(sa, WRONG_ANSWER);
  const { algorithms } = chosen.value;
  const vendors = vendorsIn(payloads);
  const natT = chooseNatT(vendors)?.of ?? "none";
  const id = { spiI: sa.id.spiI, spiR: header.spiR, role: "initiator" } as const;
  const ticket = context.ticket();
  const { group: method, privateOctets: own } = sa.own;
  const next: AggressiveDeriving = {
    version: 1,
    phase: "call-aggressive-deriving",
    id,
    path: sa.path,
    call: sa.call,
    ticket,
    expireAt: workUntil(context),
    chosen: chosen.value,
    second: {
      digest: sha256(octets),
      gxr: ke.value.data,
      Nr: nonce.value.data,
      idR: idR.value,
      HASH_R: HASH.value.data,
      vendors,
      nat: detectNat(payloads, natT, algorithms, { id, paths: [path] }),
    },
    asked: sa,
  };
  const op = { op: "derive", method, random: own.slice(), peerPublic: ke.value.data } as const;
  return { sa: next, effects: [{ kind: "key-exchange", ticket, op }] };
}

/** There is one group in an offer of Aggressive Mode: the site may accept another one. */
function onError(
  sa: AggressiveAsked,
  { type, refusal }: { readonly type: number; readonly refusal: Refusal },
  context: IkeContext,
): Step {
  const { id, call, groups, own } = sa;
  if (type !== NotifyType.NO_PROPOSAL_CHOSEN || groups.length === 0) return hinted(sa, refusal);
  wipe(own.privateOctets);
  return offer({ id, call, groups, hint: refusal }, context);
}

/** The shared secret is ready: the site's proof is checked, ours goes out. */
export function onAggressiveDerived(
  sa: AggressiveDeriving,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  // The public value was invalid: the answer may be forged, and the right one may follow.
  if (!result.ok) return hinted(sa.asked, keyExchangeRefusal(result.error));
  const { asked, call, chosen, id, second } = sa;
  const { sharedSecret } = result.value;
  const { algorithms } = chosen;
  const { gxr, Nr, idR, vendors, nat } = second;
  const SKEYID = pskSkeyid(algorithms.prf, pskOf(call.credentials), { Ni: asked.own.Ni, Nr });
  const cookies = { spiI: id.spiI, spiR: id.spiR };
  const keys = deriveIsakmpKeys(algorithms, SKEYID, { ...cookies, sharedSecret });
  const transcript = { ...cookies, gxi: asked.gxi, gxr, SAi_b: emitPayloadBody(asked.offer) };
  const isRight = equalConstantTime(
    second.HASH_R,
    hashR(algorithms.prf, SKEYID, transcript, idR.body),
  );
  const HASH_I = hashI(algorithms.prf, SKEYID, transcript, emitPayloadBody(ourId(call)));
  wipe(SKEYID, sharedSecret);
  if (!isRight) {
    wipeIsakmpKeys(keys);
    return counted(endCall(sa, { kind: "wrong-psk" }));
  }
  if (!call.isPeer(idR.identity)) {
    wipeIsakmpKeys(keys);
    const [seen, expected] = [identityText(idR.identity), identityText(call.peer)];
    return endCall(sa, { kind: "wrong-peer", seen, expected });
  }
  wipeCredentials(call.credentials);
  wipe(asked.own.privateOctets);
  const path = floated(call, nat);
  const third = thirdMessage(sa, { keys, HASH_I, path }, context);
  const done = establish(
    {
      id,
      path,
      peer: idR.identity,
      vendors,
      nat,
      natT: chooseNatT(vendors)?.of ?? "none",
      algorithms,
      keys,
      lastBlock: third.iv,
      lastOfPhase1: { digest: second.digest, octets: third.octets },
      lifetimeMs: msOf(chosen.lifetime.seconds),
      terms: termsAfter(call.credentials),
      initialContact: call.initialContact,
      // A site whose user has to authenticate is not called.
      needsUser: false,
      step: STEP,
    },
    context,
  );
  const sent = { kind: "send", octets: third.octets, path } as const;
  return { sa: done.sa, effects: [sent, ...done.effects] };
}

/** HASH_I, what we see of a NAT, and INITIAL-CONTACT: encrypted. */
function thirdMessage(
  { id, call, chosen: { algorithms }, second, asked }: AggressiveDeriving,
  made: {
    readonly keys: IsakmpKeys;
    readonly HASH_I: Uint8Array;
    readonly path: Call["path"];
  },
  context: IkeContext,
): { readonly octets: Uint8Array; readonly iv: Uint8Array } {
  const { keys, HASH_I, path } = made;
  const payloads: readonly Payload[] = [
    { kind: "HASH", data: HASH_I },
    ...natDPayloads(second.vendors, algorithms, id, path),
    ...initialContact(call, id),
  ];
  const iv = phase1Iv(algorithms, asked.gxi, second.gxr);
  const head = { exchangeType: ExchangeType.AGGRESSIVE_MODE, messageId: PHASE_1_MESSAGE_ID, iv };
  return sealMessage({ id, algorithms, keys }, head, payloads, context);
}

const STEP = "Aggressive Mode";
