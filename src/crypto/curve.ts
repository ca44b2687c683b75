/** X25519 (RFC 8031, RFC 7748) and the ECP groups (RFC 5903), on keys in DER (RFC 5480, 5958). */

import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from "node:crypto";
import { concat } from "../octets/concat.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { wipe } from "../octets/secret.ts";
import { plain } from "./plain.ts";
import type { PrivateValue } from "./private-value.ts";

/** How a curve's keys are written, and how a private value comes from random octets. */
export type Curve = {
  readonly privateOctets: number;
  /** PKCS #8 up to the private value. */
  readonly pkcs8Head: Uint8Array;
  /** SubjectPublicKeyInfo up to the public value; for ECP it ends in 0x04, "uncompressed". */
  readonly spkiHead: Uint8Array;
  /** The number of points, of which the private value is less; undefined where any octets do. */
  readonly order: bigint | undefined;
};

export const X25519: Curve = {
  privateOctets: 32,
  pkcs8Head: Uint8Array.fromHex("302e020100300506032b656e04220420"),
  spkiHead: Uint8Array.fromHex("302a300506032b656e032100"),
  order: undefined,
};

/** With 64 bits more than the order, so that reducing them leaves no bias (FIPS 186-5 §A.2.1). */
export const ECP_256: Curve = {
  privateOctets: 32 + 8,
  pkcs8Head: Uint8Array.fromHex(
    "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420",
  ),
  spkiHead: Uint8Array.fromHex("3059301306072a8648ce3d020106082a8648ce3d03010703420004"),
  order: 0xffffffff_00000000_ffffffff_ffffffff_bce6faad_a7179e84_f3b9cac2_fc632551n,
};

export const ECP_384: Curve = {
  privateOctets: 48 + 8,
  pkcs8Head: Uint8Array.fromHex("304e020100301006072a8648ce3d020106052b81040022043730350201010430"),
  spkiHead: Uint8Array.fromHex("3076301006072a8648ce3d020106052b8104002203620004"),
  order: BigInt(`0x${"f".repeat(48)}c7634d81f4372ddf581a0db248b0a77aecec196accc52973`),
};

export const ECP_521: Curve = {
  privateOctets: 66 + 8,
  pkcs8Head: Uint8Array.fromHex("3060020100301006072a8648ce3d020106052b81040023044930470201010442"),
  spkiHead: Uint8Array.fromHex("30819b301006072a8648ce3d020106052b810400230381860004"),
  order: BigInt(
    `0x1${"f".repeat(65)}a51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409`,
  ),
};

/** The private value that `random`, of `privateOctets` length, stands for. */
export function curvePrivateValue(curve: Curve, random: Uint8Array): PrivateValue {
  const value = curve.order === undefined ? random : scalarOf(random, curve.order);
  const der = concat(curve.pkcs8Head, value);
  const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  wipe(der);
  if (value !== random) wipe(value);
  return {
    publicValue: () => {
      const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" });
      return plain(spki).slice(curve.spkiHead.length);
    },
    sharedSecret: (peerPublic) => sharedSecret(curve, privateKey, peerPublic),
    wipe: () => {}, // a KeyObject goes with the garbage
  };
}

function sharedSecret(
  curve: Curve,
  privateKey: KeyObject,
  peerPublic: Uint8Array,
): Result<Uint8Array, string> {
  let publicKey: KeyObject;
  try {
    const key = concat(curve.spkiHead, peerPublic);
    publicKey = createPublicKey({ key, format: "der", type: "spki" });
  } catch {
    return err("is not a point of the curve"); // RFC 6989 §2.3
  }
  try {
    return ok(plain(diffieHellman({ privateKey, publicKey })));
  } catch {
    return err("gives an all-zero shared secret"); // RFC 8031 §2.3
  }
}

/**
 * (random mod (order - 1)) + 1, so from 1 to order - 1. The one BigInt operation on a secret: its
 * time depends on lengths, which are the same for all values but one in 2^64.
 */
function scalarOf(random: Uint8Array, order: bigint): Uint8Array {
  const scalar = (BigInt(`0x${random.toHex()}`) % (order - 1n)) + 1n;
  return Uint8Array.fromHex(scalar.toString(16).padStart((random.length - 8) * 2, "0"));
}
