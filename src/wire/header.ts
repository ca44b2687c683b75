/** The IKE header (RFC 7296 §3.1). */

import { decode, type Malformed, type Reader } from "../octets/reader.ts";
import type { Result } from "../octets/result.ts";
import type { Writer } from "../octets/writer.ts";

export type IkeSpi = bigint & { readonly is: "IKE SPI" };

/** Makes an IKE SPI from a number that was read from a header or drawn at random. */
export function asIkeSpi(value: bigint): IkeSpi {
  return value as IkeSpi;
}

export type IkeHeader = {
  readonly spiI: IkeSpi;
  readonly spiR: IkeSpi;
  readonly nextPayload: number;
  readonly version: { readonly major: number; readonly minor: number };
  readonly exchangeType: number;
  readonly flags: IkeFlags;
  readonly messageId: number;
  /** Octets of the whole message, header included. */
  readonly length: number;
};

/** `initiator`: from the original initiator of the IKE SA; `response`: answers a request. */
export type IkeFlags = {
  readonly initiator: boolean;
  readonly version: boolean;
  readonly response: boolean;
};

export const IKE_HEADER_OCTETS = 28;

/** The version that is spoken here: IKEv2 (§2.5). */
export const IKE_VERSION = { major: 2, minor: 0 } as const;

/**
 * The header at the start of a datagram without its non-ESP marker. Malformed if the datagram is
 * shorter than a header, or not as long as its Length says. Any version is accepted.
 */
export function parseHeader(octets: Uint8Array): Result<IkeHeader, Malformed> {
  return decode(octets, "IKE header", readHeader);
}

//                      1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// |                       IKE SA Initiator's SPI                  |
// |                                                               |
// |                       IKE SA Responder's SPI                  |
// |                                                               |
// |  Next Payload | MjVer | MnVer | Exchange Type |     Flags     |
// |                          Message ID                           |
// |                            Length                             |

function readHeader(r: Reader): IkeHeader {
  const octets = r.left;
  if (octets < IKE_HEADER_OCTETS) r.fail(`needs ${IKE_HEADER_OCTETS} octets, has ${octets}`);
  const spiI = asIkeSpi(r.u64());
  const spiR = asIkeSpi(r.u64());
  const nextPayload = r.u8();
  const version = r.u8();
  const exchangeType = r.u8();
  const flags = r.u8();
  const messageId = r.u32();
  const length = r.u32();
  if (length !== octets) r.fail(`Length ${length}, but the datagram has ${octets} octets`);
  return {
    spiI,
    spiR,
    nextPayload,
    version: { major: version >>> 4, minor: version & 0x0f },
    exchangeType,
    // The other five bits are reserved: MUST be ignored on receipt.
    flags: {
      initiator: (flags & FLAG_INITIATOR) !== 0,
      version: (flags & FLAG_VERSION) !== 0,
      response: (flags & FLAG_RESPONSE) !== 0,
    },
    messageId,
    length,
  };
}

/** Writes a header whose Length is not known yet: {@link patchHeaderLength} fills it in. */
export function emitHeader(
  w: Writer,
  header: Omit<IkeHeader, "length" | "nextPayload">,
  nextPayload: number,
): void {
  const { initiator, version, response } = header.flags;
  const flags =
    (initiator ? FLAG_INITIATOR : 0) |
    (version ? FLAG_VERSION : 0) |
    (response ? FLAG_RESPONSE : 0);
  emitHeaderFields(w, header, { nextPayload, flags });
}

/** The same with the octet of flags, which has other bits in each version. */
export function emitHeaderFields(
  w: Writer,
  header: Omit<IkeHeader, "length" | "nextPayload" | "flags">,
  { nextPayload, flags }: { readonly nextPayload: number; readonly flags: number },
): void {
  const { version } = header;
  w.u64(header.spiI).u64(header.spiR).u8(nextPayload);
  w.u8((version.major << 4) | version.minor)
    .u8(header.exchangeType)
    .u8(flags);
  w.u32(header.messageId).u32(0);
}

/**
 * Sets the Length of the header that begins at `headerAt`, so that it covers all that is written.
 */
export function patchHeaderLength(w: Writer, headerAt = 0): void {
  w.patchU32(headerAt + LENGTH_AT, w.length - headerAt);
}

const FLAG_INITIATOR = 0x08;
const FLAG_VERSION = 0x10;
const FLAG_RESPONSE = 0x20;

/** Offset of the flags in the header. */
export const FLAGS_AT = 19;
/** Offset of Length in the header. */
const LENGTH_AT = 24;
