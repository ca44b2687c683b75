/** Strangers are sent to another gateway at once while all sites are (RFC 5685 §3). */

import { type Opening, redirectAnswer } from "../../ike/door.ts";
import { formatEndpoint } from "../../inet/endpoint.ts";
import { originOf } from "../../inet/origin.ts";
import type { Gateway } from "../../wire/gateway.ts";
import { count, type Engine } from "../engine.ts";
import { mayNote } from "../journal/stranger-notes.ts";
import { journal } from "../journal/write.ts";
import type { Stranger } from "./stranger.ts";
import { mayAnswer } from "./stranger-answers.ts";

/** From now on strangers are sent there; undefined: they are admitted. */
export function sendStrangersTo({ negotiation }: Engine, gateway: Gateway | undefined): void {
  negotiation.sendsTo = gateway;
}

/**
 * Sends a stranger on if all sites are sent on and it supports that (§3). Returns whether it did.
 * Nothing is kept of it.
 */
export function sendOn(
  engine: Engine,
  { header, path }: Stranger,
  { canBeSentAway, Ni }: Opening,
): boolean {
  const { sendsTo: to } = engine.negotiation;
  if (to === undefined || !canBeSentAway || Ni === undefined) return false;
  if (!mayAnswer(engine)) return true;
  engine.out.push({ kind: "send", octets: redirectAnswer(header, to, Ni), path });
  count(engine, "redirects_sent");
  if (!mayNote(engine, originOf(path.remote.address))) return true;
  journal(engine, undefined, {
    level: "info",
    step: "IKE_SA_INIT",
    outcome: "note",
    reason: "redirected",
    detail: `a site that calls is sent to ${to.host}`,
    remote: formatEndpoint(path.remote),
  });
  return true;
}
