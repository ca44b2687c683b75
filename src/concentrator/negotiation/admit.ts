/** IKE_SA_INIT from strangers: repeats, cookies, limits (RFC 7296 §2.1, §2.6, §2.21.1). */

import { sha1 } from "../../crypto/hash.ts";
import { cookieAnswer, type Opening, readOpening, receive, refusalAnswer } from "../../ike/door.ts";
import { type IkeEffect, spiOf } from "../../ike/ike-sa.ts";
import { INIT_OCTETS_MAX } from "../../ike/limits.ts";
import { type Refusal, refusalText } from "../../ike/refusal.ts";
import { formatEndpoint } from "../../inet/endpoint.ts";
import { originOf } from "../../inet/origin.ts";
import { toHex } from "../../octets/hex.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { count, type Engine } from "../engine.ts";
import { mayNote } from "../journal/stranger-notes.ts";
import { journal } from "../journal/write.ts";
import { enterHalfOpen, roomFor } from "./half-open.ts";
import { addEntry } from "./ike-sas.ts";
import { enterIkev1, mayBeginIkev1 } from "./ikev1-welcome.ts";
import { sendOn } from "./send-on.ts";
import type { Stranger } from "./stranger.ts";
import { mayAnswer } from "./stranger-answers.ts";

/**
 * Admits a stranger as a half-open IKE SA, answers it without keeping anything, or drops it.
 * Returns the new IKE SA and its first effects.
 */
export function admit(
  engine: Engine,
  stranger: Stranger,
): { readonly spi: IkeSpi; readonly effects: readonly IkeEffect[] } | undefined {
  const isIkev1 = stranger.header.version.major === 1;
  count(engine, isIkev1 ? "ikev1_requests" : "ike_sa_init_requests");
  const { length } = stranger.octets;
  if (length > INIT_OCTETS_MAX) {
    count(engine, "messages_too_long");
    const exchange = stepOf(stranger);
    const refusal = { kind: "too-long", exchange, octets: length, max: INIT_OCTETS_MAX } as const;
    refuseStranger(engine, stranger, refusal);
    return undefined;
  }
  const initKey = fingerprint(stranger);
  const known = engine.negotiation.initRequests.get(initKey);
  if (known !== undefined) {
    const { header, octets, path } = stranger;
    engine.inbox.push({ spi: known, event: { kind: "message", header, octets, path } });
    return undefined;
  }
  const { header, octets } = stranger;
  const read = readOpening(header, octets);
  if (!read.ok) {
    count(engine, "datagrams_malformed");
    refuseStranger(engine, stranger, read.error);
    return undefined;
  }
  const opening = read.value;
  if (!isIkev1 && sendOn(engine, stranger, opening)) return undefined;
  const mayBegin = isIkev1
    ? mayBeginIkev1(engine, stranger.path, octets.length)
    : isWelcome(engine, stranger, opening);
  if (!mayBegin) return undefined;
  const { negotiation, plan } = engine;
  const reception = {
    header,
    octets,
    path: stranger.path,
    suites: negotiation.suites,
    halfOpenMs: plan.limits.halfOpenMs,
    certReq: negotiation.certReq,
    ikev1Signed: negotiation.ikev1Signed,
    acceptsPsk: negotiation.acceptsPsk,
    withPpk: negotiation.withPpk,
    withFullTranscript: plan.fullTranscriptAuth,
    withIntermediatePpk: negotiation.withIntermediatePpk,
    withFragments: negotiation.withFragments,
  };
  const accepted = receive(opening, reception, engine.negotiation.context);
  if (!accepted.ok) {
    refuseStranger(engine, stranger, accepted.error);
    return undefined;
  }
  const { sa, effects } = accepted.value;
  if (sa === undefined) return undefined;
  const entry = addEntry(engine, sa);
  entry.initKey = initKey;
  const spi = spiOf(sa);
  engine.negotiation.initRequests.set(initKey, spi);
  enterHalfOpen(engine, spi, sa);
  if (isIkev1) enterIkev1(engine, spi, sa);
  return { spi, effects };
}

/** Whether there is room. Under load a stranger first has to prove that its address is its own. */
function isWelcome(engine: Engine, stranger: Stranger, { Ni, cookie }: Opening): boolean {
  const { header, path } = stranger;
  const room = roomFor(engine, path, stranger.octets.length);
  if (room !== "crowded") return room === "free";
  if (Ni === undefined) {
    count(engine, "datagrams_malformed");
    return false;
  }
  const input = { Ni, remote: path.remote, spiI: header.spiI };
  const { cookies } = engine.negotiation;
  if (cookie !== undefined && cookies.knows(cookie, input, engine.now)) return true;
  const octets = cookieAnswer(header, cookies.bake(input, engine.now));
  engine.out.push({ kind: "send", octets, path });
  count(engine, "cookies_sent");
  return false;
}

/** Tells the stranger and the journal why, both at a bounded rate. */
function refuseStranger(engine: Engine, stranger: Stranger, refusal: Refusal): void {
  if (mayAnswer(engine)) {
    const octets = refusalAnswer(stranger.header, refusal);
    if (octets !== undefined) engine.out.push({ kind: "send", octets, path: stranger.path });
  }
  if (!mayNote(engine, originOf(stranger.path.remote.address))) return;
  const isRetry = refusal.kind === "invalid-ke";
  journal(engine, undefined, {
    level: isRetry ? "debug" : "warning",
    step: stepOf(stranger),
    outcome: isRetry ? "refused" : "failed",
    ...refusalText(refusal),
    remote: formatEndpoint(stranger.path.remote),
  });
}

/** The exchange that its message begins. */
function stepOf({ header }: Stranger): "IKE_SA_INIT" | "Main Mode" | "Aggressive Mode" {
  if (header.version.major !== 1) return "IKE_SA_INIT";
  return header.exchangeType === AGGRESSIVE ? "Aggressive Mode" : "Main Mode";
}

/** RFC 2408 §3.1. */
const AGGRESSIVE = 4;

/** A repeat is the same message, octet by octet, from the same address and port (§2.1). */
function fingerprint({ octets, path }: Stranger): string {
  return `${formatEndpoint(path.remote)} ${toHex(sha1(octets))}`;
}
