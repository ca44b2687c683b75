/**
 * Values by subnet: finds those of one subnet, and of all subnets around it, without visiting the
 * rest.
 */

import { numberKeys, textKeys } from "../octets/key-column.ts";
import { LongMap } from "../octets/long-map.ts";
import { type TextPlace, TextRuns } from "../octets/text-runs.ts";
import { type Family, familyBits } from "./address.ts";
import { type Prefix, prefixOf } from "./prefix.ts";

export type PrefixTable<T> = {
  readonly v4: LongMap<number, Kept>;
  readonly v6: LongMap<string, Kept>;
  readonly keeper: Keeper<T>;
  /** How many values the subnets of each length have, by family. */
  readonly lengths: Readonly<Record<Family, Map<number, number>>>;
};

/** The only value of a subnet, or its values. */
type Kept = number | readonly number[];

/** Values as numbers, which take no memory of their own. */
type Keeper<T> = {
  keep(value: T): number;
  valueOf(kept: number): T;
  drop(kept: number): void;
};

/** A table of numbers. */
export function createPrefixTable<T extends number>(): PrefixTable<T> {
  return tableWith({ keep: (value) => value, valueOf: (kept) => kept as T, drop: () => undefined });
}

/** `texts` has one for each value. */
export type TextPrefixTable = PrefixTable<string> & { readonly texts: TextRuns };

/** A table of texts. */
export function createTextPrefixTable(): TextPrefixTable {
  const texts = new TextRuns();
  const table = tableWith<string>({
    keep: (text) => texts.put(text),
    valueOf: (place) => texts.at(place as TextPlace),
    drop: (place) => texts.free(place as TextPlace),
  });
  return Object.assign(table, { texts });
}

/** How many values the table has. */
export function countValues<T>({ lengths }: PrefixTable<T>): number {
  let sum = 0;
  for (const ofFamily of Object.values(lengths)) {
    for (const count of ofFamily.values()) sum += count;
  }
  return sum;
}

function tableWith<T>(keeper: Keeper<T>): PrefixTable<T> {
  const [v4, v6] = [new LongMap<number, Kept>(numberKeys), new LongMap<string, Kept>(textKeys)];
  return { v4, v6, keeper, lengths: { 4: new Map(), 6: new Map() } };
}

/** Adds a value to its subnet, after those that are there already. */
export function putAt<T>(table: PrefixTable<T>, subnet: Prefix, value: T): void {
  const added = table.keeper.keep(value);
  const before = keptAt(table, subnet);
  setAt(table, subnet, before.length === 0 ? added : [...before, added]);
  const ofFamily = table.lengths[subnet.family];
  ofFamily.set(subnet.length, (ofFamily.get(subnet.length) ?? 0) + 1);
}

/** Removes a value from its subnet, if it is there. */
export function takeFrom<T>(table: PrefixTable<T>, subnet: Prefix, value: T): void {
  const { keeper, lengths } = table;
  const kept = keptAt(table, subnet);
  const at = kept.findIndex((one) => keeper.valueOf(one) === value);
  const taken = kept[at];
  if (taken === undefined) return;
  const [first, ...others] = kept.toSpliced(at, 1);
  setAt(table, subnet, first === undefined || others.length === 0 ? first : [first, ...others]);
  keeper.drop(taken);
  const ofFamily = lengths[subnet.family];
  const left = (ofFamily.get(subnet.length) ?? 0) - 1;
  if (left > 0) ofFamily.set(subnet.length, left);
  else ofFamily.delete(subnet.length);
}

/** The values of exactly this subnet. */
export function valuesAt<T>(table: PrefixTable<T>, subnet: Prefix): readonly T[] {
  return keptAt(table, subnet).map((one) => table.keeper.valueOf(one));
}

/** All subnets that have values, which are read only of those that somebody asks for them. */
export function* subnetsOf<T>({ v4, v6, keeper }: PrefixTable<T>): Generator<Around<T>> {
  for (const [key, kept] of v4) yield new Found(subnetOfV4(key), kept, keeper);
  for (const [key, kept] of v6) yield new Found(subnetOfV6(key), kept, keeper);
}

/** What a walk is at; good until the table changes. */
class Found<T> implements Around<T> {
  readonly subnet: Prefix;
  readonly #kept: Kept;
  readonly #keeper: Keeper<T>;

  constructor(subnet: Prefix, kept: Kept, keeper: Keeper<T>) {
    this.subnet = subnet;
    this.#kept = kept;
    this.#keeper = keeper;
  }

  get values(): readonly T[] {
    return listOf(this.#kept).map((one) => this.#keeper.valueOf(one));
  }
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

function listOf(kept: Kept | undefined): readonly number[] {
  if (kept === undefined) return [];
  return typeof kept === "number" ? [kept] : kept;
}

function keptAt<T>({ v4, v6 }: PrefixTable<T>, subnet: Prefix): readonly number[] {
  return listOf(subnet.family === 4 ? v4.get(keyV4(subnet)) : v6.get(keyV6(subnet)));
}

/** Undefined: the subnet has none. */
function setAt<T>({ v4, v6 }: PrefixTable<T>, subnet: Prefix, kept: Kept | undefined): void {
  if (subnet.family === 4) setOrDelete(v4, keyV4(subnet), kept);
  else setOrDelete(v6, keyV6(subnet), kept);
}

function setOrDelete<Key>(map: LongMap<Key, Kept>, key: Key, kept: Kept | undefined): void {
  if (kept === undefined) map.delete(key);
  else map.set(key, kept);
}

/** More than the number of prefix lengths. */
const LENGTHS_V4 = 2 * familyBits(4);

function keyV4({ value, length }: Prefix): number {
  return Number(value) * LENGTHS_V4 + length;
}

function subnetOfV4(key: number): Prefix {
  const value = BigInt(Math.floor(key / LENGTHS_V4));
  return { family: 4, value, length: key % LENGTHS_V4 };
}

function keyV6({ value, length }: Prefix): string {
  return `${value.toString(16)}/${length}`;
}

function subnetOfV6(key: string): Prefix {
  const [value = "0", length] = key.split("/");
  return { family: 6, value: BigInt(`0x${value}`), length: Number(length) };
}
