/** NAT detection: hashes of what each end sees of both addresses (RFC 3947 §3.2). */

import { hash } from "../../crypto/hash.ts";
import type { HmacHash } from "../../crypto/hmac.ts";
import { addressOctets } from "../../inet/address.ts";
import type { Endpoint } from "../../inet/endpoint.ts";
import { Writer } from "../../octets/writer.ts";
import { type Cookies, cookieOctets } from "./keys.ts";

/** HASH(CKY-I | CKY-R | IP | Port), with the hash that Phase 1 agreed on. */
export function natDHash(name: HmacHash, cookies: Cookies, endpoint: Endpoint): Uint8Array {
  const port = new Writer(2).u16(endpoint.port).done();
  return hash(name, [cookieOctets(cookies), addressOctets(endpoint.address), port]);
}
