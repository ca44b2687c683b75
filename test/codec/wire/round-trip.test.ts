/** What is written is read as the same, and what is read is written unchanged. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { Writer } from "../../../src/octets/writer.ts";
import { emitMessage, emitPayloadOctets } from "../../../src/wire/v2/emit-message.ts";
import type { Payload } from "../../../src/wire/v2/message.ts";
import {
  emitPayloads,
  firstPayloadType,
  parsePayloads,
} from "../../../src/wire/v2/payload-chain.ts";
import { payloadsLength } from "../../../src/wire/v2/payload-length.ts";
import { emitProtectedFrame, findSk } from "../../../src/wire/v2/protected.ts";
import { anyHeader, anyPayloads, payloadOfKind } from "./arbitrary.ts";
import { readMessage } from "./read-message.ts";

for (const [kind, arbitrary] of Object.entries(payloadOfKind)) {
  test(`round trip: ${kind}, parse after emit and emit after parse`, () => {
    fc.assert(
      fc.property(arbitrary as fc.Arbitrary<Payload>, (payload) => {
        const octets = emitPayloadOctets([payload]);
        const chain = parsePayloads(firstPayloadType([payload]), octets, "chain");
        if (!chain.ok) throw new Error(JSON.stringify(chain.error));
        expect(chain.value.payloads).toEqual([payload]);
        expect(emitPayloadOctets(chain.value.payloads)).toEqual(octets);
      }),
      { numRuns: 300 },
    );
  });
}

test("round trip: whole messages", () => {
  fc.assert(
    fc.property(anyHeader, anyPayloads, (header, payloads) => {
      const octets = emitMessage(header, payloads);
      const message = readMessage(octets, "plain");
      if (!message.ok || message.value.kind !== "plain") throw new Error("not read");
      expect(message.value.header).toEqual({
        ...header,
        nextPayload: firstPayloadType(payloads),
        length: octets.length,
      });
      expect(message.value.payloads).toEqual(payloads);
      expect(emitMessage(message.value.header, message.value.payloads)).toEqual(octets);
    }),
    { numRuns: 500 },
  );
});

test("round trip: frames for Encrypted payloads and fragments", () => {
  const fragment = fc.option(
    fc
      .tuple(fc.integer({ min: 1, max: 65535 }), fc.integer({ min: 1, max: 65535 }))
      .map(([a, b]) => ({ number: Math.min(a, b), total: Math.max(a, b) })),
    { nil: undefined },
  );
  const sizes = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 2000 }));
  fc.assert(
    fc.property(anyHeader, sizes, fragment, (header, [firstInner, bodyOctets], drawn) => {
      const { octets, bodyAt } = emitProtectedFrame(header, firstInner, bodyOctets, drawn);
      expect(octets.length - bodyAt).toBe(bodyOctets);
      const message = readMessage(octets, "protected");
      if (!message.ok || message.value.kind !== "protected") throw new Error("not read");
      const place = findSk(octets, message.value.header);
      const kind = drawn === undefined ? "SK" : "SKF";
      const found = { kind, firstInner, bodyAt, outer: [] };
      const value = drawn === undefined ? found : { ...found, fragment: drawn };
      expect<unknown>(place).toEqual({ ok: true, value });
    }),
  );
});

test("a chain's length is known before it is written", () => {
  fc.assert(
    fc.property(anyPayloads, (payloads) => {
      const w = new Writer(1 << 17);
      emitPayloads(w, payloads);
      expect(payloadsLength(payloads)).toBe(w.length);
    }),
  );
});
