/**
 * The first message of a stranger (RFC 7296 §2.6, §2.21.1), and other messages without an IKE SA
 * that can be answered without keeping state.
 */

import { err, ok, type Result } from "../../octets/result.ts";
import { asIkeSpi, IKE_HEADER_OCTETS, IKE_VERSION, type IkeHeader } from "../../wire/header.ts";
import { emitMessage } from "../../wire/v2/emit-message.ts";
import { ExchangeType } from "../../wire/v2/exchange-type.ts";
import { type Payload, PayloadType } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import { parsePayloads } from "../../wire/v2/payload-chain.ts";
import type { Refusal } from "../refusal.ts";
import { notifyOf, payloadOf } from "./find-payload.ts";
import { initHead } from "./ike-sa-init.ts";
import { notify } from "./notify.ts";
import { redirectSupportOf } from "./redirect.ts";

/** An IKE_SA_INIT request: its payloads, and what is checked before a place is given to it. */
export type Opening = {
  readonly payloads: readonly Payload[];
  readonly Ni: Uint8Array | undefined;
  readonly cookie: Uint8Array | undefined;
  /** It can be redirected to another gateway (RFC 5685 §3). */
  readonly canBeSentAway: boolean;
};

/** Whether a message begins an IKE SA. */
export function isOpening({ exchangeType, flags, spiR }: IkeHeader): boolean {
  const isInit = exchangeType === ExchangeType.IKE_SA_INIT;
  return isInit && flags.initiator && !flags.response && spiR === 0n;
}

/** Whether it belongs to IKE_SA_INIT, which is not encrypted. */
export function isUnprotected({ exchangeType }: IkeHeader): boolean {
  return exchangeType === ExchangeType.IKE_SA_INIT;
}

/** Whether it is a fragment (RFC 7383 §2.5). */
export function isFragment({ nextPayload }: IkeHeader): boolean {
  return nextPayload === PayloadType.SKF;
}

/** Reads an IKE_SA_INIT request. */
export function readOpening(header: IkeHeader, octets: Uint8Array): Result<Opening, Refusal> {
  const { nextPayload } = header;
  const parsed = parsePayloads(nextPayload, octets, "IKE_SA_INIT", IKE_HEADER_OCTETS);
  if (!parsed.ok) return err(parsed.error);
  const { payloads } = parsed.value;
  return ok({
    payloads,
    Ni: payloadOf(payloads, "NONCE")?.data,
    cookie: notifyOf(payloads, NotifyType.COOKIE)?.data,
    canBeSentAway: redirectSupportOf(payloads) !== "none",
  });
}

/** Asks a stranger to send its request again, with this cookie (§2.6). */
export function cookieAnswer({ spiI }: IkeHeader, cookie: Uint8Array): Uint8Array {
  const head = initHead({ spiI, spiR: asIkeSpi(0n) });
  return emitMessage(head, [notify(NotifyType.COOKIE, cookie)]);
}

/** The answer to a request for an unknown IKE SA, which the peer may still have (§2.21.4). */
export function unknownSpiAnswer(header: IkeHeader): Uint8Array | undefined {
  const { spiI, spiR, exchangeType, messageId, flags } = header;
  if (flags.response || exchangeType === ExchangeType.IKE_SA_INIT) return undefined;
  return emitMessage(
    {
      spiI,
      spiR,
      exchangeType,
      messageId,
      version: IKE_VERSION,
      flags: { initiator: !flags.initiator, version: false, response: true },
    },
    [notify(NotifyType.INVALID_IKE_SPI)],
  );
}

/** The answer to a request of a higher version names ours (§2.5). */
export function versionAnswer(header: IkeHeader): Uint8Array | undefined {
  const { spiI, spiR, version, exchangeType, messageId, flags } = header;
  if (version.major <= IKE_VERSION.major || flags.response) return undefined;
  return emitMessage(
    {
      spiI,
      spiR,
      exchangeType,
      messageId,
      version: IKE_VERSION,
      flags: { initiator: false, version: false, response: true },
    },
    [notify(NotifyType.INVALID_MAJOR_VERSION)],
  );
}
