/** What both ends' AUTH covers (RFC 7296 §2.15). */

import { expect, test } from "bun:test";
import { authInputOf, transcriptOctets, transcriptOf } from "../../../src/ike/v2/transcript.ts";

const octets = (value: number, length = 4) => new Uint8Array(length).fill(value);

const INIT = { request: octets(1, 5), response: octets(2, 7), Ni: octets(3), Nr: octets(4) };
const TRANSCRIPT = transcriptOf({ ...INIT, isFull: false });

const KEYS = { SK_pi: octets(5), SK_pr: octets(6) };

test("V2-48: each end signs its own message, the nonce of the other, and its identity", () => {
  const idBody = octets(7);
  expect(authInputOf(TRANSCRIPT, KEYS, { role: "initiator", idBody })).toEqual({
    message: octets(1, 5),
    nonce: octets(4),
    SK_p: octets(5),
    idBody,
  });
  expect(authInputOf(TRANSCRIPT, KEYS, { role: "responder", idBody })).toEqual({
    message: octets(2, 7),
    nonce: octets(3),
    SK_p: octets(6),
    idBody,
  });
});

// ZeroPrefix | RealMessage2 | RealMessage1 | NonceRData | MACedIDForI
// ZeroPrefix | RealMessage1 | RealMessage2 | NonceIData | MACedIDForR
test("X-12: each end signs 8 zeros, the message it received, and what it signs otherwise", () => {
  const full = transcriptOf({ ...INIT, isFull: true });
  const idBody = octets(7);
  expect(authInputOf(full, KEYS, { role: "initiator", idBody })).toEqual({
    before: [octets(0, 8), octets(2, 7)],
    message: octets(1, 5),
    nonce: octets(4),
    SK_p: octets(5),
    idBody,
  });
  expect(authInputOf(full, KEYS, { role: "responder", idBody })).toEqual({
    before: [octets(0, 8), octets(1, 5)],
    message: octets(2, 7),
    nonce: octets(3),
    SK_p: octets(6),
    idBody,
  });
});

test("a transcript counts as much memory as its messages take", () => {
  expect(transcriptOctets(TRANSCRIPT)).toBe(12);
});
