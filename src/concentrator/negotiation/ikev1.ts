/** Callers that use IKEv1 where no eroute allows it: they get no answer, but are reported. */

import { PEER_ID_LENGTH_MAX } from "../../eroute/peer-id.ts";
import { formatAddress } from "../../inet/address.ts";
import { formatEndpoint, type Path } from "../../inet/endpoint.ts";
import { originOf } from "../../inet/origin.ts";
import { toHex } from "../../octets/hex.ts";
import type { IkeHeader } from "../../wire/header.ts";
import { identityText } from "../../wire/identity.ts";
import { parseIkev1Call } from "../../wire/v1/call.ts";
import { count, type Engine, inMs } from "../engine.ts";
import { mayNote } from "../journal/stranger-notes.ts";
import { journal } from "../journal/write.ts";

/** One event a minute for each caller; beyond this many callers the oldest is forgotten. */
const IKEV1_NOTE_MS = 60_000;
const IKEV1_CALLERS_MAX = 1_024;

/** Reports a message of version 1. The rate is checked before its ID is put into words. */
export function onIkev1(engine: Engine, header: IkeHeader, octets: Uint8Array, path: Path): void {
  const call = parseIkev1Call(header, octets);
  if (call === undefined) return;
  count(engine, "ikev1_calls");
  const { identity, mode } = call;
  const host = formatAddress(path.remote.address);
  const key = `${host} ${identity === undefined ? mode : toHex(identity.data)}`;
  const until = engine.negotiation.ikev1Callers.get(key);
  if (until !== undefined && engine.now < until) return;
  if (!mayNote(engine, originOf(path.remote.address))) return;
  remember(engine, key);
  const text = identity === undefined ? undefined : identityText(identity);
  const peerId = text === undefined || text.length > PEER_ID_LENGTH_MAX ? undefined : text;
  journal(engine, undefined, {
    level: "warning",
    step: "IKEv1",
    outcome: "failed",
    reason: "ikev1",
    detail: `it calls with IKEv1 (${mode}), which no eroute allows: set its router to IKEv2`,
    remote: formatEndpoint(path.remote),
    ...(peerId === undefined ? {} : { peerId }),
  });
}

function remember(engine: Engine, key: string): void {
  const { ikev1Callers } = engine.negotiation;
  ikev1Callers.delete(key);
  const [oldest] = ikev1Callers.keys();
  if (ikev1Callers.size >= IKEV1_CALLERS_MAX && oldest !== undefined) ikev1Callers.delete(oldest);
  ikev1Callers.set(key, inMs(engine, IKEV1_NOTE_MS));
}
