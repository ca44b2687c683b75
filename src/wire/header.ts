/** The IKE header (RFC 7296 §3.1). */

export type IkeSpi = bigint & { readonly is: "IKE SPI" };

/** An IKE SPI of a number that was read from a header or drawn at random. */
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
