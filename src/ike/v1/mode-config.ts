/**
 * Mode Config: what a site gets inside, whether it asks (pull) or is told (push)
 * (draft-dukes-ike-mode-cfg-02 §3).
 */

import { type Address, addressOctets, type Family, formatAddress } from "../../inet/address.ts";
import type { Prefix } from "../../inet/prefix.ts";
import { rangePrefixes } from "../../inet/range.ts";
import { concat } from "../../octets/concat.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { Writer } from "../../octets/writer.ts";
import { CfgAttribute, CfgType } from "../../wire/v1/cfg-attribute.ts";
import type { Attribute, AttributePayload } from "../../wire/v1/message.ts";
import type { ChildPolicy } from "../child-sa.ts";
import { innerAddresses, maskOctets } from "../inner-address.ts";
import type { Refusal } from "../refusal.ts";
import { selectorTexts } from "../selector-text.ts";

/** What a site gets. */
export type ModeConfig = {
  /** The REPLY or SET. */
  readonly payload: AttributePayload;
  /** The inner addresses in it. */
  readonly addresses: readonly Address[];
};

type Giving = Pick<ChildPolicy, "local" | "remote" | "dns"> & {
  /** Whether the site understands Cisco's attributes. */
  readonly isUnity: boolean;
};

/**
 * The REPLY to a REQUEST: only what was asked for and is known here; wishes in it are ignored. A
 * site that asks for an address and has none of the families it asks for is refused.
 */
export function modeConfigReply(
  request: AttributePayload,
  giving: Giving,
): Result<ModeConfig, Refusal> {
  const asked = new Set(request.attributes.map(({ type }) => type));
  const families = FAMILIES.filter((family) => asked.has(ADDRESS[family]));
  const addresses = families.flatMap((family) => firstAddress(giving, family));
  if (families.length > 0 && addresses.length === 0) {
    const own = selectorTexts(giving.remote);
    return err({ kind: "no-internal-address", asked: families.map((f) => `IPv${f}`), own });
  }
  const attributes = attributesFor(addresses, giving).filter(({ type }) => asked.has(type));
  const { identifier } = request;
  const payload = { kind: "ATTRIBUTE", cfgType: CfgType.REPLY, identifier, attributes } as const;
  return ok({ payload, addresses });
}

/** A SET with all that the site may have. */
export function modeConfigSet(identifier: number, giving: Giving): ModeConfig {
  const addresses = FAMILIES.flatMap((family) => firstAddress(giving, family));
  const attributes = attributesFor(addresses, giving);
  const payload = { kind: "ATTRIBUTE", cfgType: CfgType.SET, identifier, attributes } as const;
  return { payload, addresses };
}

/** Whether the ACK of a SET names an address: attributes that a site does not take are left out. */
export function acceptsAddress({ attributes }: AttributePayload): boolean {
  return attributes.some(({ type }) => FAMILIES.some((family) => ADDRESS[family] === type));
}

/** The ACK of a peer's SET: the types that it names, without values. */
export function modeConfigAck({ identifier, attributes: set }: AttributePayload): AttributePayload {
  const attributes = set.map(({ type }): Attribute => ({ type, form: "TLV", octets: NOTHING }));
  return { kind: "ATTRIBUTE", cfgType: CfgType.ACK, identifier, attributes };
}

/** `192.168.1.1, fd00::1`, for the journal. */
export function modeConfigText({ addresses }: Pick<ModeConfig, "addresses">): string {
  return addresses.map(formatAddress).join(", ");
}

function firstAddress({ remote }: Giving, family: Family): readonly Address[] {
  return innerAddresses(remote, family).slice(0, 1);
}

function attributesFor(addresses: readonly Address[], giving: Giving): readonly Attribute[] {
  const { local, dns, isUnity } = giving;
  const subnets = local.flatMap(({ range }) => rangePrefixes(range));
  return [
    ...addresses.flatMap(addressAttributes),
    ...dns.map((server) => tlv(DNS[server.family], addressOctets(server))),
    ...subnets.map(subnetAttribute),
    ...(isUnity ? splitInclude(subnets) : []),
  ];
}

function addressAttributes(address: Address): readonly Attribute[] {
  const own = tlv(ADDRESS[address.family], addressOctets(address));
  if (address.family === 6) return [own];
  return [own, tlv(CfgAttribute.INTERNAL_IP4_NETMASK, maskOctets(32))];
}

/** An IPv4 address and mask, or an IPv6 address and prefix length. */
function subnetAttribute(subnet: Prefix): Attribute {
  if (subnet.family === 4) return tlv(CfgAttribute.INTERNAL_IP4_SUBNET, netOctets(subnet));
  const octets = new Writer(17).octets(addressOctets(subnet)).u8(subnet.length).done();
  return tlv(CfgAttribute.INTERNAL_IP6_SUBNET, octets);
}

/**
 * All networks in one attribute: address, mask, and six octets for protocol and ports. Without it
 * all of the site's traffic comes here: so nothing is sent where that is meant.
 */
function splitInclude(subnets: readonly Prefix[]): readonly Attribute[] {
  const nets = subnets.filter(({ family }) => family === 4);
  if (nets.length === 0 || nets.some(({ length }) => length === 0)) return [];
  const entries = nets.map((net) => concat(netOctets(net), new Uint8Array(6)));
  return [tlv(CfgAttribute.UNITY_SPLIT_INCLUDE, concat(...entries))];
}

function netOctets(subnet: Prefix): Uint8Array {
  return concat(addressOctets(subnet), maskOctets(subnet.length));
}

function tlv(type: number, octets: Uint8Array): Attribute {
  return { type, form: "TLV", octets };
}

const FAMILIES: readonly Family[] = [4, 6];
const ADDRESS = {
  4: CfgAttribute.INTERNAL_IP4_ADDRESS,
  6: CfgAttribute.INTERNAL_IP6_ADDRESS,
} as const;
const DNS = { 4: CfgAttribute.INTERNAL_IP4_DNS, 6: CfgAttribute.INTERNAL_IP6_DNS } as const;
const NOTHING = new Uint8Array(0);
