/** Sample states and policies; documentation addresses, all with reqids of ours. */

import { type Address, parseAddress } from "../../src/inet/address.ts";
import { asEspSpi } from "../../src/inet/esp-spi.ts";
import { type Prefix, parsePrefix } from "../../src/inet/prefix.ts";
import type { XfrmPolicy } from "../../src/xfrm/policy.ts";
import { selectorPriority } from "../../src/xfrm/priority.ts";
import type { XfrmSelector } from "../../src/xfrm/selector.ts";
import type { XfrmLifetime, XfrmProtection, XfrmState } from "../../src/xfrm/state.ts";

export const OUR_REQID = 0x4500_0007;
export const FOREIGN_REQID = 0x1234;

export const AES_GCM: XfrmProtection = {
  kind: "aead",
  aead: { name: "rfc4106(gcm(aes))", key: octetsFrom(0x10, 20), icvBits: 128 },
};

export const AES_CBC_SHA256: XfrmProtection = {
  kind: "crypt-auth",
  crypt: { name: "cbc(aes)", key: octetsFrom(0x30, 16) },
  auth: { name: "hmac(sha256)", key: octetsFrom(0x50, 32), truncBits: 128 },
};

export const WITHOUT_LIMITS: XfrmLifetime = {
  softSeconds: undefined,
  hardSeconds: undefined,
  softOctets: undefined,
  hardOctets: undefined,
  softPackets: undefined,
  hardPackets: undefined,
};

/** An inbound state over IPv4 with AES-GCM, unless `changes` say otherwise. */
export function stateLike(changes: Partial<XfrmState> = {}): XfrmState {
  return {
    id: { src: addressOf("192.0.2.1"), dst: addressOf("192.0.2.2"), spi: asEspSpi(0xc0ffee01) },
    direction: "in",
    reqid: OUR_REQID,
    mode: "tunnel",
    protection: AES_GCM,
    encapsulation: undefined,
    replayWindow: 32,
    esn: false,
    outerHeader: { copyDscp: true, ecn: true, pathMtuDiscovery: true },
    lifetime: WITHOUT_LIMITS,
    selector: undefined,
    mark: undefined,
    ifId: undefined,
    ...changes,
  };
}

/** An outbound policy between two subnets that protects, unless `changes` say otherwise. */
export function policyLike(
  subnets: { readonly src: string; readonly dst: string },
  changes: Partial<XfrmPolicy> = {},
): XfrmPolicy {
  const selector = selectorOf(subnets.src, subnets.dst);
  const id = { selector, direction: "out", mark: undefined, ifId: undefined } as const;
  return {
    id,
    priority: selectorPriority(id),
    action: "protect",
    template: {
      src: addressOf("192.0.2.2"),
      dst: addressOf("192.0.2.1"),
      reqid: OUR_REQID,
      mode: "tunnel",
    },
    ...changes,
  };
}

export function selectorOf(src: string, dst: string): XfrmSelector {
  const ports = { protocol: 0, srcPort: undefined, dstPort: undefined };
  return { src: prefixOf(src), dst: prefixOf(dst), ...ports };
}

export function addressOf(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`not an address: ${text}`);
  return address;
}

export function prefixOf(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new Error(`not a subnet: ${text}`);
  return prefix;
}

function octetsFrom(first: number, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => first + i);
}
