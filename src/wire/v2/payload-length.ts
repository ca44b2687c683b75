/**
 * How many octets payloads take, so that a message is written into a buffer of the right size (RFC
 * 7296 §3).
 */

import { never } from "../../octets/assert.ts";
import { PAYLOAD_HEADER_OCTETS } from "../payload-header.ts";
import type { Payload } from "./message.ts";
import { cpLength } from "./payload/cp.ts";
import { saLength } from "./payload/sa.ts";
import { tsLength } from "./payload/ts.ts";

/** Octets of a chain of payloads, generic headers included. */
export function payloadsLength(payloads: readonly Payload[]): number {
  let octets = 0;
  for (const payload of payloads) octets += PAYLOAD_HEADER_OCTETS + bodyLength(payload);
  return octets;
}

function bodyLength(payload: Payload): number {
  switch (payload.kind) {
    case "SA":
      return saLength(payload);
    case "KE":
    case "AUTH":
      return 4 + payload.data.length;
    case "CERT":
      return 1 + payload.data.length;
    case "CERTREQ":
      return 1 + payload.authorities.length;
    case "IDi":
    case "IDr":
      return payload.body.length;
    case "NOTIFY":
      return 4 + payload.spi.length + payload.data.length;
    case "DELETE":
      return 4 + payload.spis.length * 4;
    case "TSi":
    case "TSr":
      return tsLength(payload);
    case "CP":
      return cpLength(payload);
    case "NONCE":
    case "VENDOR":
    case "OPAQUE":
    case "UNREADABLE":
      return payload.data.length;
    default:
      return never(payload);
  }
}
