/** Keys of an IKE SA in the format of Wireshark's `ikev2_decryption_table`. */

import type { Encryption } from "../../crypto/encryption.ts";
import type { Integrity } from "../../crypto/integrity.ts";
import { Encr } from "../../crypto/transform.ts";
import { spi64Hex, toHex } from "../../octets/hex.ts";
import type { IkeSa } from "./every-phase.ts";
import type { HalfOpen } from "./half-open.ts";

/**
 * The line for an IKE SA: both SPIs, SK_ei, SK_er, encryption, SK_ai, SK_ar, integrity, with the
 * names that Wireshark uses in its preferences for ISAKMP. The salt of an AEAD follows the key (RFC
 * 5282 §7.1). Undefined while it has no keys, after they are wiped, and with ChaCha20-Poly1305,
 * which Wireshark does not decrypt. A secret.
 */
export function decryptionTableLine(sa: IkeSa): string | undefined {
  const secured = securedOf(sa);
  if (!("keys" in secured)) return undefined;
  const { id, algorithms, keys } = secured;
  if (algorithms.encr.id === Encr.CHACHA20_POLY1305) return undefined;
  return [
    spi64Hex(id.spiI),
    spi64Hex(id.spiR),
    toHex(keys.SK_ei),
    toHex(keys.SK_er),
    `"${encryptionWords(algorithms.encr)}"`,
    toHex(keys.SK_ai),
    toHex(keys.SK_ar),
    `"${integrityWords(algorithms.integ)}"`,
  ].join(",");
}

function securedOf(sa: IkeSa): HalfOpen | IkeSa {
  if (sa.phase === "replaced") return sa.former;
  return "half" in sa ? sa.half : sa;
}

function encryptionWords(encr: Encryption): string {
  return encr.kind === "aead"
    ? `AES-GCM-${encr.keyBits} with ${encr.icvOctets} octet ICV [RFC5282]`
    : `AES-CBC-${encr.keyBits} [RFC3602]`;
}

function integrityWords(integ: Integrity | undefined): string {
  if (integ === undefined) return "NONE [RFC4306]";
  return `${integ.name} [${integ.hash === "sha1" ? "RFC2404" : "RFC4868"}]`;
}
