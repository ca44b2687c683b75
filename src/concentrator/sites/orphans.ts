/** Child SAs that have outlived the IKE SA that made them: they keep their eroute in use (R5). */

import { childSasOf, installedAt } from "../dataplane/child-sas.ts";
import type { Installed } from "../dataplane/installed.ts";
import type { Engine } from "../engine.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";
import { erouteAt } from "./eroutes.ts";

/** Those of one eroute in use. */
export function orphansOf(engine: Engine, { key }: ErouteInUse): readonly Installed[] {
  return childSasOf(engine, key).flatMap((spiIn) => {
    const installed = installedAt(engine, spiIn);
    return installed !== undefined && isOrphan(engine, installed) ? [installed] : [];
  });
}

/** Whether a Child SA is one of them: no IKE SA negotiates for it any more. */
export function isOrphan(engine: Engine, { erouteKey, ikeSpi }: Installed): boolean {
  return erouteAt(engine, erouteKey)?.ikeSas.includes(ikeSpi) !== true;
}
