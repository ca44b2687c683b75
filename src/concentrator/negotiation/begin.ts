/** An IKE SA of a call begins: the first effects are carried out by `start` of drive.ts. */

import type { PeerId } from "../../eroute/peer-id.ts";
import { beginCall } from "../../ike/door.ts";
import type { Call } from "../../ike/event.ts";
import { type IkeEffect, spiOf } from "../../ike/ike-sa.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { Engine } from "../engine.ts";
import { addEntry } from "./ike-sas.ts";
import { type Stand, standOf } from "./stand.ts";

export type Begun = {
  readonly spi: IkeSpi;
  readonly stand: Stand;
  readonly effects: readonly IkeEffect[];
};

/** Puts it into the table; undefined if it cannot begin. */
export function begin(
  engine: Engine,
  call: Call,
  { peerId, eroute }: { readonly peerId: PeerId; readonly eroute: string },
): Begun | undefined {
  const { sa, effects } = beginCall(call, engine.negotiation.context);
  if (sa === undefined) return undefined;
  const entry = addEntry(engine, sa);
  entry.peerId = peerId;
  entry.eroute = eroute;
  return { spi: spiOf(sa), stand: standOf(sa), effects };
}
