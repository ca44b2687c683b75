/**
 * Remote subnets that sites choose for themselves: those of a pattern without rows, which share the
 * whole remote subnet of their eroute.
 */

import { isForMany, touches } from "../../eroute/shared-subnet.ts";
import { sharePorts } from "../../inet/port-block.ts";
import { formatPrefix, type Prefix } from "../../inet/prefix.ts";
import { putAt, takeFrom, valuesAround } from "../../inet/prefix-table.ts";
import type { XfrmPolicyId } from "../../xfrm/policy.ts";
import { remoteOf } from "../../xfrm/priority.ts";
import type { XfrmSelector } from "../../xfrm/selector.ts";
import type { Engine } from "../engine.ts";
import { erouteAt } from "../sites/eroutes.ts";
import { installedAt } from "./child-sas.ts";
import type { Installed } from "./installed.ts";
import { policiesOf } from "./policies.ts";
import { childPolicies } from "./xfrm-of-child.ts";

/** Enters what its site has chosen, if its eroute leaves the choice to the site. */
export function enterChosen(engine: Engine, installed: Installed): void {
  const base = erouteAt(engine, installed.erouteKey)?.base;
  if (base === undefined || !isForMany(base)) return;
  installed.policies = childPolicies(installed.place);
  for (const remote of remotes(installed)) {
    putAt(engine.dataplane.chosen, remote, installed.child.spiIn);
  }
}

export function leaveChosen({ dataplane }: Engine, installed: Installed): void {
  if (installed.policies === undefined) return;
  for (const remote of remotes(installed)) {
    takeFrom(dataplane.chosen, remote, installed.child.spiIn);
  }
}

/** Child SAs whose site has chosen this subnet, or one around it. */
export function* chosenAround(engine: Engine, remote: Prefix): Generator<Installed> {
  for (const { values } of valuesAround(engine.dataplane.chosen, remote)) {
    for (const spiIn of values) {
      const installed = installedAt(engine, spiIn);
      if (installed !== undefined) yield installed;
    }
  }
}

/** Whether the Child SA carries packets that this policy would take. */
export function sharesPackets(installed: Installed, { selector, direction }: XfrmPolicyId) {
  return policiesOf(installed).some(
    ({ id }) => id.direction === direction && sharePackets(id.selector, selector),
  );
}

/** Each remote subnet of its policies once. */
function remotes(installed: Installed): Iterable<Prefix> {
  const outward = policiesOf(installed).filter(({ id }) => id.direction === "out");
  return new Map(outward.map(({ id }) => [formatPrefix(remoteOf(id)), remoteOf(id)])).values();
}

/** Whether there is a packet that both select. */
function sharePackets(a: XfrmSelector, b: XfrmSelector): boolean {
  return (
    touches(a.src, b.src) &&
    touches(a.dst, b.dst) &&
    (a.protocol === 0 || b.protocol === 0 || a.protocol === b.protocol) &&
    sharePorts(a.srcPort, b.srcPort) &&
    sharePorts(a.dstPort, b.dstPort)
  );
}
