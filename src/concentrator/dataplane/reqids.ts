/** Reqids: what ties the policies of Child SAs to their states. */

import type { ChildSa } from "../../ike/child-sa.ts";
import { selectorText } from "../../ike/selector-text.ts";
import { REQID_MARK, TRAP_REQID } from "../../xfrm/request.ts";
import type { Engine } from "../engine.ts";

/** Child SAs of one eroute with the same selectors share a reqid: a policy outlives a rekey. */
export function takeReqid(engine: Engine, key: string): number {
  const taken = engine.dataplane.reqids.get(key);
  if (taken !== undefined) {
    taken.uses++;
    return taken.reqid;
  }
  let reqid = 0;
  do {
    const octets = engine.random(3);
    const low = ((octets[0] ?? 0) << 16) | ((octets[1] ?? 0) << 8) | (octets[2] ?? 0);
    reqid = ((REQID_MARK << 24) | low) >>> 0;
  } while (reqid === TRAP_REQID || engine.dataplane.reqidsTaken.has(reqid));
  engine.dataplane.reqidsTaken.add(reqid);
  engine.dataplane.reqids.set(key, { reqid, uses: 1 });
  return reqid;
}

/** A Child SA no longer uses it. */
export function releaseReqid(engine: Engine, key: string): void {
  const taken = engine.dataplane.reqids.get(key);
  if (taken === undefined || --taken.uses > 0) return;
  engine.dataplane.reqids.delete(key);
  engine.dataplane.reqidsTaken.delete(taken.reqid);
}

/** A text that is the same for the same selectors. */
export function selectorsKey({ local, remote }: ChildSa): string {
  return `${local.map(selectorText)} ${remote.map(selectorText)}`;
}
