/** How many IKE SAs and Child SAs one site may have: the oldest goes, and the site is told. */

import { replacedAmong } from "../../ike/child-count.ts";
import type { ChildSa } from "../../ike/child-sa.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { count, type Engine } from "../engine.ts";
import { journal } from "../journal/write.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";
import { aboutIkeSa, factsAt, ikeSaAt } from "./ike-sas.ts";

/** The site has one IKE SA more, `newest`: those replaced by a rekey go first, then the oldest. */
export function keepIkeSas(engine: Engine, eroute: ErouteInUse, newest: IkeSpi): void {
  const { ikeSasPerSiteMax: max } = engine.plan.limits;
  if (eroute.ikeSas.length <= max) return;
  const older = eroute.ikeSas.filter((spi) => spi !== newest);
  const going = older.find((spi) => isReplaced(engine, spi)) ?? older[0];
  if (going === undefined) return;
  count(engine, "ike_sas_over_limit");
  journal(engine, aboutIkeSa(engine, going), {
    level: "warning",
    step: "IKE_AUTH",
    outcome: "note",
    reason: "ike-sas-over-limit",
    detail: `more than ${max} IKE SAs (ike.ike_sas_per_site): the oldest is closed`,
  });
  // Beyond the rate it is dropped without a Delete.
  const isTold = engine.sites.deletes.of(eroute.key, engine.now).take(engine.now);
  const kind = isTold ? "close" : "drop";
  engine.inbox.push({ spi: going, event: { kind, why: "ike-sas-over-limit" } });
}

function isReplaced(engine: Engine, spi: IkeSpi): boolean {
  return factsAt(engine, spi)?.isReplaced === true;
}

function countChildSas(engine: Engine, { ikeSas }: ErouteInUse): number {
  let sum = 0;
  for (const spi of ikeSas) sum += factsAt(engine, spi)?.children.length ?? 0;
  return sum;
}

/**
 * An IKE SA of the site is about to have one Child SA more. One that replaces another takes its
 * place; but only as many replaced ones as there may be Child SAs may wait for their Delete.
 */
export function keepChildSas(engine: Engine, owner: IkeSpi, added: ChildSa): void {
  const { childSasPerSiteMax: max } = engine.plan.limits;
  const eroute = ikeSaAt(engine, owner)?.eroute;
  if (eroute !== undefined && countChildSas(engine, eroute) >= max) {
    closeOldest(engine, eroute, { owner, added });
  }
}

function closeOldest(
  engine: Engine,
  eroute: ErouteInUse,
  { owner, added }: { readonly owner: IkeSpi; readonly added: ChildSa },
): void {
  const { childSasPerSiteMax: max } = engine.plan.limits;
  const children = eroute.ikeSas.flatMap((spi) =>
    (factsAt(engine, spi)?.children ?? []).map((child) => ({ spi, child })),
  );
  const replaced = replacedAmong([...children.map(({ child }) => child), added]);
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
  journal(engine, aboutIkeSa(engine, owner), {
    level: "warning",
    step: "CREATE_CHILD_SA",
    outcome: "note",
    reason: "child-sas-over-limit",
    detail: `more than ${max} Child SAs (ike.child_sas_per_site): the oldest is closed`,
  });
  engine.inbox.push({ spi, event: { kind: "close-child", spiIn: child.spiIn } });
}
