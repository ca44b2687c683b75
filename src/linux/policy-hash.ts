/** From which prefix lengths on the kernel finds policies by hash: set unless somebody else has. */

import type { Family } from "../inet/address.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { errnoName } from "../xfrm/errno.ts";
import {
  emitHashLengths,
  emitHashLengthsQuery,
  formatHashLengths,
  type HashLengths,
  parseHashLengths,
  UNSET_HASH_LENGTHS,
} from "../xfrm/policy-hash.ts";
import { openLibc } from "./libc.ts";
import { NETLINK_XFRM, NetlinkSocket } from "./netlink-socket.ts";

/** How it went. `others`: they are neither the kernel's own nor ours, and stay. */
export type HashOutcome =
  | { readonly kind: "in-force" }
  | { readonly kind: "others"; readonly found: HashLengths };

/**
 * Has the kernel find policies of `family` by hash from these lengths on, instead of its own or one
 * of `ours`. An error says what was refused.
 */
export function hashPolicies(
  family: Family,
  wanted: HashLengths,
  ours: readonly HashLengths[] = [],
): Result<HashOutcome, string> {
  const libc = openLibc();
  if (!libc.ok) return err(libc.error.detail);
  const opened = NetlinkSocket.open(libc.value, NETLINK_XFRM);
  if (!opened.ok) return err(`XFRM netlink socket: ${errnoName(opened.error)}`);
  const socket = opened.value;
  const replaced = [UNSET_HASH_LENGTHS[family], ...ours];
  const result = change(socket, family, { wanted, replaced });
  socket.close();
  return result;
}

function change(
  socket: NetlinkSocket,
  family: Family,
  { wanted, replaced }: { readonly wanted: HashLengths; readonly replaced: readonly HashLengths[] },
): Result<HashOutcome, string> {
  const answer = socket.ask(emitHashLengthsQuery);
  if (!answer.ok) return err(`XFRM_MSG_GETSPDINFO: ${errnoName(answer.error.errno)}`);
  const found = parseHashLengths(answer.value, family);
  if (!found.ok) return err(`${found.error.where}: ${found.error.detail}`);
  if (found.value === undefined) return err("the kernel does not say what is in force");
  if (isEqual(found.value, wanted)) return ok({ kind: "in-force" });
  const { value } = found;
  if (!replaced.some((one) => isEqual(one, value))) return ok({ kind: "others", found: value });
  const { errno, text } = socket.request((n) => emitHashLengths(family, wanted, n));
  if (errno === 0) return ok({ kind: "in-force" });
  const why = text === undefined ? errnoName(errno) : `${errnoName(errno)}, ${text}`;
  return err(`XFRM_MSG_NEWSPDINFO with ${formatHashLengths(wanted)}: ${why}`);
}

function isEqual(a: HashLengths, b: HashLengths): boolean {
  return a.local === b.local && a.remote === b.remote;
}
