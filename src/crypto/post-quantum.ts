/** Key exchanges that a quantum computer does not break, and suites that demand one of them. */

import type { Suite } from "./suite.ts";
import { Ke } from "./transform.ts";

const METHODS: ReadonlySet<number> = new Set([Ke.ML_KEM_512, Ke.ML_KEM_768, Ke.ML_KEM_1024]);

export function isPostQuantumMethod(method: number): boolean {
  return METHODS.has(method);
}

/**
 * What is left of the suites if one key exchange has to be post-quantum: the first one, or else the
 * first additional one that may be. Empty if none can. The same suites give the same list.
 */
export function demandPostQuantum(suites: readonly Suite[]): readonly Suite[] {
  const known = demanded.get(suites);
  if (known !== undefined) return known;
  const made = suites.flatMap(demandingSuites);
  demanded.set(suites, made);
  return made;
}

/** Sites of one eroute share what is made of its suites. */
const demanded = new WeakMap<readonly Suite[], readonly Suite[]>();

function demandingSuites(suite: Suite): readonly Suite[] {
  const first = suite.ke.filter(isPostQuantumMethod);
  const others = suite.ke.filter((method) => !isPostQuantumMethod(method));
  const made: Suite[] = first.length === 0 ? [] : [{ ...suite, ke: first }];
  const place = suite.additional?.findIndex((methods) => methods.some(isPostQuantumMethod)) ?? -1;
  if (others.length === 0 || place < 0) return made;
  const additional = suite.additional?.map((methods, i) =>
    i === place ? methods.filter(isPostQuantumMethod) : methods,
  );
  return additional === undefined ? made : [...made, { ...suite, ke: others, additional }];
}
