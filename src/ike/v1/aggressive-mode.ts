/** Aggressive Mode as responder, with a pre-shared key (RFC 2409 §5.4). */

import { type KeyExchangeResult, privateOctets } from "../../crypto/key-exchange.ts";
import type { Path } from "../../inet/endpoint.ts";
import { type Instant, later } from "../../octets/instant.ts";
import { equalConstantTime, wipe } from "../../octets/secret.ts";
import { IKE_HEADER_OCTETS, type IkeSpi } from "../../wire/header.ts";
import { ExchangeType, isakmpFlags, PHASE_1_MESSAGE_ID } from "../../wire/v1/header.ts";
import type { IdPayload, Payload, ReceivedPayloads } from "../../wire/v1/message.ts";
import { NotifyType } from "../../wire/v1/notify-type.ts";
import { emitMessage, emitPayloadBody, parsePayloads } from "../../wire/v1/payload-chain.ts";
import { type Vendor, vendorPayload } from "../../wire/v1/vendor-id.ts";
import { keyExchangeRefusal } from "../busy.ts";
import { wipeCredentials } from "../credentials.ts";
import type { IkeContext } from "../effect.ts";
import type { Credentials, IkeEvent } from "../event.ts";
import { NONCE_OCTETS } from "../limits.ts";
import type { Refusal } from "../refusal.ts";
import { failedNote } from "./answer.ts";
import { phase1Iv } from "./cipher.ts";
import { establish } from "./establish.ts";
import { notifyOf, payloadOf } from "./find-payload.ts";
import { deriveIsakmpKeys, hashI, hashR, pskSkeyid } from "./keys.ts";
import { chooseNatT, detectNat, natPayloads } from "./nat.ts";
import { errorNotify } from "./notify.ts";
import { answerOf, chooseIsakmp } from "./proposal.ts";
import { decryptMessage } from "./protect.ts";
import type {
  AwaitingCredentials,
  AwaitingKeyExchange,
  AwaitingProof,
  FirstMessage,
} from "./responder-phase.ts";
import { wipeSecrets } from "./secrets.ts";
import { seenPayloads } from "./seen-message.ts";
import type { Step } from "./step.ts";
import { AuthMethod } from "./transform-numbers.ts";

type MessageEvent = Extract<IkeEvent, { kind: "message" }>;

// Initiator                            Responder
// HDR, SA, KE, Ni, IDii -->
//                                 <--  HDR, SA, KE, Nr, IDir, HASH_R
// HDR*, HASH_I -->

/** Begins with a stranger: nothing is computed before its row has been read. */
export function acceptAggressive(
  first: FirstMessage,
  begin: { readonly spiI: IkeSpi; readonly path: Path; readonly until: Instant },
  context: IkeContext,
): Step {
  const ticket = context.ticket();
  const sa: AwaitingCredentials = {
    version: 1,
    phase: "awaiting-credentials",
    id: { spiI: begin.spiI, spiR: context.ikeSpi(), role: "responder" },
    path: begin.path,
    expireAt: begin.until,
    ticket,
    first,
  };
  const peer = first.idI.identity;
  const exchange = EXCHANGE;
  return { sa, effects: [{ kind: "identify", ticket, peer, algorithms: undefined, exchange }] };
}

/** The site's row is there, or it is unknown. */
export function onCredentials(
  sa: AwaitingCredentials,
  result: Extract<IkeEvent, { kind: "credentials" }>["result"],
  context: IkeContext,
): Step {
  if (!result.ok) return end(sa, result.error);
  const credentials = result.value;
  const { first, id, path, expireAt } = sa;
  if (credentials.own.kind !== "psk" || credentials.peer.kind === "certificate") {
    wipeCredentials(credentials);
    const detail = "Aggressive Mode is supported with pre-shared keys only";
    return end(sa, { kind: "ikev1-unsupported", detail });
  }
  if (credentials.ikev1?.xauth === true) {
    wipeCredentials(credentials);
    return end(sa, { kind: "ikev1-unsupported", detail: "XAUTH is not supported" });
  }
  const chosen = chooseIsakmp(first.offer, {
    suites: credentials.policy.ikeSuites,
    authMethods: [AuthMethod.PRE_SHARED_KEY],
    keOctets: first.gxi.length,
  });
  if (!chosen.ok) {
    wipeCredentials(credentials);
    return end(sa, chosen.error, !credentials.isSilent);
  }
  const ticket = context.ticket();
  const method = chosen.value.algorithms.ke;
  const random = context.random(privateOctets(method));
  const op = { op: "respond", method, random, peerPublic: first.gxi } as const;
  const phase = "awaiting-key-exchange";
  return {
    sa: { version: 1, phase, id, path, expireAt, ticket, first, credentials, chosen: chosen.value },
    effects: [{ kind: "key-exchange", ticket, op }],
  };
}

/** Our public value and the shared secret are ready: derives the keys and answers. */
export function onKeyExchange(
  sa: AwaitingKeyExchange,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  if (!result.ok) return end(sa, keyExchangeRefusal(result.error));
  const { first, credentials, chosen, id, path, expireAt } = sa;
  const { publicValue: gxr, sharedSecret } = result.value;
  const { algorithms } = chosen;
  const { gxi, Ni, offer, idI } = first;
  const Nr = context.random(NONCE_OCTETS);
  const SKEYID = pskSkeyid(algorithms.prf, pskOf(credentials), { Ni, Nr });
  const keys = deriveIsakmpKeys(algorithms, SKEYID, { spiI: id.spiI, spiR: id.spiR, sharedSecret });
  const transcript = { spiI: id.spiI, spiR: id.spiR, gxi, gxr, SAi_b: offer.body };
  const idR: IdPayload = { kind: "ID", identity: credentials.ourIdentity, protocol: 0, port: 0 };
  const HASH_R = hashR(algorithms.prf, SKEYID, transcript, emitPayloadBody(idR));
  const HASH_I = hashI(algorithms.prf, SKEYID, transcript, idI.body);
  wipe(SKEYID, sharedSecret);
  wipeCredentials(credentials);
  const payloads: readonly Payload[] = [
    answerOf(chosen),
    { kind: "KE", data: gxr },
    { kind: "NONCE", data: Nr },
    idR,
    { kind: "HASH", data: HASH_R },
    ...vendorPayloads(first.vendors),
    ...natPayloads(first.vendors, algorithms, id, path),
  ];
  const head = phase1Head(id, ExchangeType.AGGRESSIVE_MODE);
  context.onMessage?.(seenPayloads("sent", head, payloads));
  const response = emitMessage(head, payloads);
  const { policy, settings, obstacle, ikev1 } = credentials;
  const next: AwaitingProof = {
    version: 1,
    phase: "awaiting-proof",
    id,
    path,
    expireAt,
    idI,
    vendors: first.vendors,
    terms: {
      policy,
      settings,
      ...(obstacle === undefined ? {} : { obstacle }),
      ...(ikev1 === undefined ? {} : { ikev1 }),
    },
    chosen,
    keys,
    iv: phase1Iv(algorithms, gxi, gxr),
    HASH_I,
    response,
    repeats: { left: REPEATS_MAX, from: later(context.now, REPEAT_MS_MIN) },
  };
  return { sa: next, effects: [{ kind: "send", octets: response, path }] };
}

/** The third message, or a repeat of the first one. */
export function onMessage(sa: AwaitingProof, event: MessageEvent, context: IkeContext): Step {
  const { header, octets, path } = event;
  if (header.exchangeType !== ExchangeType.AGGRESSIVE_MODE) return { sa, effects: [] };
  if (header.spiR === 0n) return repeatResponse(sa, context);
  if (header.messageId !== PHASE_1_MESSAGE_ID || header.spiR !== sa.id.spiR) {
    return { sa, effects: [] };
  }
  if (octets.length > THIRD_OCTETS_MAX) {
    return { sa, effects: [{ kind: "count", counter: "messages_too_long" }] };
  }
  const read = readThird(sa, event);
  const HASH = read === undefined ? undefined : payloadOf(read.received.payloads, "HASH");
  if (read === undefined || HASH === undefined || !equalConstantTime(HASH.data, sa.HASH_I)) {
    const failed = end(sa, { kind: "wrong-psk" });
    const effects = [{ kind: "count", counter: "authentication_failures" } as const];
    return { sa: failed.sa, effects: [...effects, ...failed.effects] };
  }
  const { payloads } = read.received;
  context.onMessage?.(seenPayloads("received", header, payloads));
  const { algorithms } = sa.chosen;
  const natT = chooseNatT(sa.vendors)?.of ?? "none";
  const seen = { id: sa.id, paths: [sa.path, path] };
  return establish(
    {
      id: sa.id,
      path,
      peer: sa.idI.identity,
      vendors: sa.vendors,
      nat: detectNat(payloads, natT, algorithms, seen),
      natT,
      algorithms,
      keys: sa.keys,
      lastBlock: read.iv,
      lifetimeMs: msOf(sa.chosen.lifetime.seconds),
      terms: sa.terms,
      initialContact: notifyOf(payloads, NotifyType.INITIAL_CONTACT) !== undefined,
      step: EXCHANGE,
    },
    context,
  );
}

/** Some peers send it in clear: its HASH proves as much. */
function readThird(
  sa: AwaitingProof,
  { header, octets }: MessageEvent,
): { readonly received: ReceivedPayloads; readonly iv: Uint8Array } | undefined {
  const { algorithms } = sa.chosen;
  if (isakmpFlags(octets).encryption) {
    return decryptMessage({ algorithms, keys: sa.keys }, sa.iv, header, octets);
  }
  const body = octets.subarray(IKE_HEADER_OCTETS);
  const parsed = parsePayloads(header.nextPayload, body, EXCHANGE);
  return parsed.ok ? { received: parsed.value, iv: sa.iv } : undefined;
}

/** A few times, and not at once: the sender's address may be forged. */
function repeatResponse(sa: AwaitingProof, context: IkeContext): Step {
  const { left, from } = sa.repeats;
  if (left === 0 || context.now < from) return { sa, effects: [] };
  const repeats = { left: left - 1, from: later(context.now, REPEAT_MS_MIN) };
  return {
    sa: { ...sa, repeats },
    effects: [
      { kind: "count", counter: "messages_repeated" },
      { kind: "send", octets: sa.response, path: sa.path },
    ],
  };
}

/** The negotiation has failed. `isTold`: the site gets a notify, where there is one. */
function end(
  sa: AwaitingCredentials | AwaitingKeyExchange | AwaitingProof,
  refusal: Refusal,
  isTold = false,
): Step {
  wipeSecrets(sa);
  const ended = { kind: "ended", reason: { kind: "refused", refusal } } as const;
  const note = failedNote(EXCHANGE, refusal);
  const notify = isTold ? errorNotify(refusal) : undefined;
  if (notify === undefined) return { sa: undefined, effects: [note, ended] };
  const octets = emitMessage(phase1Head(sa.id, ExchangeType.INFORMATIONAL), [notify]);
  return { sa: undefined, effects: [{ kind: "send", octets, path: sa.path }, note, ended] };
}

function phase1Head(
  { spiI, spiR }: AwaitingCredentials["id"],
  exchangeType: number,
): Parameters<typeof emitMessage>[0] {
  const flags = { encryption: false, commit: false, authenticationOnly: false };
  return { spiI, spiR, exchangeType, messageId: PHASE_1_MESSAGE_ID, flags };
}

/** We check liveness with peers that do so, too (RFC 3706 §5.1). */
function vendorPayloads(vendors: ReadonlySet<Vendor>): readonly Payload[] {
  return vendors.has("dpd") ? [vendorPayload("dpd")] : [];
}

function msOf(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1_000;
}

function pskOf({ own }: Credentials): Uint8Array {
  return own.kind === "psk" ? own.psk : new Uint8Array(0);
}

const EXCHANGE = "Aggressive Mode";

/** HASH, NAT-D and some notifies; room for certificates is not needed. */
const THIRD_OCTETS_MAX = 4_096;

const REPEATS_MAX = 4;
const REPEAT_MS_MIN = 500;
