/** Algorithms and keys of a state (struct xfrm_algo, xfrm_algo_auth, xfrm_algo_aead). */

import { assert } from "../octets/assert.ts";
import { Reader } from "../octets/reader.ts";
import { emitAttribute, XFRMA } from "./attribute.ts";
import { type HostWriter, hostU32 } from "./host-order.ts";
import type { XfrmAead, XfrmAuth, XfrmCrypt, XfrmProtection } from "./state.ts";

/** alg_name, with its NUL. */
const NAME_OCTETS = 64;

/** XFRMA_ALG_AEAD, or XFRMA_ALG_CRYPT and XFRMA_ALG_AUTH_TRUNC. */
export function emitProtection(w: HostWriter, protection: XfrmProtection): void {
  if (protection.kind === "aead") {
    const { aead } = protection;
    emitAttribute(w, XFRMA.ALG_AEAD, () => {
      emitNameAndKeyBits(w, aead);
      w.u32(aead.icvBits).secret(aead.key); // alg_icv_len
    });
    return;
  }
  const { crypt, auth } = protection;
  emitAttribute(w, XFRMA.ALG_CRYPT, () => {
    emitNameAndKeyBits(w, crypt);
    w.secret(crypt.key);
  });
  emitAttribute(w, XFRMA.ALG_AUTH_TRUNC, () => {
    emitNameAndKeyBits(w, auth);
    w.u32(auth.truncBits).secret(auth.key); // alg_trunc_len
  });
}

/** The protection among a state's attributes, with copies of its keys: wipe them after use. */
export function parseProtection(r: Reader, attributes: Map<number, Uint8Array>): XfrmProtection {
  const aead = attributes.get(XFRMA.ALG_AEAD);
  if (aead !== undefined)
    return { kind: "aead", aead: parseAead(new Reader(aead, "XFRMA_ALG_AEAD")) };
  const crypt = attributes.get(XFRMA.ALG_CRYPT);
  const auth = attributes.get(XFRMA.ALG_AUTH_TRUNC);
  if (crypt === undefined) return r.fail("neither XFRMA_ALG_AEAD nor XFRMA_ALG_CRYPT");
  if (auth === undefined) return r.fail("XFRMA_ALG_CRYPT without XFRMA_ALG_AUTH_TRUNC");
  return {
    kind: "crypt-auth",
    crypt: parseCrypt(new Reader(crypt, "XFRMA_ALG_CRYPT")),
    auth: parseAuth(new Reader(auth, "XFRMA_ALG_AUTH_TRUNC")),
  };
}

function emitNameAndKeyBits(w: HostWriter, algorithm: { name: string; key: Uint8Array }): void {
  const name = new TextEncoder().encode(algorithm.name);
  assert(name.length < NAME_OCTETS, "octets of an algorithm's name", name.length);
  w.octets(name).zeros(NAME_OCTETS - name.length);
  w.u32(algorithm.key.length * 8); // alg_key_len, in bits
}

function parseAead(r: Reader): XfrmAead {
  const name = parseName(r);
  const keyBits = hostU32(r);
  const icvBits = hostU32(r);
  return { name, key: parseKey(r, keyBits), icvBits };
}

function parseCrypt(r: Reader): XfrmCrypt {
  const name = parseName(r);
  return { name, key: parseKey(r, hostU32(r)) };
}

function parseAuth(r: Reader): XfrmAuth {
  const name = parseName(r);
  const keyBits = hostU32(r);
  const truncBits = hostU32(r);
  return { name, key: parseKey(r, keyBits), truncBits };
}

function parseName(r: Reader): string {
  const octets = r.octets(NAME_OCTETS);
  const end = octets.indexOf(0);
  return new TextDecoder().decode(end < 0 ? octets : octets.subarray(0, end));
}

function parseKey(r: Reader, bits: number): Uint8Array {
  return r.octets(Math.ceil(bits / 8));
}
