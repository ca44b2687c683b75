/** IKE_SA_INIT from strangers: repeats, cookies, limits (RFC 7296 §2.1, §2.6, §2.21.1). */

import { sha1 } from "../crypto/hash.ts";
import type { IkeEffect } from "../ike/effect.ts";
import { localSpi, saIdOf } from "../ike/phase.ts";
import { notify, type Refusal, refusalText } from "../ike/refusal.ts";
import { notifyOf, payloadOf } from "../ike/v2/find-payload.ts";
import { acceptInit, initHead, initRefusal } from "../ike/v2/ike-sa-init.ts";
import { redirectSupportOf } from "../ike/v2/redirect.ts";
import { addressOctets } from "../inet/address.ts";
import { formatEndpoint, type Path } from "../inet/endpoint.ts";
import { toHex } from "../octets/hex.ts";
import { Writer } from "../octets/writer.ts";
import { emitMessage } from "../wire/emit-message.ts";
import { asIkeSpi, type IkeHeader } from "../wire/header.ts";
import type { Payload } from "../wire/message.ts";
import { NotifyType } from "../wire/notify-type.ts";
import { parsePayloads } from "../wire/payload-chain.ts";
import { addEntry, count, type Engine, type Entry, journal } from "./engine.ts";
import { redirectStranger } from "./redirect.ts";
import { mayNote } from "./stranger-notes.ts";

/** An IKE_SA_INIT request as it came in. */
export type Stranger = {
  readonly header: IkeHeader;
  readonly octets: Uint8Array;
  readonly path: Path;
};

/**
 * Admits a stranger as a half-open IKE SA, answers it without keeping anything, or drops it. The
 * effects returned are those of the new IKE SA.
 */
export function admit(
  engine: Engine,
  stranger: Stranger,
): { readonly entry: Entry; readonly effects: readonly IkeEffect[] } | undefined {
  count(engine, "ike_sa_init_requests");
  const initKey = fingerprint(stranger);
  const known = engine.initRequests.get(initKey);
  if (known !== undefined) {
    const { header, octets, path } = stranger;
    engine.inbox.push({ spi: known, event: { kind: "message", header, octets, path } });
    return undefined;
  }
  const { header, octets } = stranger;
  const parsed = parsePayloads(header.nextPayload, octets.subarray(28), "IKE_SA_INIT");
  if (!parsed.ok) {
    count(engine, "datagrams_malformed");
    refuseStranger(engine, stranger, parsed.error);
    return undefined;
  }
  const { payloads } = parsed.value;
  const Ni = payloadOf(payloads, "NONCE")?.data;
  if (redirectStranger(engine, stranger, { support: redirectSupportOf(payloads), Ni })) {
    return undefined;
  }
  if (!isWelcome(engine, stranger, payloads)) return undefined;
  const { limits } = engine.plan;
  const request = {
    ...stranger,
    payloads,
    suites: engine.ikeSuites,
    halfOpenMs: limits.halfOpenMs,
    certReq: engine.certReq,
    withPpk: engine.plan.eroutes.some(({ ppk }) => ppk !== "off"),
  };
  const accepted = acceptInit(request, engine.context);
  if (!accepted.ok) {
    refuseStranger(engine, stranger, accepted.error);
    return undefined;
  }
  const { sa, effects } = accepted.value;
  if (sa === undefined) return undefined;
  const entry = addEntry(engine, sa);
  entry.initKey = initKey;
  engine.initRequests.set(initKey, localSpi(saIdOf(sa)));
  engine.halfOpen++;
  entry.halfOpenPrefix = prefixOfStranger(stranger);
  const ofPrefix = engine.halfOpenPrefixes.get(entry.halfOpenPrefix) ?? 0;
  engine.halfOpenPrefixes.set(entry.halfOpenPrefix, ofPrefix + 1);
  return { entry, effects };
}

/** An IKE SA is half open no more. */
export function leaveHalfOpen(engine: Engine, entry: Entry): void {
  engine.halfOpen--;
  const prefix = entry.halfOpenPrefix;
  if (prefix === undefined) return;
  entry.halfOpenPrefix = undefined;
  const left = (engine.halfOpenPrefixes.get(prefix) ?? 1) - 1;
  if (left === 0) engine.halfOpenPrefixes.delete(prefix);
  else engine.halfOpenPrefixes.set(prefix, left);
}

/** The address itself, of IPv6 the /64: a fleet behind one carrier's NAT is one prefix. */
function prefixOfStranger({ path }: Stranger): string {
  const { family, value } = path.remote.address;
  return family === 4 ? `4 ${value}` : `6 ${value >> 64n}`;
}

/** Whether there is room; under load a stranger has to show that its address is its own. */
function isWelcome(engine: Engine, stranger: Stranger, payloads: readonly Payload[]): boolean {
  const { limits } = engine.plan;
  const ofPrefix = engine.halfOpenPrefixes.get(prefixOfStranger(stranger)) ?? 0;
  // One prefix never gets more than half of all places, cookies or not: others want in as well.
  const prefixMax = Math.max(limits.halfOpenPerPrefixMax, Math.floor(limits.halfOpenMax / 2));
  if (engine.halfOpen >= limits.halfOpenMax || ofPrefix >= prefixMax) {
    count(engine, "half_open_refused");
    return false;
  }
  const isCrowded = ofPrefix >= limits.halfOpenPerPrefixMax;
  if (engine.halfOpen < limits.cookieAbove && !isCrowded) return true;
  const nonce = payloadOf(payloads, "NONCE");
  if (nonce === undefined) {
    count(engine, "datagrams_malformed");
    return false;
  }
  const { spiI } = stranger.header;
  const input = { Ni: nonce.data, remote: stranger.path.remote, spiI };
  const cookie = notifyOf(payloads, NotifyType.COOKIE);
  if (cookie !== undefined && engine.cookies.knows(cookie.data, input, engine.now)) return true;
  const data = engine.cookies.bake(input, engine.now);
  const id = { spiI, spiR: asIkeSpi(0n) };
  const octets = emitMessage(initHead(id), [notify(NotifyType.COOKIE, data)]);
  engine.out.push({ kind: "send", octets, path: stranger.path });
  count(engine, "cookies_sent");
  return false;
}

/** Tells a stranger why, and the journal; both at a bounded rate. */
function refuseStranger(engine: Engine, stranger: Stranger, refusal: Refusal): void {
  if (engine.strangerAnswers.take(engine.now)) {
    const id = { spiI: stranger.header.spiI, spiR: asIkeSpi(0n) };
    const octets = initRefusal(id, refusal);
    engine.out.push({ kind: "send", octets, path: stranger.path });
  } else count(engine, "datagrams_rate_limited");
  if (!mayNote(engine, prefixOfStranger(stranger))) return;
  const isRetry = refusal.kind === "invalid-ke";
  journal(engine, undefined, {
    level: isRetry ? "debug" : "warning",
    step: "IKE_SA_INIT",
    outcome: isRetry ? "refused" : "failed",
    ...refusalText(refusal),
    remote: formatEndpoint(stranger.path.remote),
  });
}

/** A repeat is the same message from the same place, to the octet (§2.1). */
function fingerprint({ octets, path }: Stranger): string {
  const { address, port } = path.remote;
  const from = new Writer(18).octets(addressOctets(address)).u16(port).done();
  return toHex(sha1(octets, from));
}
