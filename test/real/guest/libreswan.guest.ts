/** A site with libreswan (IKEv2, PSK), from its first call to its disconnection. */

import { OUR_ID } from "./erouted.ts";
import { CONCENTRATOR } from "./laboratory.ts";
import { startLibreswan } from "./libreswan.ts";
import { pskOf } from "./scenario.ts";
import { siteLife } from "./site-life.ts";

siteLife({
  software: "libreswan",
  mayDrop: false,
  start: async (site) =>
    await startLibreswan(site.host, {
      localId: `site-${site.number}`,
      remoteId: OUR_ID,
      psk: pskOf(site.number),
      localAddress: site.address.v4,
      remoteAddress: CONCENTRATOR.v4,
      ike: "aes128-sha2_256-dh31",
      esp: "aes_gcm128",
      localSubnet: site.subnet.v4,
      remoteSubnet: "10.0.0.0/16",
    }),
});
