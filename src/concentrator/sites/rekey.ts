/** New keys for a site at once, on request (RFC 7296 §2.8). */

import type { Engine } from "../engine.ts";
import type { RekeyOf } from "../event.ts";
import { journal } from "../journal/write.ts";
import { eroutesOf } from "./eroutes.ts";
import { factsAt } from "./ike-sas.ts";

/** Asks the site's IKE SA for it; the old keys serve until the new ones are there. */
export function rekeyByHand(engine: Engine, peerId: string, of: RekeyOf): void {
  let asked = 0;
  for (const { ikeSas } of eroutesOf(engine, peerId)) {
    for (const spi of ikeSas) {
      const ike = factsAt(engine, spi);
      if (ike === undefined || ike.isReplaced) continue;
      asked++;
      if (of === "ike") engine.inbox.push({ spi, event: { kind: "rekey-ike" } });
      for (const { spiIn } of of === "children" ? ike.children : []) {
        engine.inbox.push({ spi, event: { kind: "rekey-child", spiIn } });
      }
    }
  }
  if (asked > 0) return;
  journal(engine, undefined, {
    level: "info",
    step: "control",
    outcome: "note",
    reason: "not-connected",
    peerId,
    detail: "an operator wanted new keys for it, but it has no IKE SA",
  });
}
