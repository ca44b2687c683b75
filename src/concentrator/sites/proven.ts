/** A site has proved who it is: its eroute is in use from now on (R4). */

import type { IkeSpi } from "../../wire/header.ts";
import { count, type Engine } from "../engine.ts";
import { journal } from "../journal/write.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";
import { erouteAt, putEroute } from "./eroutes.ts";
import { keepWithinMax } from "./evict.ts";
import { aboutIkeSa, ikeSaAt } from "./ike-sas.ts";
import { noteNesting } from "./overlap.ts";
import { gatewayOfSite } from "./redirect.ts";
import { recheckIfChanged } from "./row-change.ts";
import { keepIkeSas } from "./site-caps.ts";
import type { SiteIkeSa } from "./site-ike-sa.ts";
import { judge } from "./uniqueness.ts";

/** The IKE SA whose peer has proved it, and its eroute, which was in use before or was not. */
export type Proven = {
  readonly ikeSa: SiteIkeSa;
  readonly eroute: ErouteInUse;
  readonly isNew: boolean;
};

/** The peer of an IKE SA has proved who it is. Undefined: the sites know of no such IKE SA. */
export function prove(engine: Engine, spi: IkeSpi): Proven | undefined {
  const ikeSa = ikeSaAt(engine, spi);
  const candidate = ikeSa?.candidate;
  if (ikeSa === undefined || candidate === undefined) return undefined;
  const isNew = erouteAt(engine, candidate.key) === undefined;
  const eroute = useEroute(engine, ikeSa, candidate);
  return { ikeSa, eroute, isNew };
}

/** Settles which of the site's IKE SAs stay besides this one, and whether it is sent elsewhere. */
export function settleProven(
  engine: Engine,
  { ikeSa, eroute, isNew }: Proven,
  {
    initialContact,
    leaves,
  }: {
    readonly initialContact: boolean;
    /** An IKE SA with the gateway that has sent us here. */
    readonly leaves: IkeSpi | undefined;
  },
): void {
  ikeSa.initialContact = initialContact;
  judge(engine, ikeSa);
  // The gateway that has sent us here is left, whatever else may stay.
  if (leaves !== undefined) ikeSa.supersedes = [...new Set([...ikeSa.supersedes, leaves])];
  eroute.ikeSas.push(ikeSa.spi);
  keepIkeSas(engine, eroute, ikeSa.spi);
  ikeSa.redirect = gatewayOfSite(engine, ikeSa, isNew);
}

function useEroute(engine: Engine, ikeSa: SiteIkeSa, candidate: ErouteInUse): ErouteInUse {
  // Another negotiation of the same site may have come first: both are of one eroute.
  const before = erouteAt(engine, candidate.key);
  const eroute: ErouteInUse =
    before === undefined
      ? Object.assign(candidate, { ikeSas: [] })
      : { ...candidate, createdAt: before.createdAt, ikeSas: before.ikeSas };
  eroute.usesPpk = ikeSa.stand.facts?.usesPpk === true;
  putEroute(engine, eroute);
  ikeSa.eroute = eroute;
  ikeSa.candidate = undefined;
  engine.sites.unproven.delete(ikeSa.spi);
  recheckIfChanged(engine, eroute);
  if (before !== undefined) return eroute;
  noteNesting(engine, eroute);
  if (eroute.kind !== "dynamic") return eroute;
  count(engine, "dynamic_eroutes_created");
  journal(engine, aboutIkeSa(engine, ikeSa.spi), {
    level: "info",
    step: "dynamic-eroute",
    outcome: "ok",
    reason: "created",
    detail: `dynamic eroute ${eroute.name} from base eroute ${eroute.base.name}`,
  });
  keepWithinMax(engine);
  return eroute;
}
