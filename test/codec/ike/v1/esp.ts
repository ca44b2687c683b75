/** The algorithms of an ESP transform, for tests that need no choice. */

import { anyEspEncryptionFor, anyEspIntegrityFor } from "../../../../src/crypto/ikev1.ts";
import type { EspAlgorithms } from "../../../../src/ike/algorithms.ts";
import type { EspOffer } from "../../../../src/ike/v1/transform.ts";

export function espAlgorithmsIkev1({ encr, integ, ke }: EspOffer): EspAlgorithms {
  const cipher = anyEspEncryptionFor(encr.id, encr.keyBits);
  if (cipher === undefined) throw new Error("built in");
  return { encr: cipher, integ: anyEspIntegrityFor(integ), ke, esn: false };
}
