/** The first Child SAs of an IKE SA that we have begun, where Phase 1 makes none (IKEv1). */

import type { IkeSpi } from "../../wire/header.ts";
import { childSasOf, installedAt } from "../dataplane/child-sas.ts";
import type { Engine } from "../engine.ts";
import { factsAt } from "./ike-sas.ts";

/** Asks for them, unless the site has Child SAs that its newest IKE SA takes over. */
export function askForFirstChild(engine: Engine, spi: IkeSpi, erouteKey: string): void {
  const ike = factsAt(engine, spi);
  if (ike?.sharesChildSas !== true) return;
  const isTakenOver = childSasOf(engine, erouteKey).some((spiIn) => {
    const owner = installedAt(engine, spiIn)?.ikeSpi;
    return owner !== undefined && factsAt(engine, owner)?.sharesChildSas !== false;
  });
  if (isTakenOver) return;
  const { local, remote } = ike.policy;
  engine.inbox.push({ spi, event: { kind: "new-child", local, remote } });
}
