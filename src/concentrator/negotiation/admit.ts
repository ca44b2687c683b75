/** IKE_SA_INIT from strangers: repeats, cookies, limits (RFC 7296 §2.1, §2.6, §2.21.1). */

import { sha1 } from "../../crypto/hash.ts";
import { INIT_OCTETS_MAX } from "../../ike/limits.ts";
import { type Refusal, refusalText } from "../../ike/refusal.ts";
import { localSpi } from "../../ike/sa-id.ts";
import { notifyOf, payloadOf } from "../../ike/v2/find-payload.ts";
import { acceptInit, initHead, initRefusal } from "../../ike/v2/ike-sa-init.ts";
import { notify } from "../../ike/v2/notify.ts";
import { saIdOf } from "../../ike/v2/phase.ts";
import { redirectSupportOf } from "../../ike/v2/redirect.ts";
import type { IkeEffect } from "../../ike/v2/step.ts";
import { addressOctets } from "../../inet/address.ts";
import { formatEndpoint, type Path } from "../../inet/endpoint.ts";
import { originOf } from "../../inet/origin.ts";
import { toHex } from "../../octets/hex.ts";
import { Writer } from "../../octets/writer.ts";
import { asIkeSpi, type IkeHeader } from "../../wire/header.ts";
import { emitMessage } from "../../wire/v2/emit-message.ts";
import type { Payload } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import { parsePayloads } from "../../wire/v2/payload-chain.ts";
import { addEntry, count, type Engine, type Entry, journal } from "../engine.ts";
import { mayNote } from "../journal/stranger-notes.ts";
import { redirectStranger } from "../sites/redirect.ts";
import { enterHalfOpen, roomFor } from "./half-open.ts";

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
  const { length } = stranger.octets;
  if (length > INIT_OCTETS_MAX) {
    count(engine, "messages_too_long");
    const exchange = "IKE_SA_INIT";
    const refusal = { kind: "too-long", exchange, octets: length, max: INIT_OCTETS_MAX } as const;
    refuseStranger(engine, stranger, refusal);
    return undefined;
  }
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
    withFragments: engine.plan.eroutes.some(({ life }) => life.fragmentation),
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
  enterHalfOpen(engine, entry);
  return { entry, effects };
}

/** Whether there is room; under load a stranger has to show that its address is its own. */
function isWelcome(engine: Engine, stranger: Stranger, payloads: readonly Payload[]): boolean {
  const room = roomFor(engine, stranger.path, stranger.octets.length);
  if (room !== "crowded") return room === "free";
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
  if (!mayNote(engine, originOf(stranger.path.remote.address))) return;
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
