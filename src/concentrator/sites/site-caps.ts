/** How many IKE SAs and Child SAs one site may have: the oldest goes, and the site is told. */

import type { ChildSa } from "../../ike/child-sa.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { count, type Engine, type Entry, type ErouteInUse, factsAt, journal } from "../engine.ts";
import { createRates, type RateLimit, type Rates } from "../rate.ts";

/** Deletes to one site for that: beyond it they go without a word, as nobody answers so many. */
const DELETES: RateLimit = { perSecond: 1, burst: 16 };
const SITES_MAX = 4_096;

/** By eroute in use: the Deletes that may still be sent. */
export function createSiteCaps(): Rates {
  return createRates(DELETES, SITES_MAX);
}

/** The site has one IKE SA more, `newest`: those replaced by a rekey go first, then the oldest. */
export function keepIkeSas(engine: Engine, eroute: ErouteInUse, newest: IkeSpi): void {
  const { ikeSasPerSiteMax: max } = engine.plan.limits;
  if (eroute.ikeSas.length <= max) return;
  const older = eroute.ikeSas.filter((spi) => spi !== newest);
  const going = older.find((spi) => isReplaced(engine, spi)) ?? older[0];
  if (going === undefined) return;
  count(engine, "ike_sas_over_limit");
  journal(engine, engine.sas.get(going), {
    level: "warning",
    step: "IKE_AUTH",
    outcome: "note",
    reason: "ike-sas-over-limit",
    detail: `the site has more than ${max} IKE SAs (ike.ike_sas_per_site): its oldest goes`,
  });
  const isTold = engine.siteCaps.of(eroute.key, engine.now).take(engine.now);
  const kind = isTold ? "close" : "drop";
  engine.inbox.push({ spi: going, event: { kind, why: "ike-sas-over-limit" } });
}

function isReplaced(engine: Engine, spi: IkeSpi): boolean {
  return factsAt(engine, spi)?.isReplaced === true;
}

/**
 * An IKE SA of the site is about to have one Child SA more. One that replaces another takes its
 * place, but not without end: beside each, one that was replaced may wait for its Delete.
 */
export function keepChildSas(engine: Engine, entry: Entry, added: ChildSa): void {
  const { childSasPerSiteMax: max } = engine.plan.limits;
  const { eroute } = entry;
  if (eroute === undefined) return;
  const children = eroute.ikeSas.flatMap((spi) =>
    (factsAt(engine, spi)?.children ?? []).map((child) => ({ spi, child })),
  );
  const replaced = new Set([...children.map(({ child }) => child.replaces), added.replaces]);
  const isReplacing = children.some(({ child }) => child.spiIn === added.replaces);
  const current = children.filter(({ child }) => !replaced.has(child.spiIn));
  const waiting = children.filter(({ child }) => replaced.has(child.spiIn));
  const isAbove = current.length >= max && !isReplacing;
  if (!isAbove && waiting.length <= max) return;
  const [first, ...rest] = isAbove ? current : waiting;
  if (first === undefined) return;
  const oldest = rest.reduce((a, b) => (b.child.createdAt < a.child.createdAt ? b : a), first);
  const { spi, child } = oldest;
  count(engine, "child_sas_over_limit");
  journal(engine, entry, {
    level: "warning",
    step: "CREATE_CHILD_SA",
    outcome: "note",
    reason: "child-sas-over-limit",
    detail: `the site has more than ${max} Child SAs (ike.child_sas_per_site): its oldest goes`,
  });
  engine.inbox.push({ spi, event: { kind: "close-child", spiIn: child.spiIn } });
}
