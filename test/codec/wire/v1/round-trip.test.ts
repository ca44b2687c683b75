/** IKEv1: what is written is read as the same, and what is read is written unchanged. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { concat } from "../../../../src/octets/concat.ts";
import type { Payload } from "../../../../src/wire/v1/message.ts";
import {
  emitEncrypted,
  emitMessage,
  emitPayloadBody,
  emitPayloadOctets,
  firstPayloadType,
  parsePayloads,
} from "../../../../src/wire/v1/payload-chain.ts";
import { anyHeader, anyPayloads, payloadOfKind } from "./arbitrary.ts";
import { readMessage, withoutBodies } from "./read-message.ts";

for (const [kind, arbitrary] of Object.entries(payloadOfKind)) {
  test(`round trip: ${kind}, parse after emit and emit after parse`, () => {
    fc.assert(
      fc.property(arbitrary, (payload) => {
        const octets = emitPayloadOctets([payload]);
        const [read, ...others] = payloadsOf([payload], octets).payloads;
        if (read === undefined) throw new Error("nothing was read");
        expect(others).toEqual([]);
        expect(withoutBodies([read])).toEqual([payload]);
        expect(read.body).toEqual(emitPayloadBody(payload));
        expect(emitPayloadOctets([read])).toEqual(octets);
      }),
      { numRuns: 300 },
    );
  });
}

test("round trip: whole messages", () => {
  fc.assert(
    fc.property(anyHeader, anyPayloads, (header, payloads) => {
      const octets = emitMessage(header, payloads);
      const message = readMessage(octets);
      if (!message.ok) throw new Error("not read");
      expect(message.value.header).toEqual(header);
      expect(withoutBodies(message.value.payloads)).toEqual(payloads);
      expect(message.value.trailing).toBe(0);
    }),
    { numRuns: 500 },
  );
});

test("hashes cover the octets after the first payload, and no padding", () => {
  fc.assert(
    fc.property(anyPayloads, fc.uint8Array({ maxLength: 40 }), (rest, padding) => {
      const hash = { kind: "HASH", data: new Uint8Array(20).fill(7) } as const;
      const octets = concat(emitPayloadOctets([hash, ...rest]), padding);
      const { afterFirst, trailing } = payloadsOf([hash], octets);
      expect(afterFirst).toEqual(emitPayloadOctets(rest));
      expect(trailing).toBe(padding.length);
    }),
  );
});

test("a message without payloads covers nothing", () => {
  const chain = payloadsOf([], Uint8Array.of(1, 2, 3));
  expect(chain).toEqual({ payloads: [], afterFirst: new Uint8Array(0), trailing: 3 });
});

test("an encrypted message: header, then the ciphertext as it is", () => {
  fc.assert(
    fc.property(anyHeader, fc.uint8Array({ maxLength: 99 }), (header, ciphertext) => {
      const octets = emitEncrypted(header, 8, ciphertext);
      expect(octets.subarray(28)).toEqual(ciphertext);
      expect(octets[16]).toBe(8);
      expect(octets[17]).toBe(0x10);
      expect(new DataView(octets.buffer).getUint32(24)).toBe(octets.length);
    }),
  );
});

function payloadsOf(payloads: readonly Payload[], octets: Uint8Array) {
  const chain = parsePayloads(firstPayloadType(payloads), octets, "chain");
  if (!chain.ok) throw new Error(JSON.stringify(chain.error));
  return chain.value;
}
