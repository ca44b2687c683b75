/** How an eroute in use ends (R5): with the last of its SAs, of either kind. */

import { asEspSpi } from "../../inet/esp-spi.ts";
import type { Reason } from "../../reason/reason.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { onErouteGone } from "../calls/initiate.ts";
import { changedSite } from "../changes.ts";
import { childSasOf, installedAt } from "../dataplane/child-sas.ts";
import { removeChild } from "../dataplane/install.ts";
import type { Engine } from "../engine.ts";
import { journal } from "../journal/write.ts";
import { endedText } from "./end-words.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";
import { erouteAt, removeEroute } from "./eroutes.ts";
import { ikeSaAt } from "./ike-sas.ts";
import { isOrphan, orphansOf } from "./orphans.ts";
import { tellElsewhere } from "./untold.ts";

/**
 * Ends an eroute in use, whatever it has: IKE SAs are closed with a Delete, and Child SAs that have
 * outlived theirs are removed.
 */
export function endEroute(engine: Engine, eroute: ErouteInUse, why: Reason): void {
  for (const spi of eroute.ikeSas) engine.inbox.push({ spi, event: { kind: "close", why } });
  endOrphans(engine, eroute, why);
}

/** An IKE SA has left its eroute. Child SAs that outlive it keep the eroute in use. */
export function leaveEroute(engine: Engine, eroute: ErouteInUse, spi: IkeSpi, why: Reason): void {
  changedSite(engine, eroute.key);
  const at = eroute.ikeSas.indexOf(spi);
  if (at >= 0) eroute.ikeSas.splice(at, 1);
  endUnlessUsed(engine, eroute, why);
}

/**
 * Removes the Child SAs of an IKE SA that has ended, also those still on their way to the kernel.
 */
export function removeLeft(engine: Engine, erouteKey: string, ikeSpi: IkeSpi, why: Reason): void {
  for (const spiIn of childSasOf(engine, erouteKey).toReversed()) {
    if (installedAt(engine, spiIn)?.ikeSpi === ikeSpi) removeChild(engine, spiIn, why);
  }
}

/**
 * A Child SA of the IKE SA `former` has come to its end. Removes it if that IKE SA has gone; else
 * returns false, and the IKE SA removes it.
 */
export function removeOrphan(engine: Engine, former: IkeSpi, spiIn: number): boolean {
  const installed = installedAt(engine, asEspSpi(spiIn));
  if (installed?.ikeSpi !== former || !isOrphan(engine, installed)) return false;
  removeChild(engine, spiIn, "expired");
  const eroute = erouteAt(engine, installed.erouteKey);
  if (eroute === undefined) return true;
  tellElsewhere(engine, eroute, [installed.child.spiIn], former);
  endUnlessUsed(engine, eroute, "expired");
  return true;
}

/**
 * The site has deleted a Child SA in the IKE SA `spi`, which does not have it: another one of the
 * site has it, or none.
 */
export function onChildDeletedElsewhere(engine: Engine, spi: IkeSpi, deleted: number): void {
  const eroute = ikeSaAt(engine, spi)?.eroute;
  if (eroute === undefined) return;
  const all = childSasOf(engine, eroute.key).flatMap((one) => installedAt(engine, one) ?? []);
  const found =
    all.find(({ child }) => child.spiOut === deleted) ??
    all.find(({ child }) => child.spiIn === deleted);
  if (found === undefined || found.ikeSpi === spi) return;
  const { spiIn } = found.child;
  if (isOrphan(engine, found)) removeChild(engine, spiIn, "peer-deleted");
  else engine.inbox.push({ spi: found.ikeSpi, event: { kind: "child-deleted", spiIn } });
}

/** Removes Child SAs that have outlived their IKE SA, `former` or any, and says why. */
export function endOrphans(
  engine: Engine,
  eroute: ErouteInUse,
  why: Reason,
  former?: IkeSpi,
): void {
  const all = orphansOf(engine, eroute);
  const orphans = former === undefined ? all : all.filter(({ ikeSpi }) => ikeSpi === former);
  if (orphans.length === 0) return;
  for (const { child } of orphans.toReversed()) removeChild(engine, child.spiIn, why);
  const { peerId, name } = eroute;
  const text = endedText("Child SAs removed", why);
  journal(engine, undefined, {
    level: "info",
    step: "INFORMATIONAL",
    outcome: "note",
    reason: why,
    peerId,
    eroute: name,
    detail: `Child SAs without an IKE SA (${orphans.length}) are removed: ${text}`,
  });
  endUnlessUsed(engine, eroute, why);
}

function endUnlessUsed(engine: Engine, eroute: ErouteInUse, why: Reason): void {
  // Of several IKE SAs each may have been made from another reading of the row.
  if (erouteAt(engine, eroute.key) === undefined) return;
  if (eroute.ikeSas.length > 0 || childSasOf(engine, eroute.key).length > 0) return;
  removeEroute(engine, eroute.key);
  onErouteGone(engine, eroute, why);
  if (eroute.kind !== "dynamic") return;
  journal(engine, undefined, {
    level: "info",
    step: "dynamic-eroute",
    outcome: "note",
    reason: "removed",
    peerId: eroute.peerId,
    eroute: eroute.name,
    detail: `dynamic eroute ${eroute.name} is gone with its last SA: ${why}`,
  });
}
