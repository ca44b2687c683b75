/**
 * Values by subnet: finds those of one subnet, and of all subnets around it, without visiting the
 * rest.
 */

import { LongMap } from "../octets/long-map.ts";
import { type Family, familyBits } from "./address.ts";
import { type Prefix, prefixOf } from "./prefix.ts";

export type PrefixTable<T> = {
  readonly bySubnet: LongMap<SubnetKey, readonly T[]>;
  /** How many values the subnets of each length have, by family. */
  readonly lengths: Readonly<Record<Family, Map<number, number>>>;
};

/** A number for IPv4, which takes no memory of its own, and a bigint for IPv6. */
type SubnetKey = number | bigint;

export function createPrefixTable<T>(): PrefixTable<T> {
  return { bySubnet: new LongMap(), lengths: { 4: new Map(), 6: new Map() } };
}

/** Adds a value to its subnet, after those that are there already. */
export function putAt<T>({ bySubnet, lengths }: PrefixTable<T>, subnet: Prefix, value: T): void {
  const key = subnetKey(subnet);
  const before = bySubnet.get(key);
  bySubnet.set(key, before === undefined ? [value] : [...before, value]);
  const ofFamily = lengths[subnet.family];
  ofFamily.set(subnet.length, (ofFamily.get(subnet.length) ?? 0) + 1);
}

/** Removes a value from its subnet, if it is there. */
export function takeFrom<T>(table: PrefixTable<T>, subnet: Prefix, value: T): void {
  const key = subnetKey(subnet);
  const values = [...(table.bySubnet.get(key) ?? [])];
  const at = values.indexOf(value);
  if (at < 0) return;
  values.splice(at, 1);
  if (values.length > 0) table.bySubnet.set(key, values);
  else table.bySubnet.delete(key);
  const ofFamily = table.lengths[subnet.family];
  const left = (ofFamily.get(subnet.length) ?? 0) - 1;
  if (left > 0) ofFamily.set(subnet.length, left);
  else ofFamily.delete(subnet.length);
}

/** The values of exactly this subnet. */
export function valuesAt<T>({ bySubnet }: PrefixTable<T>, subnet: Prefix): readonly T[] {
  return bySubnet.get(subnetKey(subnet)) ?? [];
}

/** All subnets that have values. */
export function* subnetsOf<T>({ bySubnet }: PrefixTable<T>): Generator<Around<T>> {
  for (const [key, values] of bySubnet) yield { subnet: subnetOf(key), values };
}

export type Around<T> = { readonly subnet: Prefix; readonly values: readonly T[] };

/** This subnet and those that contain it, if they have values: the narrowest first. */
export function valuesAround<T>(table: PrefixTable<T>, inner: Prefix): readonly Around<T>[] {
  const around: Around<T>[] = [];
  for (const length of table.lengths[inner.family].keys()) {
    if (length > inner.length) continue;
    const subnet = prefixOf(inner, length);
    const values = valuesAt(table, subnet);
    if (values.length > 0) around.push({ subnet, values });
  }
  return around.sort((a, b) => b.subnet.length - a.subnet.length);
}

function subnetKey({ family, value, length }: Prefix): SubnetKey {
  if (family === 4) return Number(value) * LENGTHS_V4 + length;
  return (value << LENGTH_BITS_V6) | BigInt(length);
}

function subnetOf(key: SubnetKey): Prefix {
  if (typeof key === "number") {
    const value = BigInt(Math.floor(key / LENGTHS_V4));
    return { family: 4, value, length: key % LENGTHS_V4 };
  }
  const length = Number(BigInt.asUintN(Number(LENGTH_BITS_V6), key));
  return { family: 6, value: key >> LENGTH_BITS_V6, length };
}

/** More than the number of prefix lengths. */
const LENGTHS_V4 = 2 * familyBits(4);
const LENGTH_BITS_V6 = 8n;
