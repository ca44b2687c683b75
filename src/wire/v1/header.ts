/** What the header of an IKEv1 message means (RFC 2408 §3.1); its layout is that of IKEv2. */

import type { Writer } from "../../octets/writer.ts";
import { emitHeaderFields, FLAGS_AT, type IkeHeader } from "../header.ts";

/** RFC 2408 §3.1, RFC 2409 App. A, and the Transaction exchange of Mode Config and XAUTH. */
export const ExchangeType = {
  MAIN_MODE: 2,
  AGGRESSIVE_MODE: 4,
  INFORMATIONAL: 5,
  TRANSACTION: 6,
  QUICK_MODE: 32,
  NEW_GROUP_MODE: 33,
} as const;

/** `encryption`: all after the header is encrypted. */
export type IsakmpFlags = {
  readonly encryption: boolean;
  readonly commit: boolean;
  readonly authenticationOnly: boolean;
};

/**
 * A header without what follows from the payloads. `spiI` and `spiR` are the cookies of initiator
 * and responder; the responder's is zero in the first message.
 */
export type IsakmpHeader = Pick<IkeHeader, "spiI" | "spiR" | "exchangeType" | "messageId"> & {
  readonly flags: IsakmpFlags;
};

/** The message ID of all messages of Phase 1; no other exchange has it. */
export const PHASE_1_MESSAGE_ID = 0;

/** `Quick Mode`; a number without a name is `exchange type 99`. */
export function exchangeName(exchangeType: number): string {
  return NAMES.get(exchangeType) ?? `exchange type ${exchangeType}`;
}

/** The flags of a datagram whose header has been read. Other bits mean nothing. */
export function isakmpFlags(octets: Uint8Array): IsakmpFlags {
  const flags = octets[FLAGS_AT] ?? 0;
  return {
    encryption: (flags & ENCRYPTION) !== 0,
    commit: (flags & COMMIT) !== 0,
    authenticationOnly: (flags & AUTHENTICATION_ONLY) !== 0,
  };
}

/** Writes a header whose Length is not known yet. */
export function emitIsakmpHeader(w: Writer, header: IsakmpHeader, nextPayload: number): void {
  const { spiI, spiR, exchangeType, messageId } = header;
  const { encryption, commit, authenticationOnly } = header.flags;
  const flags =
    (encryption ? ENCRYPTION : 0) |
    (commit ? COMMIT : 0) |
    (authenticationOnly ? AUTHENTICATION_ONLY : 0);
  const fields = { spiI, spiR, version: VERSION, exchangeType, messageId };
  emitHeaderFields(w, fields, { nextPayload, flags });
}

const VERSION = { major: 1, minor: 0 } as const;

const ENCRYPTION = 0x01;
const COMMIT = 0x02;
const AUTHENTICATION_ONLY = 0x04;

const NAMES: ReadonlyMap<number, string> = new Map([
  [ExchangeType.MAIN_MODE, "Main Mode"],
  [ExchangeType.AGGRESSIVE_MODE, "Aggressive Mode"],
  [ExchangeType.INFORMATIONAL, "Informational"],
  [ExchangeType.TRANSACTION, "Transaction"],
  [ExchangeType.QUICK_MODE, "Quick Mode"],
  [ExchangeType.NEW_GROUP_MODE, "New Group Mode"],
]);
