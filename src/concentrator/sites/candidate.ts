/** An eroute as a site will use it once it has proved who it is. */

import type { DynamicEroute } from "../../eroute/dynamic-eroute.ts";
import type { LocalUser, NormalEroute } from "../../eroute/eroute.ts";
import type { PeerId } from "../../eroute/peer-id.ts";
import { userNamed } from "../../eroute/plan-index.ts";
import { childWith, NO_ROW_OPTIONS } from "../../eroute/row-options.ts";
import type { Engine } from "../engine.ts";
import type { LookupId } from "../event.ts";
import { type ErouteInUse, erouteKey } from "./eroute-in-use.ts";
import { erouteAt } from "./eroutes.ts";
import { rowPrint } from "./row-checks.ts";

/** An eroute whose sites all need a PPK, and a local user without one. */
export function missingPpk(eroute: NormalEroute, user: LocalUser | undefined): string | undefined {
  if (eroute.ppk !== "required" || user?.ppk !== undefined) return undefined;
  return `ppk = "required" of eroute ${eroute.name} needs a PPK, but its local user has none`;
}

/** The eroute that a site's row makes; not in use until the site has proved who it is. */
export function dynamicInUse(engine: Engine, made: DynamicEroute, lookup: LookupId): ErouteInUse {
  const key = erouteKey(made.base.name, made.peerId);
  const before = erouteAt(engine, key);
  return {
    kind: "dynamic",
    key,
    name: made.name,
    base: made.base,
    peerId: made.peerId,
    createdAt: before?.createdAt ?? engine.now,
    localSubnets: made.localSubnets,
    remoteSubnets: made.remoteSubnets,
    ourid: made.ourid,
    child: childWith(made.base.child, made.own),
    own: made.own,
    proof: before?.proof,
    hasPpk: made.ppk !== undefined,
    usesPpk: false,
    row: { print: rowPrint(engine.sites.rowChecks, made), lookup },
    ikeSas: before?.ikeSas ?? [],
  };
}

/** A configured eroute as its site will use it. */
export function normalInUse(engine: Engine, eroute: NormalEroute, peerId: PeerId): ErouteInUse {
  const user = userNamed(engine.plan, peerId);
  const hasPpk = user?.ppk !== undefined;
  const key = erouteKey(eroute.name, peerId);
  const before = erouteAt(engine, key);
  return {
    kind: "normal",
    key,
    name: eroute.name,
    base: eroute,
    peerId,
    createdAt: before?.createdAt ?? engine.now,
    localSubnets: eroute.localSubnets,
    remoteSubnets: eroute.remoteSubnets,
    ourid: eroute.ourid,
    child: eroute.child,
    own: NO_ROW_OPTIONS,
    proof: before?.proof,
    hasPpk,
    usesPpk: false,
    row: undefined,
    ikeSas: before?.ikeSas ?? [],
  };
}
