/** What an eroute that allows IKEv1 accepts in simulations. */

import type { Suite } from "../../src/crypto/suite.ts";
import { Encr, Integ, Ke, PrfId } from "../../src/crypto/transform.ts";

const AES = [
  { id: Encr.AES_CBC, keyBits: 256 },
  { id: Encr.AES_CBC, keyBits: 128 },
];

export const IKEV1_IKE_SUITE: Suite = {
  encr: AES,
  prf: [PrfId.HMAC_SHA2_256],
  integ: [Integ.HMAC_SHA2_256_128],
  ke: [Ke.ECP_256, Ke.MODP_2048],
  esn: [],
};

export const IKEV1_ESP_SUITE: Suite = {
  encr: AES,
  prf: [],
  integ: [Integ.HMAC_SHA2_256_128],
  ke: [Ke.NONE, Ke.ECP_256],
  esn: [false],
};
