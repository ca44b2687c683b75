/** What this machine's kernel has allocated for itself, and for what (/proc/slabinfo). */

import { readFileSync } from "node:fs";

export type KernelMemory = {
  readonly kib: number;
  /** By cache: states are in one of their own, policies and ciphers in those of their size. */
  readonly caches: ReadonlyMap<string, number>;
};

const KIB = 1_024;

/** At this moment. */
export function kernelMemory(): KernelMemory {
  const meminfo = readFileSync("/proc/meminfo", "utf8");
  const of = (name: string) => Number(new RegExp(`^${name}: +(\\d+)`, "m").exec(meminfo)?.[1] ?? 0);
  const caches = new Map<string, number>();
  for (const text of readFileSync("/proc/slabinfo", "utf8").split("\n").slice(2)) {
    const [name = "", , objects, octets] = text.split(/\s+/);
    if (name !== "") caches.set(name, (Number(objects) * Number(octets)) / KIB);
  }
  return { kib: of("Slab") + of("VmallocUsed"), caches };
}

/** The caches that have grown most, in KiB. */
export function grownCaches(
  before: KernelMemory,
  after: KernelMemory,
  count: number,
): readonly (readonly [name: string, kib: number])[] {
  return [...after.caches]
    .map(([name, kib]) => [name, kib - (before.caches.get(name) ?? 0)] as const)
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, count);
}
