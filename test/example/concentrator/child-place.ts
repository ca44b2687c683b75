/**
 * A Child SA between 10.0.0.0/16 and 192.168.1.0/24 with AES-GCM, from which XFRM objects are made.
 */

import type { ChildPlace } from "../../../src/concentrator/dataplane/xfrm-of-child.ts";
import { Encr } from "../../../src/crypto/transform.ts";
import { DEFAULT_CHILD } from "../../../src/eroute/defaults.ts";
import { espAlgorithmsOf } from "../../../src/ike/algorithms.ts";
import type { ChildKeys } from "../../../src/ike/effect.ts";
import { asEspSpi } from "../../../src/inet/esp-spi.ts";
import { prefixRange } from "../../../src/inet/prefix.ts";
import { asInstant } from "../../../src/octets/instant.ts";
import type { TrafficSelector } from "../../../src/wire/traffic-selector.ts";
import { addressOf, OUR_REQID, prefixOf } from "../../contract/xfrm-samples.ts";

export const KEYS: ChildKeys = {
  in: { encryption: octetsFrom(0x10), integrity: new Uint8Array() },
  out: { encryption: octetsFrom(0x10), integrity: new Uint8Array() },
};

/** Between 192.0.2.1, which is ours, and 192.0.2.11. */
export function childPlace(): ChildPlace {
  const encr = { id: Encr.AES_GCM_16, keyBits: 128 };
  const algorithms = espAlgorithmsOf({ encr, integ: 0, prf: 0, ke: 0, esn: false });
  if (algorithms === undefined) throw new Error("AES-GCM is built in");
  const [local, remote] = [addressOf("192.0.2.1"), addressOf("192.0.2.11")];
  return {
    child: {
      spiIn: asEspSpi(0xc0ff_ee02),
      spiOut: asEspSpi(0xc0ff_ee01),
      algorithms,
      mode: "tunnel",
      local: [selectorOf("10.0.0.0/16")],
      remote: [selectorOf("192.168.1.0/24")],
      createdAt: asInstant(0),
      rekeyAt: undefined,
      redundantUntil: undefined,
      struggle: undefined,
      replaces: undefined,
    },
    path: { local: { address: local, port: 500 }, remote: { address: remote, port: 500 } },
    encapsulate: false,
    reqid: OUR_REQID,
    options: DEFAULT_CHILD,
    remoteSubnets: [prefixOf("192.168.1.0/24")],
  };
}

/** All packets of a subnet. */
export function selectorOf(subnet: string): TrafficSelector {
  const range = prefixRange(prefixOf(subnet));
  return { protocol: 0, startPort: 0, endPort: 65_535, range };
}

/** Key and salt. */
function octetsFrom(first: number): Uint8Array {
  return Uint8Array.from({ length: 20 }, (_, i) => first + i);
}
