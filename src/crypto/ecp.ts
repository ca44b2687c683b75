/** The ECP groups, which are the NIST curves (RFC 5903). */

import { createECDH } from "node:crypto";
import { concat } from "../octets/concat.ts";
import { err, ok } from "../octets/result.ts";
import { wipe } from "../octets/secret.ts";
import { plain } from "./plain.ts";
import type { PrivateValue } from "./private-value.ts";

export type EcpGroup = {
  readonly curve: "prime256v1" | "secp384r1" | "secp521r1";
  /** The number of points; private values are less. */
  readonly order: bigint;
  readonly coordinateOctets: number;
  /**
   * 64 bits more than the order has, so that the reduction introduces no bias (FIPS 186-5 §A.2.1).
   */
  readonly privateOctets: number;
};

export const ECP_256: EcpGroup = {
  curve: "prime256v1",
  order: 0xffffffff_00000000_ffffffff_ffffffff_bce6faad_a7179e84_f3b9cac2_fc632551n,
  coordinateOctets: 32,
  privateOctets: 32 + 8,
};

export const ECP_384: EcpGroup = {
  curve: "secp384r1",
  order: BigInt(`0x${"f".repeat(48)}c7634d81f4372ddf581a0db248b0a77aecec196accc52973`),
  coordinateOctets: 48,
  privateOctets: 48 + 8,
};

export const ECP_521: EcpGroup = {
  curve: "secp521r1",
  order: BigInt(
    `0x1${"f".repeat(65)}a51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409`,
  ),
  coordinateOctets: 66,
  privateOctets: 66 + 8,
};

/** Precedes X | Y everywhere except in a KE payload (SEC 1 §2.3.3). */
const UNCOMPRESSED = Uint8Array.of(4);

/** The private value derived from `random`, which has `privateOctets` octets. */
export function ecpPrivateValue(group: EcpGroup, random: Uint8Array): PrivateValue {
  const scalar = scalarOf(group, random);
  const calculator = createECDH(group.curve);
  calculator.setPrivateKey(scalar);
  return {
    publicValue: () => plain(calculator.getPublicKey()).slice(UNCOMPRESSED.length),
    sharedSecret: (peerPublic) => {
      try {
        return ok(plain(calculator.computeSecret(concat(UNCOMPRESSED, peerPublic))));
      } catch {
        return err("is not a point of the curve"); // RFC 6989 §2.3
      }
    },
    wipe: () => wipe(scalar),
  };
}

/**
 * (random mod (order - 1)) + 1: from 1 to order - 1. The only BigInt operation on a secret: its
 * time depends on lengths, which are the same for all values but one in 2^64.
 */
function scalarOf(group: EcpGroup, random: Uint8Array): Uint8Array {
  const scalar = (BigInt(`0x${random.toHex()}`) % (group.order - 1n)) + 1n;
  return Uint8Array.fromHex(scalar.toString(16).padStart(2 * group.coordinateOctets, "0"));
}
