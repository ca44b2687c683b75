/** Configuration requests of a site: its inner address, and our subnets (RFC 7296 §2.19). */

import { type Address, addressOctets, type Family, formatAddress } from "../../inet/address.ts";
import type { Prefix } from "../../inet/prefix.ts";
import { rangePrefixes } from "../../inet/range.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { Writer } from "../../octets/writer.ts";
import type { CpPayload, Payload } from "../../wire/v2/message.ts";
import { CfgAttribute, CfgType } from "../../wire/v2/payload/cp.ts";
import type { ChildPolicy } from "../child-sa.ts";
import { innerAddresses, maskOctets } from "../inner-address.ts";
import type { Refusal } from "../refusal.ts";
import { selectorTexts } from "../selector-text.ts";
import { payloadOf } from "./find-payload.ts";

/** The attribute types of a CFG_REQUEST, in order; their values are only wishes and ignored. */
export type ConfigurationRequest = readonly number[];

/** What a site gets. */
export type Configuration = {
  /** The CFG_REPLY; undefined if the site asked for nothing (§2.19). */
  readonly reply: CpPayload | undefined;
  /** The inner addresses in it. */
  readonly addresses: readonly Address[];
};

type Giving = Pick<ChildPolicy, "local" | "remote" | "dns">;

/** What a site asks for; undefined: nothing. CFG_SET is ignored, as §3.15 allows. */
export function configurationRequestOf(
  payloads: readonly Payload[],
): ConfigurationRequest | undefined {
  const cp = payloadOf(payloads, "CP");
  return cp?.cfgType === CfgType.REQUEST ? cp.attributes.map(({ type }) => type) : undefined;
}

/**
 * What a site gets. Its inner addresses are those of its own remote subnets that are one address. A
 * site that asks for an address and has none of the families it asks for is refused (§3.15.4).
 */
export function configure(
  request: ConfigurationRequest | undefined,
  policy: Giving,
): Result<Configuration, Refusal> {
  return request === undefined ? ok(NOTHING_ASKED) : given(request, policy);
}

const NOTHING_ASKED: Configuration = { reply: undefined, addresses: [] };

function given(request: ConfigurationRequest, policy: Giving): Result<Configuration, Refusal> {
  const asked = FAMILIES.filter((family) => request.includes(ADDRESS[family]));
  const addresses = asked.flatMap((family) => {
    const count = request.filter((type) => type === ADDRESS[family]).length;
    return innerAddresses(policy.remote, family).slice(0, count);
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

/** `192.168.1.1, fd00::1`, for the journal. */
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

/** The attribute types that we support: two octets each (§3.15.1). */
const SUPPORTED: Attribute = {
  type: CfgAttribute.SUPPORTED_ATTRIBUTES,
  value: [...Object.values(CfgAttribute)]
    .reduce((w, type) => w.u16(type), new Writer(2 * Object.keys(CfgAttribute).length))
    .done(),
};

/** A netmask is sent only on request, and only with an address (§3.15.1). */
function addressAttributes(address: Address, request: ConfigurationRequest): readonly Attribute[] {
  const value = addressOctets(address);
  if (address.family === 6) return [{ type: ADDRESS[6], value: withLength(value, 128) }];
  const own = { type: ADDRESS[4], value };
  if (!request.includes(INTERNAL_IP4_NETMASK)) return [own];
  return [own, { type: INTERNAL_IP4_NETMASK, value: maskOctets(32) }];
}

/** An IPv4 address and mask, or an IPv6 address and prefix length. */
function subnetAttribute(subnet: Prefix): Attribute {
  const value = addressOctets(subnet);
  const type = SUBNET[subnet.family];
  if (subnet.family === 6) return { type, value: withLength(value, subnet.length) };
  return { type, value: new Writer(8).octets(value).octets(maskOctets(subnet.length)).done() };
}

function withLength(address: Uint8Array, length: number): Uint8Array {
  return new Writer(17).octets(address).u8(length).done();
}

function familyText(family: Family): string {
  return `IPv${family}`;
}
