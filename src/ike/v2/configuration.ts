/** Configuration requests of a site: its inner address, what lies behind us (RFC 7296 §2.19). */

import {
  type Address,
  addressOctets,
  type Family,
  familyBits,
  formatAddress,
} from "../../inet/address.ts";
import type { Prefix } from "../../inet/prefix.ts";
import { rangePrefixes } from "../../inet/range.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { Writer } from "../../octets/writer.ts";
import type { TrafficSelector } from "../../wire/traffic-selector.ts";
import type { CpPayload, Payload } from "../../wire/v2/message.ts";
import { CfgAttribute, CfgType } from "../../wire/v2/payload/cp.ts";
import type { ChildPolicy } from "../child-sa.ts";
import type { Refusal } from "../refusal.ts";
import { selectorTexts } from "../selector-text.ts";
import { payloadOf } from "./find-payload.ts";

/** Types of the attributes of a CFG_REQUEST in its order; their values are wishes: not heeded. */
export type ConfigurationRequest = readonly number[];

/** What a site is given. */
export type Configuration = {
  /** The CFG_REPLY; undefined for who did not ask for anything (§2.19). */
  readonly reply: CpPayload | undefined;
  /** Inner addresses in it. */
  readonly addresses: readonly Address[];
};

type Giving = Pick<ChildPolicy, "local" | "remote" | "dns">;

/** What a site asks for; undefined if for nothing. CFG_SET is passed over, as §3.15 allows. */
export function configurationRequestOf(
  payloads: readonly Payload[],
): ConfigurationRequest | undefined {
  const cp = payloadOf(payloads, "CP");
  return cp?.cfgType === CfgType.REQUEST ? cp.attributes.map(({ type }) => type) : undefined;
}

/**
 * What a site gets. An inner address is what of its own remote subnets is a single address, and no
 * other; who asks for one, and has none of any family asked for, is refused (§3.15.4).
 */
export function configure(
  request: ConfigurationRequest | undefined,
  policy: Giving,
): Result<Configuration, Refusal> {
  if (request === undefined) return ok({ reply: undefined, addresses: [] });
  const asked = FAMILIES.filter((family) => request.includes(ADDRESS[family]));
  const addresses = asked.flatMap((family) => {
    const count = request.filter((type) => type === ADDRESS[family]).length;
    return singleAddresses(policy.remote, family).slice(0, count);
  });
  if (asked.length > 0 && addresses.length === 0) {
    const own = selectorTexts(policy.remote);
    return err({ kind: "no-internal-address", asked: asked.map(familyText), own });
  }
  const attributes = [
    ...addresses.flatMap((address) => addressAttributes(address, request)),
    ...policy.dns.map((server) => ({ type: DNS[server.family], value: addressOctets(server) })),
    ...policy.local.flatMap(({ range }) => rangePrefixes(range).map(subnetAttribute)),
  ];
  if (request.includes(CfgAttribute.SUPPORTED_ATTRIBUTES)) attributes.push(SUPPORTED);
  return ok({ reply: { kind: "CP", cfgType: CfgType.REPLY, attributes }, addresses });
}

/** `192.168.1.1, fd00::1`: for the journal. */
export function addressesText(addresses: readonly Address[]): string {
  return addresses.map(formatAddress).join(", ");
}

type Attribute = CpPayload["attributes"][number];

const FAMILIES: readonly Family[] = [4, 6];
const { INTERNAL_IP4_ADDRESS, INTERNAL_IP4_NETMASK, INTERNAL_IP6_ADDRESS } = CfgAttribute;
const ADDRESS = { 4: INTERNAL_IP4_ADDRESS, 6: INTERNAL_IP6_ADDRESS } as const;
const DNS = { 4: CfgAttribute.INTERNAL_IP4_DNS, 6: CfgAttribute.INTERNAL_IP6_DNS } as const;
const SUBNET = {
  4: CfgAttribute.INTERNAL_IP4_SUBNET,
  6: CfgAttribute.INTERNAL_IP6_SUBNET,
} as const;

/** What we answer with: two octets a type (§3.15.1). */
const SUPPORTED: Attribute = {
  type: CfgAttribute.SUPPORTED_ATTRIBUTES,
  value: [...Object.values(CfgAttribute)]
    .reduce((w, type) => w.u16(type), new Writer(2 * Object.keys(CfgAttribute).length))
    .done(),
};

function singleAddresses(selectors: readonly TrafficSelector[], family: Family): Address[] {
  return selectors
    .filter(({ range }) => range.family === family && range.first === range.last)
    .map(({ range }) => ({ family, value: range.first }));
}

/** The mask is for a site that asks for it, and only together with an address (§3.15.1). */
function addressAttributes(address: Address, request: ConfigurationRequest): readonly Attribute[] {
  const value = addressOctets(address);
  if (address.family === 6) return [{ type: ADDRESS[6], value: withLength(value, 128) }];
  const own = { type: ADDRESS[4], value };
  if (!request.includes(INTERNAL_IP4_NETMASK)) return [own];
  return [own, { type: INTERNAL_IP4_NETMASK, value: maskOctets(32) }];
}

/** Of IPv4 address and mask, of IPv6 address and prefix length. */
function subnetAttribute(subnet: Prefix): Attribute {
  const value = addressOctets(subnet);
  const type = SUBNET[subnet.family];
  if (subnet.family === 6) return { type, value: withLength(value, subnet.length) };
  return { type, value: new Writer(8).octets(value).octets(maskOctets(subnet.length)).done() };
}

function withLength(address: Uint8Array, length: number): Uint8Array {
  return new Writer(17).octets(address).u8(length).done();
}

function maskOctets(length: number): Uint8Array {
  const bits = familyBits(4);
  const hosts = (1n << BigInt(bits - length)) - 1n;
  return addressOctets({ family: 4, value: 0xffff_ffffn ^ hosts });
}

function familyText(family: Family): string {
  return `IPv${family}`;
}
