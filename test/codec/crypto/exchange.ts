/** Both ends of a key exchange, for tests: the values they make and those they refuse. */

import { expect } from "bun:test";
import {
  type KeyExchangeRequest,
  keyExchangeFor,
  performKeyExchange,
  privateOctets,
} from "../../../src/crypto/key-exchange.ts";

const NOTHING = { publicOctets: -1, answerOctets: -1, secretOctets: -1 };

/** The public value made from these random octets. */
export function offer(method: number, random: Uint8Array): Uint8Array {
  return done({ op: "offer", method, random }).publicValue;
}

/** The secret shared with the end that made `peerPublic`. */
export function derive(method: number, random: Uint8Array, peerPublic: Uint8Array): Uint8Array {
  return done({ op: "derive", method, random, peerPublic }).sharedSecret;
}

/** Both ends run the method; expects that they share a secret of the right length. */
export function expectAgreement(method: number, first: Uint8Array, second: Uint8Array): void {
  const offered = done({ op: "offer", method, random: first });
  const peerPublic = offered.publicValue;
  const answered = done({ op: "respond", method, random: second, peerPublic });
  const shared = derive(method, first, answered.publicValue);
  const { publicOctets, answerOctets, secretOctets } = keyExchangeFor(method) ?? NOTHING;
  expect(shared).toEqual(answered.sharedSecret);
  expect(shared.length).toBe(secretOctets);
  expect([peerPublic.length, answered.publicValue.length]).toEqual([publicOctets, answerOctets]);
  expect(offered.sharedSecret.length).toBe(0);
  // The same random octets give the same values, so that a run can be replayed.
  expect(done({ op: "respond", method, random: second, peerPublic })).toEqual(answered);
  expect(offer(method, first)).toEqual(peerPublic);
}

/** The fault of a public value that must be refused, the same for responder and initiator. */
export function refusal(method: number, peerPublic: Uint8Array): string {
  const random = new Uint8Array(privateOctets(method)).fill(0x42);
  const asResponder = performKeyExchange({ op: "respond", method, random, peerPublic });
  const asInitiator = performKeyExchange({ op: "derive", method, random, peerPublic });
  expect(asResponder).toEqual(asInitiator);
  if (asResponder.ok) return "accepted";
  expect(asResponder.error.kind).toBe("invalid-public");
  return asResponder.error.detail;
}

function done(request: KeyExchangeRequest) {
  const result = performKeyExchange(request);
  if (!result.ok) throw new Error(result.error.detail);
  return result.value;
}
