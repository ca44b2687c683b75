/** The IDs of Quick Mode, which say what traffic an SA carries (RFC 2407 §4.6.2, RFC 2409 §5.5). */

import { type Address, addressFromOctets, addressOctets, familyBits } from "../../inet/address.ts";
import { prefixOf, prefixRange } from "../../inet/prefix.ts";
import { rangePrefix } from "../../inet/range.ts";
import type { TrafficSelector } from "../traffic-selector.ts";
import type { IdPayload } from "./message.ts";
import { IdType } from "./payload/id.ts";

/**
 * The traffic that an ID names; undefined if it names no addresses, or a mask has holes, or a range
 * ends before it begins. Port 0 is every port.
 */
export function selectorOfId({ identity, protocol, port }: IdPayload): TrafficSelector | undefined {
  const range = rangeOf(identity.idType, identity.data);
  if (range === undefined) return undefined;
  const ports = port === 0 ? { startPort: 0, endPort: 65535 } : { startPort: port, endPort: port };
  return { protocol, ...ports, range };
}

function rangeOf(idType: number, data: Uint8Array): TrafficSelector["range"] | undefined {
  switch (idType) {
    case IdType.IPV4_ADDR:
    case IdType.IPV6_ADDR: {
      const address = addressFromOctets(data);
      if (address === undefined) return undefined;
      return { family: address.family, first: address.value, last: address.value };
    }
    case IdType.IPV4_ADDR_SUBNET:
    case IdType.IPV6_ADDR_SUBNET: {
      const [address, mask] = halvesOf(data);
      const length = mask === undefined ? undefined : maskLength(mask);
      if (address === undefined || length === undefined) return undefined;
      return prefixRange(prefixOf(address, length));
    }
    case IdType.IPV4_ADDR_RANGE:
    case IdType.IPV6_ADDR_RANGE: {
      const [first, last] = halvesOf(data);
      if (first === undefined || last === undefined || first.value > last.value) return undefined;
      return { family: first.family, first: first.value, last: last.value };
    }
    default:
      return undefined;
  }
}

function halvesOf(data: Uint8Array): readonly [Address | undefined, Address | undefined] {
  const half = data.length / 2;
  return [addressFromOctets(data.subarray(0, half)), addressFromOctets(data.subarray(half))];
}

/** How many ones a mask begins with; undefined if a one follows a zero. */
function maskLength({ family, value }: Address): number | undefined {
  const bits = familyBits(family);
  const zeros = (1n << BigInt(bits)) - 1n - value;
  if ((zeros & (zeros + 1n)) !== 0n) return undefined;
  return bits - zeros.toString(2).length + (zeros === 0n ? 1 : 0);
}

/**
 * The ID of a selector: an address, a subnet or a range. It can name one port or all of them:
 * several ports become all, so the selector has to have one or all.
 */
export function idOfSelector({ protocol, startPort, endPort, range }: TrafficSelector): IdPayload {
  const { family, first, last } = range;
  const prefix = rangePrefix(range);
  const isIpv4 = family === 4;
  const port = startPort === endPort ? startPort : 0;
  const octets = (value: bigint) => addressOctets({ family, value });
  const id = (idType: number, ...values: readonly bigint[]): IdPayload => {
    const data = new Uint8Array(values.flatMap((value) => [...octets(value)]));
    return { kind: "ID", identity: { idType, data }, protocol, port };
  };
  if (first === last) return id(isIpv4 ? IdType.IPV4_ADDR : IdType.IPV6_ADDR, first);
  if (prefix === undefined) {
    return id(isIpv4 ? IdType.IPV4_ADDR_RANGE : IdType.IPV6_ADDR_RANGE, first, last);
  }
  const bits = familyBits(family);
  const ones = (1n << BigInt(bits)) - 1n;
  const mask = ones ^ (ones >> BigInt(prefix.length));
  return id(isIpv4 ? IdType.IPV4_ADDR_SUBNET : IdType.IPV6_ADDR_SUBNET, first, mask);
}
