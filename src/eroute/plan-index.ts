/**
 * What a plan has under a name or for a peer ID, found without a walk over all of it: there may be
 * thousands of eroutes and users. A plan never changes, so its index is made once.
 */

import type { Egroup, Eroute, EroutePlan, LocalUser } from "./eroute.ts";
import { matchesPattern } from "./pattern.ts";
import { createPatternIndex, type PatternIndex, putPattern, valuesFor } from "./pattern-index.ts";
import { PEER_ID_LENGTH_MAX, peerKey } from "./peer-id.ts";

/** Eroutes whose pattern matches the ID, in the order of the plan. */
export function eroutesFor(plan: EroutePlan, peerId: string): readonly Eroute[] {
  const { eroutes } = plan;
  if (peerId.length > PEER_ID_LENGTH_MAX) return [];
  if (eroutes.length <= WALKED_MAX) {
    return eroutes.filter(({ peerid }) => matchesPattern(peerid, peerId));
  }
  return [...valuesFor(indexOf(plan).patterns, peerId)]
    .sort((a, b) => a - b)
    .flatMap((place) => eroutes[place] ?? [])
    .filter(({ peerid }) => matchesPattern(peerid, peerId));
}

/** The eroute of this name. */
export function erouteNamed(plan: EroutePlan, name: string): Eroute | undefined {
  return indexOf(plan).eroutes.get(name);
}

/** The egroup of this name. */
export function egroupNamed(plan: EroutePlan, name: string): Egroup | undefined {
  return indexOf(plan).egroups.get(name);
}

/** The local user of this name; names are compared as peer IDs are. */
export function userNamed(plan: EroutePlan, peerId: string): LocalUser | undefined {
  return indexOf(plan).users.get(peerKey(peerId));
}

/** So few patterns are compared faster than looked up. */
const WALKED_MAX = 8;

type PlanIndex = {
  /** By pattern, places in the plan. */
  readonly patterns: PatternIndex<number>;
  readonly eroutes: ReadonlyMap<string, Eroute>;
  readonly egroups: ReadonlyMap<string, Egroup>;
  /** By key of their name. */
  readonly users: ReadonlyMap<string, LocalUser>;
};

const indexes = new WeakMap<EroutePlan, PlanIndex>();

function indexOf(plan: EroutePlan): PlanIndex {
  const known = indexes.get(plan);
  if (known !== undefined) return known;
  const patterns = createPatternIndex<number>();
  for (const [place, { peerid }] of plan.eroutes.entries()) putPattern(patterns, peerid, place);
  const made: PlanIndex = {
    patterns,
    eroutes: firstOf(plan.eroutes, ({ name }) => name),
    egroups: firstOf(plan.egroups, ({ name }) => name),
    users: firstOf(plan.users, ({ name }) => peerKey(name)),
  };
  indexes.set(plan, made);
  return made;
}

function firstOf<T>(all: readonly T[], keyOf: (one: T) => string): ReadonlyMap<string, T> {
  return new Map(all.toReversed().map((one) => [keyOf(one), one]));
}
