/** Who a call is for: the row, or the eroute and its local user, with the key and the hosts. */

import { dynamicErouteOf } from "../../eroute/dynamic-eroute.ts";
import { matchesPattern } from "../../eroute/pattern.ts";
import { asPeerId } from "../../eroute/peer-id.ts";
import { formatAddress } from "../../inet/address.ts";
import { containsAddress } from "../../inet/prefix.ts";
import { wipe } from "../../octets/secret.ts";
import type { Engine } from "../engine.ts";
import type { LookupId } from "../event.ts";
import { dynamicInUse } from "../sites/candidate.ts";
import { refuseOverlap } from "../sites/overlap.ts";
import type { Failure } from "./call-table.ts";
import type { CallTarget, CallUnderWay } from "./calls.ts";

export const NO_ADDRESS = (who: string): Failure => ({
  reason: "no-peer-address",
  detail: `${who} gives no peerip: the site can only call, it cannot be called`,
});

/** The row that a call is about, as a target; or why it cannot be called. */
export function targetOfRows(
  engine: Engine,
  call: CallUnderWay,
  lookup: LookupId,
  rows: Parameters<typeof dynamicErouteOf>[3],
): CallTarget | Failure {
  const { base, destination } = call;
  const egroup = engine.plan.egroups.find(
    ({ name }) => base.kind === "base" && name === base.egroup,
  );
  if (base.kind !== "base" || egroup === undefined) {
    return { reason: "no-egroup", detail: `eroute ${base.name} is no longer configured` };
  }
  const ids = call.peerId === undefined ? rows.map(({ peerid }) => peerid) : [call.peerId];
  const wanted =
    destination === undefined
      ? `for ${call.peerId}`
      : `of a subnet with ${formatAddress(destination)}`;
  let failure: Failure = { reason: "no-row", detail: `egroup ${egroup.name} has no row ${wanted}` };
  for (const id of new Set(ids)) {
    const made = dynamicErouteOf(base, egroup, asPeerId(id), rows);
    if (!made.ok) {
      failure = { reason: made.error.kind, detail: made.error.detail };
      continue;
    }
    const { value } = made;
    const isMeant =
      destination === undefined ||
      value.remoteSubnets.some((subnet) => containsAddress(subnet, destination));
    if (!isMeant || !matchesPattern(base.peerid, value.peerId)) {
      wipe(value.psk, value.ppk?.key);
      continue;
    }
    const hosts = [value.peerip, value.bakpeerip].flatMap((at) => at?.host ?? []);
    if (hosts.length === 0) {
      wipe(value.psk, value.ppk?.key);
      return NO_ADDRESS(`the row of ${value.peerId}`);
    }
    const eroute = dynamicInUse(engine, value, lookup);
    const overlap = refuseOverlap(engine, eroute);
    if (overlap !== undefined) {
      wipe(value.psk, value.ppk?.key);
      return overlap;
    }
    return { eroute, psk: value.psk, ppk: value.ppk, hosts };
  }
  return failure;
}
