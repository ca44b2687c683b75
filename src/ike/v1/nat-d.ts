/** NAT detection: hashes of what each end sees of both addresses (RFC 3947 §3.2). */

import { hash } from "../../crypto/hash.ts";
import type { HmacHash } from "../../crypto/hmac.ts";
import { addressOctets } from "../../inet/address.ts";
import type { Endpoint } from "../../inet/endpoint.ts";
import { Writer } from "../../octets/writer.ts";
import type { Cookies } from "./keys.ts";

/** HASH(CKY-I | CKY-R | IP | Port), with the hash that Phase 1 agreed on. */
export function natDHash(name: HmacHash, cookies: Cookies, endpoint: Endpoint): Uint8Array {
  const { spiI, spiR } = cookies;
  const { address, port } = endpoint;
  const covered = new Writer(HASHED_OCTETS).u64(spiI).u64(spiR).octets(addressOctets(address));
  return hash(name, [covered.u16(port).done()]);
}

/** Two cookies, an address of IPv6, and a port. */
const HASHED_OCTETS = 34;
