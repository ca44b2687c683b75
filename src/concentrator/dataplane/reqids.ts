/** Reqids: what ties the policies of Child SAs to their states. */

import type { ChildSa } from "../../ike/child-sa.ts";
import type { TrafficSelector } from "../../wire/traffic-selector.ts";
import { REQID_MARK, TRAP_REQID } from "../../xfrm/request.ts";
import type { Engine } from "../engine.ts";
import { childSasOf, installedAt } from "./child-sas.ts";
import type { Installed } from "./installed.ts";

/**
 * Child SAs of one eroute in use with the same selectors share a reqid, and no others: a policy
 * outlives a rekey.
 */
export function takeReqid(engine: Engine, erouteKey: string, child: ChildSa): number {
  for (const other of childrenOf(engine, erouteKey)) {
    if (haveSameSelectors(other.child, child)) return other.place.reqid;
  }
  const { reqidsTaken } = engine.dataplane;
  let reqid = 0;
  do {
    const octets = engine.random(3);
    const low = ((octets[0] ?? 0) << 16) | ((octets[1] ?? 0) << 8) | (octets[2] ?? 0);
    reqid = ((REQID_MARK << 24) | low) >>> 0;
  } while (reqid === TRAP_REQID || reqidsTaken.has(reqid));
  reqidsTaken.set(reqid, true);
  return reqid;
}

/** A Child SA that is not in the table, or no longer, does not use it. */
export function releaseReqid(engine: Engine, erouteKey: string, reqid: number): void {
  for (const { place } of childrenOf(engine, erouteKey)) if (place.reqid === reqid) return;
  engine.dataplane.reqidsTaken.delete(reqid);
}

function* childrenOf(engine: Engine, erouteKey: string): Generator<Installed> {
  for (const spiIn of childSasOf(engine, erouteKey)) {
    const installed = installedAt(engine, spiIn);
    if (installed !== undefined) yield installed;
  }
}

function haveSameSelectors(a: ChildSa, b: ChildSa): boolean {
  return areSame(a.local, b.local) && areSame(a.remote, b.remote);
}

function areSame(a: readonly TrafficSelector[], b: readonly TrafficSelector[]): boolean {
  return a.length === b.length && a.every((one, i) => isSame(one, b[i]));
}

function isSame(a: TrafficSelector, b: TrafficSelector | undefined): boolean {
  return (
    a.protocol === b?.protocol &&
    a.startPort === b.startPort &&
    a.endPort === b.endPort &&
    a.range.family === b.range.family &&
    a.range.first === b.range.first &&
    a.range.last === b.range.last
  );
}
