/** The first message of a stranger (RFC 2408 §4.1). Nothing in it is authenticated. */

import { sha256 } from "../../crypto/hash.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { IKE_HEADER_OCTETS, type IkeHeader } from "../../wire/header.ts";
import { ExchangeType, isakmpFlags, PHASE_1_MESSAGE_ID } from "../../wire/v1/header.ts";
import { emitMessage, parsePayloads } from "../../wire/v1/payload-chain.ts";
import { vendorsIn } from "../../wire/v1/vendor-id.ts";
import type { Refusal } from "../refusal.ts";
import type { SeenMessage } from "../seen-message.ts";
import { neededPayload } from "./find-payload.ts";
import { errorNotify } from "./notify.ts";
import type { AggressiveFirst, MainFirst } from "./responder-phase.ts";
import { seenPayloads } from "./seen-message.ts";

/** What is read of it before a place is given to it. */
export type Opening = {
  readonly version: 1;
  readonly first: AggressiveFirst | MainFirst;
  /** There are no cookies, and no redirection. */
  readonly Ni: undefined;
  readonly cookie: undefined;
  readonly canBeSentAway: false;
};

/** Whether a message begins Phase 1. */
export function isOpening({ exchangeType, spiI, spiR, messageId }: IkeHeader): boolean {
  const isPhase1 =
    exchangeType === ExchangeType.MAIN_MODE || exchangeType === ExchangeType.AGGRESSIVE_MODE;
  return isPhase1 && spiI !== 0n && spiR === 0n && messageId === PHASE_1_MESSAGE_ID;
}

/** Reads it, or says why it cannot be accepted. */
export function readOpening(header: IkeHeader, octets: Uint8Array): Result<Opening, Refusal> {
  const isMain = header.exchangeType === ExchangeType.MAIN_MODE;
  const exchange = isMain ? "Main Mode" : "Aggressive Mode";
  if (isakmpFlags(octets).encryption) {
    const detail = "the first message is marked as encrypted";
    return err({ kind: "malformed", where: exchange, detail });
  }
  const parsed = parsePayloads(header.nextPayload, octets, exchange, IKE_HEADER_OCTETS);
  if (!parsed.ok) return parsed;
  const { payloads } = parsed.value;
  const offer = neededPayload(payloads, "SA", exchange);
  if (!offer.ok) return offer;
  const common = {
    octets: octets.length,
    digest: sha256(octets),
    offer: offer.value,
    vendors: vendorsIn(payloads),
  };
  if (isMain) return ok(openingOf({ ...common, mode: "Main Mode" }));
  const ke = neededPayload(payloads, "KE", exchange);
  if (!ke.ok) return ke;
  const nonce = neededPayload(payloads, "NONCE", exchange);
  if (!nonce.ok) return nonce;
  const idI = neededPayload(payloads, "ID", exchange);
  if (!idI.ok) return idI;
  const [gxi, Ni] = [ke.value.body, nonce.value.body];
  return ok(openingOf({ ...common, mode: "Aggressive Mode", gxi, Ni, idI: idI.value }));
}

function openingOf(first: Opening["first"]): Opening {
  return { version: 1, first, Ni: undefined, cookie: undefined, canBeSentAway: false };
}

/** Refuses it; no state is kept. Undefined: it gets no answer. */
export function refusalAnswer(header: IkeHeader, refusal: Refusal): Uint8Array | undefined {
  const notify = errorNotify(refusal);
  if (notify === undefined) return undefined;
  const { spiI, spiR, messageId } = header;
  const flags = { encryption: false, commit: false, authenticationOnly: false };
  const exchangeType = ExchangeType.INFORMATIONAL;
  return emitMessage({ spiI, spiR, exchangeType, messageId, flags }, [notify]);
}

/** The content of a message that is not encrypted; undefined if it is encrypted. */
export function seenInClear(
  header: IkeHeader,
  octets: Uint8Array,
): Omit<SeenMessage, "way"> | undefined {
  if (isakmpFlags(octets).encryption) return undefined;
  const parsed = parsePayloads(header.nextPayload, octets, "message", IKE_HEADER_OCTETS);
  return seenPayloads("received", header, parsed.ok ? parsed.value.payloads : []);
}
