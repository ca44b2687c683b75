/** Where the PPK with a PPK_ID may be found, for sites whose ID is not known yet (RFC 9867). */

import { toHex } from "../octets/hex.ts";
import { allowsVersion, type EroutePlan, type LocalUser } from "./eroute.ts";
import { PEER_ID_LENGTH_MAX } from "./peer-id.ts";
import { eroutesFor } from "./plan-index.ts";
import type { LookupKey } from "./row.ts";

/** Whether some site may have a PPK that has to be found by its PPK_ID. */
export function findsPpks(plan: EroutePlan): boolean {
  if (!plan.intermediatePpk) return false;
  return indexOf(plan).users.size > 0 || egroupsWithPpks(plan).length > 0;
}

/** Egroups whose rows may have a PPK that is used, each once. */
export function egroupsWithPpks(plan: EroutePlan): readonly string[] {
  const bases = plan.eroutes.filter((eroute) => eroute.ppk !== "off" && allowsVersion(eroute, 2));
  return [...new Set(bases.flatMap((base) => (base.kind === "base" ? [base.egroup] : [])))];
}

/**
 * How a row with this PPK_ID (without its type) is found: a text as it is, in the column of PPK_IDs
 * or, where that is empty, as the peer ID; other octets as 0x and lower-case hex digits.
 */
export function ppkKeys(id: Uint8Array): readonly LookupKey[] {
  const text = textOf(id);
  if (text === undefined) return [{ by: "ppk", id: `0x${toHex(id)}` }];
  return [
    { by: "peerid", peerid: text },
    { by: "ppk", id: text },
  ];
}

/** Undefined: no row has it as a plain text. */
function textOf(id: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(id);
    const isPlain = text.length <= PEER_ID_LENGTH_MAX && !/\p{Cc}|^0[xs]|^\s|\s$/u.test(text);
    return isPlain ? text : undefined;
  } catch {
    return undefined;
  }
}

/** Local users whose PPK has this PPK_ID and is used; {@link USERS_MAX} at most. */
export function usersWithPpk(plan: EroutePlan, id: Uint8Array): readonly LocalUser[] {
  return indexOf(plan).users.get(toHex(id)) ?? [];
}

/** Of users that share a PPK_ID, so many are considered: each costs a computation. */
const USERS_MAX = 16;

type PpkIndex = { readonly users: ReadonlyMap<string, readonly LocalUser[]> };

const indexes = new WeakMap<EroutePlan, PpkIndex>();

function indexOf(plan: EroutePlan): PpkIndex {
  const known = indexes.get(plan);
  if (known !== undefined) return known;
  const users = new Map<string, LocalUser[]>();
  for (const user of plan.users) {
    if (user.ppk === undefined || eroutesFor(plan, user.name)[0]?.ppk === "off") continue;
    const key = toHex(user.ppk.id);
    const before = users.get(key) ?? [];
    if (before.length < USERS_MAX) users.set(key, [...before, user]);
  }
  const made = { users };
  indexes.set(plan, made);
  return made;
}
