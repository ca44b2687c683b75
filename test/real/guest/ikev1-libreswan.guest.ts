/** A site with libreswan (IKEv1, Aggressive Mode, PSK): from its first call to its end. */

import { OUR_ID } from "./erouted.ts";
import { CONCENTRATOR } from "./laboratory.ts";
import { startLibreswan } from "./libreswan.ts";
import { pskOf } from "./scenario.ts";
import { siteLife } from "./site-life.ts";

siteLife({
  software: "libreswan with IKEv1",
  mayDrop: false,
  eroute: 'ike_version = "v1"',
  start: async (site) =>
    await startLibreswan(site.host, {
      version: 1,
      localId: `site-${site.number}`,
      remoteId: OUR_ID,
      psk: pskOf(site.number),
      localAddress: site.address.v4,
      remoteAddress: CONCENTRATOR.v4,
      ike: "aes256-sha2_256-dh14",
      esp: "aes256-sha2_256",
      localSubnet: site.subnet.v4,
      remoteSubnet: "10.0.0.0/16",
      more: ["aggressive=yes", "pfs=no"],
    }),
});
