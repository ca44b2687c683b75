/** Datagrams that were lost before they were read, because a flood fills the sockets. */

import { later } from "../../octets/instant.ts";
import type { Engine } from "../engine.ts";
import { journal } from "../journal/write.ts";

/** So long after a loss, silence says little about a peer. */
const LOSS_MS = 30_000;
/** A flood may last for hours: one entry of the journal in this time. */
const NOTE_MS = 60_000;

/** The sockets have lost so many since the last event. */
export function noteLoss(engine: Engine, datagrams: number): void {
  const { negotiation, now } = engine;
  engine.counters.datagrams_lost += datagrams;
  const { noted } = negotiation.loss ?? { noted: undefined };
  const isDue = noted === undefined || now >= later(noted, NOTE_MS);
  negotiation.loss = { at: now, noted: isDue ? now : noted };
  if (!isDue) return;
  const total = engine.counters.datagrams_lost;
  journal(engine, undefined, {
    level: "warning",
    step: "daemon",
    outcome: "note",
    reason: "datagrams-lost",
    detail: `${total} since the start; sites have longer to answer meanwhile`,
  });
}

/** Whether datagrams have been lost a moment ago. */
export function hasLost({ negotiation, now }: Engine): boolean {
  return negotiation.loss !== undefined && now < later(negotiation.loss.at, LOSS_MS);
}
