/** When an eroute in use ends (R5): with the last of its SAs, of either kind. */

import type { Reason } from "../../reason/reason.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { onErouteGone } from "../calls/initiate.ts";
import { childSasOf } from "../dataplane/child-sas.ts";
import { removeChild } from "../dataplane/install.ts";
import type { Installed } from "../dataplane/installed.ts";
import type { Engine } from "../engine.ts";
import { journal } from "../journal/write.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";
import { erouteAt, removeEroute } from "./eroutes.ts";

/** An IKE SA has left its eroute. Child SAs that outlive it keep the eroute in use. */
export function leaveEroute(engine: Engine, eroute: ErouteInUse, spi: IkeSpi, why: Reason): void {
  const at = eroute.ikeSas.indexOf(spi);
  if (at >= 0) eroute.ikeSas.splice(at, 1);
  endUnlessUsed(engine, eroute, why);
}

/** The kernel has ended a Child SA that has outlived its IKE SA. */
export function removeOrphan(engine: Engine, { child, erouteKey }: Installed): void {
  removeChild(engine, child.spiIn, "expired");
  const eroute = erouteAt(engine, erouteKey);
  if (eroute !== undefined) endUnlessUsed(engine, eroute, "expired");
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
