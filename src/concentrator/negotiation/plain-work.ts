/**
 * Codec of a key exchange under way: the next process requests it again. The request's private
 * octets are not written, because the shell has wiped them. If our public value has been sent, or
 * will be, the IKE SA holds them; a responder draws new ones, since its value was never sent.
 */

import {
  type KeyExchangeRequest,
  keyExchangeFor,
  privateOctets,
} from "../../crypto/key-exchange.ts";
import { ticket } from "../../ike/state/values.ts";
import { type LastingIkeSa, privateOctetsOf } from "../../ike/state/written-ike-sa.ts";
import type { Ticket } from "../../ike/ticket.ts";
import { type Codec, checked, octets, oneOf, record, u16 } from "../../octets/codec.ts";
import type { Engine } from "../engine.ts";

export type PlainWork = {
  readonly ticket: Ticket;
  readonly op: KeyExchangeRequest["op"];
  readonly method: number;
  /** Empty while the peer's public value is not known. */
  readonly peerPublic: Uint8Array;
};

/** A method that this build does not have was written by a build that has it. */
const method: Codec<number> = checked(u16, (value, fail) =>
  keyExchangeFor(value) === undefined ? fail("a key exchange that is not built in") : value,
);

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

/** Whether the IKE SA holds what a new request needs. */
export function canAskAgain(sa: LastingIkeSa, { ticket, op, method }: PlainWork): boolean {
  return op === "respond" || privateOctetsOf(sa, ticket)?.length === privateOctets(method);
}

/** The request to repeat for an IKE SA; undefined if the IKE SA never made it. */
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
