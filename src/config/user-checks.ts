/** R3: users and normal eroutes work only together. */

import { type Eroute, needsPsk, usesPsk } from "../eroute/eroute.ts";
import { isWild, matchesPattern } from "../eroute/pattern.ts";
import { createPatternIndex, putPattern, valuesFor } from "../eroute/pattern-index.ts";
import { peerKey } from "../eroute/peer-id.ts";
import type { Check } from "./check.ts";
import { called } from "./eroutes.ts";
import { quoted } from "./fault.ts";
import type { WithPattern } from "./pattern-checks.ts";
import type { ReadUser } from "./users.ts";

/** What one user and the eroutes need of each other. */
export function checkUsers(
  check: Check,
  eroutes: readonly WithPattern[],
  users: readonly ReadUser[],
): void {
  const { matching, named } = pairUp(eroutes, users);
  for (const eroute of eroutes) {
    if (eroute.kind === "normal") checkEroute(check, eroute, named.get(patternKey(eroute)) ?? []);
  }
  // A user of XAUTH is named by a site that has another ID.
  const hasXauth = eroutes.some(({ eroute }) => eroute?.versions.v1?.xauth === true);
  for (const user of users) {
    const own = matching.get(user) ?? [];
    if (own.length > 0 || !hasXauth) checkUser(check, user, own);
  }
}

type Pairs = {
  /** By user, the eroutes that match it, without those that are like an earlier one. */
  readonly matching: ReadonlyMap<ReadUser, readonly WithPattern[]>;
  /** By pattern, the first two users that it matches. */
  readonly named: ReadonlyMap<string, readonly ReadUser[]>;
};

function pairUp(eroutes: readonly WithPattern[], users: readonly ReadUser[]): Pairs {
  const index = createPatternIndex<{ readonly eroute: WithPattern; readonly place: number }>();
  const known = new Set<string>();
  for (const [place, eroute] of eroutes.entries()) {
    const key = `${eroute.kind} ${eroute.eroute?.ppk === "required"} ${patternKey(eroute)}`;
    if (known.has(key)) continue;
    known.add(key);
    putPattern(index, eroute.peerid, { eroute, place });
  }
  const matching = new Map<ReadUser, readonly WithPattern[]>();
  const named = new Map<string, ReadUser[]>();
  for (const user of users) {
    const found = [...valuesFor(index, user.name)]
      .filter(({ eroute }) => matchesPattern(eroute.peerid, user.name))
      .sort((a, b) => a.place - b.place)
      .map(({ eroute }) => eroute);
    matching.set(user, found);
    for (const key of new Set(found.map(patternKey))) {
      const own = named.get(key) ?? [];
      if (own.length < 2) named.set(key, [...own, user]);
    }
  }
  return { matching, named };
}

function patternKey({ peerid }: WithPattern): string {
  return peerKey(peerid.text);
}

function checkEroute(
  check: Check,
  { path, peerid, eroute }: WithPattern,
  [first, second]: readonly ReadUser[],
): void {
  const isAlways = eroute?.life.start === "always";
  if (isAlways && first === undefined && isWild(peerid)) {
    const what = `is ${quoted(peerid.text)}, but start is "always": it names no site to call`;
    check.fault([...path, "peerid"], what, "the ID of one site");
  }
  if (isAlways && first !== undefined && second !== undefined) {
    const both = `${quoted(first.name)} and ${quoted(second.name)}`;
    const what = `matches the users ${both}, but start is "always": only one is called`;
    check.fault([...path, "peerid"], what, "the ID of one user");
  }
  if (first !== undefined || (eroute !== undefined && !needsPsk(eroute.auth))) return;
  const what = `is ${quoted(peerid.text)}, which is no [[user]]'s name: no site can connect (R3)`;
  check.warn([...path, "peerid"], what, "a [[user]] with that ID");
}

function checkUser(
  check: Check,
  { path, name, user, weakness }: ReadUser,
  matching: readonly WithPattern[],
): void {
  const base = matching.find((eroute) => eroute.kind === "base");
  const at = [...path, "name"];
  if (base !== undefined) {
    const what = `is ${quoted(name)}, which base ${called(base)} sends to its database (R2)`;
    check.warn(at, what, "the key in the database, or another name");
    return;
  }
  if (matching.length === 0) {
    const what = `is ${quoted(name)}, which no eroute's peerid matches (R3)`;
    check.warn(at, what, "a normal [[eroute]] for it");
  }
  const aggressive = matching.find(({ eroute }) => allowsAggressive(eroute));
  if (weakness !== undefined && aggressive !== undefined) {
    const what = `has a password that ${weakness}`;
    const why = `${called(aggressive)} allows Aggressive Mode, so it can be guessed offline`;
    check.warn(path, `${what}; ${why}`, 'a long random password, or ikev1_mode = "main"');
  }
  const strict = matching.find(({ eroute }) => eroute?.ppk === "required");
  if (strict === undefined || user === undefined || user.ppk) return;
  const what = `is ${quoted(name)}, which has no PPK, but ppk of ${called(strict)} is "required"`;
  check.fault(at, what, "ppk_file or ppk_env beside it");
}

/** Whether a stranger may get a hash to try this eroute's keys on (RFC 2409 §5.4). */
function allowsAggressive(eroute: Eroute | undefined): boolean {
  if (eroute?.versions.v1 === undefined || !usesPsk(eroute.auth)) return false;
  return eroute.versions.v1.mode !== "main";
}
