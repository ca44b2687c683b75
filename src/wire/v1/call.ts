/**
 * The first message of IKEv1 (RFC 2409 §5, RFC 2408 §3), read only as far as is needed to say who
 * calls where no eroute allows it. Nothing in it is authenticated, and no more work is done for it.
 */

import { decode, type Reader } from "../../octets/reader.ts";
import type { IkeHeader } from "../header.ts";
import { IKE_HEADER_OCTETS } from "../header.ts";
import type { Identity } from "../identity.ts";

export type Ikev1Call = {
  readonly mode: "Main Mode" | "Aggressive Mode";
  /** Aggressive Mode shows it in clear; Main Mode never does. */
  readonly identity: Identity | undefined;
};

const IDENTITY_PROTECTION = 2;
const AGGRESSIVE = 4;

const PAYLOAD_NONE = 0;
const PAYLOAD_ID = 5;

/** SA, KE, Nonce, ID, and some twenty Vendor IDs at most. */
const PAYLOADS_MAX = 32;
/** No peer ID is this long: see `PEER_ID_LENGTH_MAX`. */
const ID_OCTETS_MAX = 255;

/** What a message of version 1 asks for; undefined if it does not begin an exchange. */
export function parseIkev1Call(header: IkeHeader, octets: Uint8Array): Ikev1Call | undefined {
  const { version, exchangeType, spiI, spiR } = header;
  if (version.major !== 1 || spiI === 0n || spiR !== 0n) return undefined;
  if (exchangeType === IDENTITY_PROTECTION) return { mode: "Main Mode", identity: undefined };
  if (exchangeType !== AGGRESSIVE) return undefined;
  const body = octets.subarray(IKE_HEADER_OCTETS);
  const read = (r: Reader) => readIdentity(r, header.nextPayload);
  const identity = decode(body, "IKEv1 payloads", read);
  return { mode: "Aggressive Mode", identity: identity.ok ? identity.value : undefined };
}

// | Next Payload  |   RESERVED    |         Payload Length        |
// |   ID Type     |  Protocol ID  |             Port              |
// ~                      Identification Data                      ~

function readIdentity(r: Reader, first: number): Identity | undefined {
  let type = first;
  for (let count = 0; count < PAYLOADS_MAX && type !== PAYLOAD_NONE; count++) {
    const next = r.u8();
    r.u8(); // RESERVED
    const length = r.u16();
    if (type === PAYLOAD_ID) {
      const idType = r.u8();
      r.skip(3); // Protocol ID and Port
      const dataOctets = length - 8;
      if (dataOctets < 1 || dataOctets > ID_OCTETS_MAX) return undefined;
      return { idType, data: r.octets(dataOctets) };
    }
    if (length < 4) return undefined;
    r.skip(length - 4);
    type = next;
  }
  return undefined;
}
