/** Main Mode as responder, with a pre-shared key that the address selects (RFC 2409 §5.4). */

import { sha256 } from "../../crypto/hash.ts";
import { type KeyExchangeResult, privateOctets } from "../../crypto/key-exchange.ts";
import { addressOctets } from "../../inet/address.ts";
import { equalOctets } from "../../octets/concat.ts";
import { equalConstantTime, wipe } from "../../octets/secret.ts";
import { IKE_HEADER_OCTETS } from "../../wire/header.ts";
import { type Identity, IdType, identityText } from "../../wire/identity.ts";
import { ExchangeType, isakmpFlags, PHASE_1_MESSAGE_ID } from "../../wire/v1/header.ts";
import type { IdPayload, Payload } from "../../wire/v1/message.ts";
import { NotifyType } from "../../wire/v1/notify-type.ts";
import { emitMessage, emitPayloadBody, parsePayloads } from "../../wire/v1/payload-chain.ts";
import { keyExchangeRefusal } from "../busy.ts";
import { wipeCredentials } from "../credentials.ts";
import type { IkeContext } from "../effect.ts";
import type { IkeEvent } from "../event.ts";
import { NONCE_OCTETS } from "../limits.ts";
import { phase1Iv } from "./cipher.ts";
import { establish } from "./establish.ts";
import { neededPayload, notifyOf, payloadOf } from "./find-payload.ts";
import { deriveIsakmpKeys, hashI, hashR, pskSkeyid } from "./keys.ts";
import { chooseNatT, detectNat, natDPayloads, natVendor } from "./nat.ts";
import {
  authMethodsOf,
  endPhase1,
  MESSAGE_OCTETS_MAX,
  msOf,
  needsUser,
  phase1Head,
  pskOf,
  repeatLast,
  sentNow,
  termsAfter,
  vendorPayloads,
  wrongPsk,
} from "./phase1.ts";
import { answerOf, chooseIsakmp } from "./proposal.ts";
import { decryptMessage, sealMessage } from "./protect.ts";
import type {
  Begin,
  MainAwaitingCredentials,
  MainAwaitingId,
  MainAwaitingKe,
  MainExchanging,
  MainFirst,
} from "./responder-phase.ts";
import { seenPayloads } from "./seen-message.ts";
import type { Step } from "./step.ts";

type MessageEvent = Extract<IkeEvent, { kind: "message" }>;

// Initiator                            Responder
// HDR, SA -->
//                                 <--  HDR, SA
// HDR, KE, Ni -->
//                                 <--  HDR, KE, Nr
// HDR*, IDii, HASH_I -->
//                                 <--  HDR*, IDir, HASH_R

/** Begins with a stranger: the site at its address is looked up. */
export function acceptMain(first: MainFirst, begin: Begin, context: IkeContext): Step {
  const ticket = context.ticket();
  const { path } = begin;
  const sa: MainAwaitingCredentials = {
    version: 1,
    phase: "main-awaiting-credentials",
    id: { spiI: begin.spiI, spiR: context.ikeSpi(), role: "responder" },
    path,
    expireAt: begin.until,
    ticket,
    first,
  };
  const { address } = path.remote;
  const idType = address.family === 4 ? IdType.IPV4_ADDR : IdType.IPV6_ADDR;
  const peer: Identity = { idType, data: addressOctets(address) };
  const exchange = STEP;
  return { sa, effects: [{ kind: "identify", ticket, peer, algorithms: undefined, exchange }] };
}

/** The site's row is there, or no single site has this address. */
export function onMainCredentials(
  sa: MainAwaitingCredentials,
  result: Extract<IkeEvent, { kind: "credentials" }>["result"],
  context: IkeContext,
): Step {
  if (!result.ok) return endPhase1(sa, result.error);
  const credentials = result.value;
  if (credentials.own.kind !== "psk" || credentials.peer.kind === "certificate") {
    wipeCredentials(credentials);
    const detail = "the eroute wants certificates, and the site offers a pre-shared key";
    return endPhase1(sa, { kind: "ikev1-unsupported", detail });
  }
  const { first, id, path, expireAt } = sa;
  const chosen = chooseIsakmp(first.offer, {
    suites: credentials.policy.ikeSuites,
    authMethods: authMethodsOf(credentials),
    keOctets: undefined,
  });
  if (!chosen.ok) {
    wipeCredentials(credentials);
    return endPhase1(sa, chosen.error, !credentials.isSilent);
  }
  const { vendors, digest } = first;
  const payloads: readonly Payload[] = [
    answerOf(chosen.value),
    ...vendorPayloads(vendors, credentials),
    ...natVendor(vendors),
  ];
  const head = phase1Head(id, ExchangeType.MAIN_MODE);
  context.onMessage?.(seenPayloads("sent", head, payloads));
  const octets = emitMessage(head, payloads);
  const next: MainAwaitingKe = {
    version: 1,
    phase: "main-awaiting-ke",
    id,
    path,
    expireAt,
    credentials,
    chosen: chosen.value,
    SAi_b: first.offer.body,
    vendors,
    last: sentNow(digest, octets, context),
  };
  return { sa: next, effects: [{ kind: "send", octets, path }] };
}

/** The third message: the peer's public value. */
export function onMainKe(sa: MainAwaitingKe, event: MessageEvent, context: IkeContext): Step {
  const { header, octets, path } = event;
  if (!isOfMainMode(event)) return { sa, effects: [] };
  const digest = sha256(octets);
  if (equalOctets(digest, sa.last.digest)) return repeatLast(sa, context);
  if (header.spiR !== sa.id.spiR || isakmpFlags(octets).encryption) return { sa, effects: [] };
  const parsed = parsePayloads(header.nextPayload, octets, STEP, IKE_HEADER_OCTETS);
  if (!parsed.ok) return endPhase1(sa, parsed.error);
  const { payloads } = parsed.value;
  context.onMessage?.(seenPayloads("received", header, payloads));
  const ke = neededPayload(payloads, "KE", STEP);
  if (!ke.ok) return endPhase1(sa, ke.error);
  const nonce = neededPayload(payloads, "NONCE", STEP);
  if (!nonce.ok) return endPhase1(sa, nonce.error);
  const { credentials, chosen, SAi_b, vendors, id, expireAt } = sa;
  const { algorithms } = chosen;
  const natT = chooseNatT(vendors)?.of ?? "none";
  const ticket = context.ticket();
  const gxi = ke.value.body.slice();
  const next: MainExchanging = {
    version: 1,
    phase: "main-exchanging",
    id,
    path,
    expireAt,
    ticket,
    credentials,
    chosen,
    SAi_b,
    vendors,
    digest,
    gxi,
    Ni: nonce.value.body.slice(),
    nat: detectNat(payloads, natT, algorithms, { id, paths: [path] }),
  };
  const random = context.random(privateOctets(algorithms.ke));
  const op = { op: "respond", method: algorithms.ke, random, peerPublic: gxi } as const;
  return { sa: next, effects: [{ kind: "key-exchange", ticket, op }] };
}

/** Our public value and the shared secret are ready: derives the keys and answers. */
export function onMainKeyExchange(
  sa: MainExchanging,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  if (!result.ok) return endPhase1(sa, keyExchangeRefusal(result.error));
  const { credentials, chosen, SAi_b, vendors, gxi, Ni, id, path, expireAt, nat, digest } = sa;
  const { publicValue: gxr, sharedSecret } = result.value;
  const { algorithms } = chosen;
  const Nr = context.random(NONCE_OCTETS);
  const SKEYID = pskSkeyid(algorithms.prf, pskOf(credentials), { Ni, Nr });
  const cookies = { spiI: id.spiI, spiR: id.spiR };
  const keys = deriveIsakmpKeys(algorithms, SKEYID, { ...cookies, sharedSecret });
  wipe(sharedSecret);
  wipeCredentials(credentials);
  const payloads: readonly Payload[] = [
    { kind: "KE", data: gxr },
    { kind: "NONCE", data: Nr },
    ...natDPayloads(vendors, algorithms, id, path),
  ];
  const head = phase1Head(id, ExchangeType.MAIN_MODE);
  context.onMessage?.(seenPayloads("sent", head, payloads));
  const octets = emitMessage(head, payloads);
  const next: MainAwaitingId = {
    version: 1,
    phase: "main-awaiting-id",
    id,
    path,
    expireAt,
    vendors,
    terms: termsAfter(credentials),
    ourIdentity: credentials.ourIdentity,
    chosen,
    keys,
    SKEYID,
    transcript: { ...cookies, gxi, gxr, SAi_b },
    iv: phase1Iv(algorithms, gxi, gxr),
    nat,
    last: sentNow(digest, octets, context),
  };
  return { sa: next, effects: [{ kind: "send", octets, path }] };
}

/** The fifth message: who the peer is, and its proof. */
export function onMainId(sa: MainAwaitingId, event: MessageEvent, context: IkeContext): Step {
  const { header, octets, path } = event;
  if (!isOfMainMode(event) || header.spiR !== sa.id.spiR) return { sa, effects: [] };
  const digest = sha256(octets);
  if (equalOctets(digest, sa.last.digest)) return repeatLast(sa, context);
  if (!isakmpFlags(octets).encryption) {
    const detail = "ID and HASH are not encrypted";
    return endPhase1(sa, { kind: "malformed", where: "fifth message of Main Mode", detail });
  }
  const { algorithms } = sa.chosen;
  const read = decryptMessage({ algorithms, keys: sa.keys }, sa.iv, header, octets);
  const payloads = read?.received.payloads ?? [];
  const [idI, HASH] = [payloadOf(payloads, "ID"), payloadOf(payloads, "HASH")];
  if (read === undefined || idI === undefined || HASH === undefined) return wrongPsk(sa);
  const wanted = hashI(algorithms.prf, sa.SKEYID, sa.transcript, idI.body);
  if (!equalConstantTime(HASH.data, wanted)) return wrongPsk(sa);
  context.onMessage?.(seenPayloads("received", header, payloads));
  const { identity } = idI;
  const peer: Identity = { idType: identity.idType, data: identity.data.slice() };
  const expected = sa.terms.ikev1?.expected;
  if (expected !== undefined && !expected.isPeer(peer) && !isAddressOf(peer, event)) {
    const seen = identityText(peer);
    return endPhase1(sa, { kind: "wrong-peer", seen, expected: expected.peerId });
  }
  const answer = lastMessage(sa, read.iv, context);
  const done = establish(
    {
      id: sa.id,
      path,
      peer,
      vendors: sa.vendors,
      nat: sa.nat,
      natT: chooseNatT(sa.vendors)?.of ?? "none",
      algorithms,
      keys: sa.keys,
      lastBlock: answer.iv,
      lastOfPhase1: { digest, octets: answer.octets },
      lifetimeMs: msOf(sa.chosen.lifetime.seconds),
      terms: sa.terms,
      initialContact: notifyOf(payloads, NotifyType.INITIAL_CONTACT) !== undefined,
      needsUser: needsUser(sa.terms, sa.chosen),
      step: STEP,
    },
    context,
  );
  wipe(sa.SKEYID);
  if (done.sa === undefined) return done;
  const sent = { kind: "send", octets: answer.octets, path } as const;
  return { sa: done.sa, effects: [sent, ...done.effects] };
}

/** IDir and HASH_R, encrypted. */
function lastMessage(
  { id, ourIdentity, chosen, keys, SKEYID, transcript }: MainAwaitingId,
  iv: Uint8Array,
  context: IkeContext,
): { readonly octets: Uint8Array; readonly iv: Uint8Array } {
  const { algorithms } = chosen;
  const idR: IdPayload = { kind: "ID", identity: ourIdentity, protocol: 0, port: 0 };
  const data = hashR(algorithms.prf, SKEYID, transcript, emitPayloadBody(idR));
  const payloads: readonly Payload[] = [idR, { kind: "HASH", data }];
  const head = { exchangeType: ExchangeType.MAIN_MODE, messageId: PHASE_1_MESSAGE_ID, iv };
  return sealMessage({ id, algorithms, keys }, head, payloads, context);
}

/** The key was chosen by the address, so an ID that is this address says nothing else. */
function isAddressOf({ idType, data }: Identity, { path }: MessageEvent): boolean {
  if (idType !== IdType.IPV4_ADDR && idType !== IdType.IPV6_ADDR) return false;
  return equalOctets(data, addressOctets(path.remote.address));
}

function isOfMainMode({ header, octets }: MessageEvent): boolean {
  return header.exchangeType === ExchangeType.MAIN_MODE && octets.length <= MESSAGE_OCTETS_MAX;
}

const STEP = "Main Mode";
