/**
 * Codec of a key exchange that has no answer: whoever reads it asks again. Its private octets are
 * not in it: the shell has wiped them. They are in the IKE SA where the peer has our public value,
 * or will get it; a responder's are drawn anew, because nobody has seen its public value.
 */

import {
  type KeyExchangeRequest,
  keyExchangeFor,
  privateOctets,
} from "../../crypto/key-exchange.ts";
import { ticket } from "../../ike/state/values.ts";
import { type LastingIkeSa, privateOctetsOf } from "../../ike/state/written-ike-sa.ts";
import type { Ticket } from "../../ike/ticket.ts";
import { type Codec, mapped, octets, oneOf, record, u16 } from "../../octets/codec.ts";
import type { Engine } from "../engine.ts";

export type PlainWork = {
  readonly ticket: Ticket;
  readonly op: KeyExchangeRequest["op"];
  readonly method: number;
  /** Empty where the peer's is not known yet. */
  readonly peerPublic: Uint8Array;
};

/** A method without an algorithm was written by a build that had it. */
const method: Codec<number> = mapped(u16, {
  to: (value: number) => value,
  from: (value, fail) =>
    keyExchangeFor(value) === undefined ? fail("a key exchange that is not built in") : value,
});

export const plainWork: Codec<PlainWork> = record<PlainWork>({
  ticket,
  op: oneOf(["offer", "respond", "derive"]),
  method,
  peerPublic: octets(65_535),
});

export function plainWorkOf(ticket: Ticket, request: KeyExchangeRequest): PlainWork {
  const { op, method } = request;
  const peerPublic = request.op === "offer" ? new Uint8Array(0) : request.peerPublic;
  return { ticket, op, method, peerPublic };
}

/** Whether the IKE SA has what it takes to ask again. */
export function canAskAgain(sa: LastingIkeSa, { ticket, op, method }: PlainWork): boolean {
  return op === "respond" || privateOctetsOf(sa, ticket)?.length === privateOctets(method);
}

/** What to ask again for an IKE SA; undefined: it has not asked for that. */
export function requestOf(
  { random: draw }: Engine,
  sa: LastingIkeSa,
  { ticket, op, method, peerPublic }: PlainWork,
): KeyExchangeRequest | undefined {
  if (op === "respond") return { op, method, random: draw(privateOctets(method)), peerPublic };
  const random = privateOctetsOf(sa, ticket)?.slice();
  if (random === undefined) return undefined;
  return op === "offer" ? { op, method, random } : { op, method, random, peerPublic };
}
