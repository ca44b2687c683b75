/** A site with OpenIKED (IKEv2, PSK), from its first call to its disconnection. */

import { OUR_ID } from "./erouted.ts";
import { CONCENTRATOR } from "./laboratory.ts";
import { startOpeniked } from "./openiked.ts";
import { pskOf } from "./scenario.ts";
import { siteLife } from "./site-life.ts";

siteLife({
  software: "OpenIKED",
  // It sends its DELETE before its own kernel has the new states: packets that arrive in between
  // find none (XfrmInNoStates at the site).
  mayDrop: true,
  start: async (site) =>
    await startOpeniked(site.host, {
      localId: `site-${site.number}`,
      remoteId: OUR_ID,
      psk: pskOf(site.number),
      localAddress: site.address.v4,
      remoteAddress: CONCENTRATOR.v4,
      ike: "enc aes-128 prf hmac-sha2-256 auth hmac-sha2-256 group curve25519",
      // PF_KEY on Linux has no AEAD, and truncates SHA-256 to 96 bits.
      esp: "enc aes-128 auth hmac-sha2-512",
      localSubnet: site.subnet.v4,
      remoteSubnet: "10.0.0.0/16",
      rekeyChildSeconds: 8,
      rekeyIkeSeconds: 30,
    }),
});
