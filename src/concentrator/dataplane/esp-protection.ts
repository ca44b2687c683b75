/** The kernel's names for the algorithms of a Child SA (net/xfrm/xfrm_algo.c of Linux). */

import { Encr, Integ } from "../../crypto/transform.ts";
import type { EspAlgorithms } from "../../ike/algorithms.ts";
import type { EspDirectionKeys } from "../../ike/esp-keys.ts";
import { assert } from "../../octets/assert.ts";
import type { XfrmProtection } from "../../xfrm/state.ts";

/** The algorithms and keys of one direction. The keys are not copied. */
export function protectionOf(
  { encr, integ }: Pick<EspAlgorithms, "encr" | "integ">,
  keys: EspDirectionKeys,
): XfrmProtection {
  const name = ENCRYPTION_NAMES.get(encr.id);
  assert(name !== undefined, "the kernel has no name for", encr.name);
  if (encr.kind === "aead") {
    return { kind: "aead", aead: { name, key: keys.encryption, icvBits: encr.icvOctets * 8 } };
  }
  const authName = integ === undefined ? undefined : AUTH_NAMES.get(integ.id);
  assert(integ !== undefined && authName !== undefined, "no name of integrity beside", encr.name);
  return {
    kind: "crypt-auth",
    crypt: { name, key: keys.encryption },
    auth: { name: authName, key: keys.integrity, truncBits: integ.icvOctets * 8 },
  };
}

/** The kernel takes salt or nonce from the end of the key. */
const ENCRYPTION_NAMES: ReadonlyMap<number, string> = new Map([
  [Encr.DES3, "cbc(des3_ede)"],
  [Encr.AES_CBC, "cbc(aes)"],
  [Encr.AES_CTR, "rfc3686(ctr(aes))"],
  [Encr.AES_CCM_8, "rfc4309(ccm(aes))"],
  [Encr.AES_CCM_12, "rfc4309(ccm(aes))"],
  [Encr.AES_CCM_16, "rfc4309(ccm(aes))"],
  [Encr.AES_GCM_8, "rfc4106(gcm(aes))"],
  [Encr.AES_GCM_12, "rfc4106(gcm(aes))"],
  [Encr.AES_GCM_16, "rfc4106(gcm(aes))"],
  [Encr.NULL_AUTH_AES_GMAC, "rfc4543(gcm(aes))"],
  [Encr.CAMELLIA_CBC, "cbc(camellia)"],
  [Encr.CHACHA20_POLY1305, "rfc7539esp(chacha20,poly1305)"],
]);

const AUTH_NAMES: ReadonlyMap<number, string> = new Map([
  [Integ.HMAC_MD5_96, "hmac(md5)"],
  [Integ.HMAC_SHA1_96, "hmac(sha1)"],
  [Integ.AES_XCBC_96, "xcbc(aes)"],
  [Integ.AES_CMAC_96, "cmac(aes)"],
  [Integ.HMAC_SHA2_256_96, "hmac(sha256)"],
  [Integ.HMAC_SHA2_256_128, "hmac(sha256)"],
  [Integ.HMAC_SHA2_384_192, "hmac(sha384)"],
  [Integ.HMAC_SHA2_512_256, "hmac(sha512)"],
]);
