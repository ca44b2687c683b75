/** Subnets of a row: the site's own, and those on our side that it can reach (R10). */

import { type Address, type Family, formatAddress, parseAddress } from "../inet/address.ts";
import {
  containsPrefix,
  equalPrefix,
  formatPrefix,
  type Prefix,
  parseMask,
  prefixOf,
} from "../inet/prefix.ts";
import { countPairs, SUBNET_PAIRS_MAX, SUBNETS_MAX } from "../inet/subnet-pairs.ts";
import { ok, type Result } from "../octets/result.ts";
import type { BaseEroute, Egroup } from "./eroute.ts";
import type { PeerRow } from "./row.ts";
import { filled, type RowFault, rowFault } from "./row-fault.ts";

/** A column that holds one subnet or several, separated by commas or blanks. */
export function subnetTexts(column: string | null | undefined): readonly string[] {
  if (column === undefined || column === null || column === "") return [];
  if (!/[\s,]/.test(column)) return [column];
  return column.split(/[\s,]+/).filter((text) => text !== "");
}

/** The site's subnets: each inside what the base eroute covers (R10). */
export function rowRemoteSubnets(
  row: PeerRow,
  base: BaseEroute,
  egroup: Egroup,
): Result<readonly Prefix[], RowFault> {
  const texts = subnetTexts(row.remip);
  if (texts.length === 0) {
    const detail = `the row of ${row.peerid} has no remip: write the site's subnet there`;
    return rowFault("no-subnet", "remip", detail);
  }
  if (texts.length > SUBNETS_MAX) return tooMany(row, "remip", texts.length);
  const subnets: Prefix[] = [];
  for (const text of texts) {
    const subnet = rowSubnet(row, egroup, text);
    if (!subnet.ok) return subnet;
    if (!isWithin(subnet.value, base.remoteSubnets)) return outsideBase(row, base, subnet.value);
    if (!hasEqual(subnets, subnet.value)) subnets.push(subnet.value);
  }
  return ok(subnets);
}

function isWithin(subnet: Prefix, wholes: readonly Prefix[]): boolean {
  for (const whole of wholes) if (containsPrefix(whole, subnet)) return true;
  return false;
}

function hasEqual(subnets: readonly Prefix[], subnet: Prefix): boolean {
  for (const other of subnets) if (equalPrefix(other, subnet)) return true;
  return false;
}

/**
 * Our subnets that the site reaches: the row's, each inside the base eroute's, or all of the base
 * eroute's.
 */
export function rowLocalSubnets(
  row: PeerRow,
  base: BaseEroute,
  remote: readonly Prefix[],
): Result<readonly Prefix[], RowFault> {
  const subnets = locipSubnets(row, base, remote);
  if (!subnets.ok) return subnets;
  const pairs = countPairs(subnets.value, remote);
  if (pairs <= SUBNET_PAIRS_MAX) return subnets;
  const detail =
    `the row of ${row.peerid} joins ${subnets.value.length} subnets here with ` +
    `${remote.length} of its own: ${pairs} pairs, and one Child SA has room for ` +
    `${SUBNET_PAIRS_MAX}: write wider ones`;
  return rowFault("too-many-subnets", "remip", detail);
}

function locipSubnets(
  row: PeerRow,
  base: BaseEroute,
  remote: readonly Prefix[],
): Result<readonly Prefix[], RowFault> {
  const texts = subnetTexts(row.locip);
  if (texts.length === 0) return ok(base.localSubnets);
  if (texts.length > SUBNETS_MAX) return tooMany(row, "locip", texts.length);
  const subnets: Prefix[] = [];
  for (const text of texts) {
    const subnet = parseSubnet(text);
    if (subnet === undefined) {
      const detail =
        `locip of ${row.peerid} holds "${text}", not a subnet such as 10.0.1.0/24: ` +
        "correct it, or leave it empty for the eroute's local_subnet";
      return rowFault("bad-local-subnet", "locip", detail);
    }
    if (!isWithin(subnet, base.localSubnets)) return outsideLocal(row, base, subnet);
    if (!hasEqual(subnets, subnet)) subnets.push(subnet);
  }
  if (haveCommonFamily(remote, subnets)) return ok(subnets);
  const detail =
    `locip and remip of ${row.peerid} are of different IP versions: write a subnet of the same ` +
    "version in both";
  return rowFault("bad-local-subnet", "locip", detail);
}

function haveCommonFamily(some: readonly Prefix[], others: readonly Prefix[]): boolean {
  return some.some(({ family }) => others.some((other) => other.family === family));
}

function parseSubnet(text: string): Prefix | undefined {
  const slash = text.indexOf("/");
  const address = slash < 0 ? undefined : parseAddress(text.slice(0, slash));
  const length = address && parseMask(text.slice(slash + 1), address.family);
  return address === undefined || length === undefined ? undefined : prefixOf(address, length);
}

function rowSubnet(row: PeerRow, egroup: Egroup, text: string): Result<Prefix, RowFault> {
  const slash = text.indexOf("/");
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) {
    const detail =
      `remip of ${row.peerid} is "${text}", not a subnet address such as ` +
      "192.168.1.0 or 192.168.1.0/24";
    return rowFault("bad-subnet", "remip", detail);
  }
  const length = rowMask(row, egroup, address, slash < 0 ? undefined : text.slice(slash + 1));
  if (!length.ok) return length;
  // As the routers do: the mask clears the host bits of 192.168.1.1.
  return ok(prefixOf(address, length.value));
}

/** The prefix length: from remip, from remmsk, otherwise the egroup's for all sites (R12). */
function rowMask(
  row: PeerRow,
  egroup: Egroup,
  address: Address,
  behind: string | undefined,
): Result<number, RowFault> {
  const { family } = address;
  const remmsk = filled(row.remmsk);
  const ofRemip = behind === undefined ? undefined : parseMask(behind, family);
  if (behind !== undefined && ofRemip === undefined) {
    return maskFault(row, "remip", `/${behind}`, family);
  }
  const ofRemmsk = remmsk === undefined ? undefined : parseMask(remmsk, family);
  if (remmsk !== undefined && ofRemmsk === undefined) {
    return maskFault(row, "remmsk", remmsk, family);
  }
  if (ofRemip !== undefined && ofRemmsk !== undefined && ofRemip !== ofRemmsk) {
    const detail =
      `remip of ${row.peerid} ends in /${ofRemip}, but remmsk ${remmsk} is /${ofRemmsk}: ` +
      "make them equal, or leave remmsk empty";
    return rowFault("bad-mask", "remmsk", detail);
  }
  const ofEgroup = family === 4 ? egroup.remoteMask.v4 : egroup.remoteMask.v6;
  const length = ofRemip ?? ofRemmsk ?? ofEgroup;
  if (length !== undefined) return ok(length);
  const key = family === 4 ? "remote_mask" : "remote_mask6";
  const detail =
    `the row of ${row.peerid} gives no mask for ${formatAddress(address)}: ` +
    `write remmsk, or set ${key} of egroup ${egroup.name}`;
  return rowFault("bad-mask", "remmsk", detail);
}

function maskFault(
  row: PeerRow,
  column: "remip" | "remmsk",
  text: string,
  family: Family,
): Result<never, RowFault> {
  const example = family === 4 ? "255.255.255.0 or 24" : "64";
  const detail =
    `the mask "${text}" in ${column} of ${row.peerid} is not one of IPv${family}: ` +
    `write for example ${example}`;
  return rowFault("bad-mask", column, detail);
}

function outsideBase(row: PeerRow, base: BaseEroute, subnet: Prefix) {
  const whole = base.remoteSubnets.map(formatPrefix).join(", ");
  const detail =
    `the subnet of ${row.peerid} is ${formatPrefix(subnet)}, ` +
    `eroute ${base.name} covers ${whole}: ` +
    "correct remip and remmsk, or widen the eroute's remote_subnet";
  return rowFault("outside-base-subnet", "remip", detail);
}

function outsideLocal(row: PeerRow, base: BaseEroute, subnet: Prefix) {
  const whole = base.localSubnets.map(formatPrefix).join(", ");
  const detail =
    `locip of ${row.peerid} holds ${formatPrefix(subnet)}, ` +
    `local_subnet of eroute ${base.name} is ${whole}: correct one of them`;
  return rowFault("outside-base-local-subnet", "locip", detail);
}

function tooMany(row: PeerRow, column: "remip" | "locip", count: number) {
  const detail =
    `${column} of ${row.peerid} holds ${count} subnets, at most ${SUBNETS_MAX} are expected: ` +
    "write wider ones";
  return rowFault("too-many-subnets", column, detail);
}
