/** IKEv1: limits, lengths that lie, and what is skipped. */

import { expect, test } from "bun:test";
import { concat } from "../../../../src/octets/concat.ts";
import { ExchangeType } from "../../../../src/wire/v1/header.ts";
import {
  DOI_IPSEC,
  PAYLOADS_MAX,
  type Payload,
  PayloadType,
  Protocol,
  SIT_IDENTITY_ONLY,
} from "../../../../src/wire/v1/message.ts";
import { CFG_ATTRIBUTES_MAX } from "../../../../src/wire/v1/payload/attribute.ts";
import {
  PROPOSALS_MAX,
  TRANSFORM_ATTRIBUTES_MAX,
  TRANSFORMS_MAX,
} from "../../../../src/wire/v1/payload/sa.ts";
import {
  emitMessage,
  emitPayloadOctets,
  firstPayloadType,
  parsePayloads,
} from "../../../../src/wire/v1/payload-chain.ts";
import { readMessage, withoutBodies } from "./read-message.ts";
import { headerOf } from "./samples.ts";

const EMPTY = new Uint8Array(0);

test("of many payloads the first ones are read, and then the first of each type", () => {
  const vendor: Payload = { kind: "VENDOR", data: EMPTY };
  const nonce: Payload = { kind: "NONCE", data: new Uint8Array(16) };
  const many = Array.from({ length: 9_000 }, () => vendor);
  const message = readMessage(
    emitMessage(headerOf(ExchangeType.MAIN_MODE, 0), [...many, nonce, ...many, nonce]),
  );
  if (!message.ok) throw new Error("not read");
  expect(message.value.payloads).toHaveLength(PAYLOADS_MAX + 1);
  expect(withoutBodies(message.value.payloads.slice(-1))).toEqual([nonce]);
});

test("payloads of unknown types are kept as they are, critical bit or not", () => {
  const octets = Uint8Array.of(13, 0x80, 0, 6, 1, 2, 0, 0xff, 0, 5, 3);
  const chain = parsePayloads(15, octets, "chain");
  if (!chain.ok) throw new Error("not read");
  expect(withoutBodies(chain.value.payloads)).toEqual([
    { kind: "OPAQUE", payloadType: 15, data: Uint8Array.of(1, 2) },
    { kind: "VENDOR", data: Uint8Array.of(3) },
  ]);
});

test("a payload that names itself as the next one ends with the message", () => {
  const octets = Uint8Array.of(13, 0, 0, 4, 13, 0, 0, 4);
  const fault = parsePayloads(13, octets, "chain");
  expect(fault.ok ? "" : fault.error.detail).toMatch(/needs a header of 4 octets, has 0/);
});

test("a Payload Length below 4, or beyond the end, is malformed", () => {
  for (const length of [0, 1, 2, 3, 9, 0xffff]) {
    const octets = Uint8Array.of(0, 0, length >>> 8, length, 1, 2, 3, 4);
    expect([length, parsePayloads(13, octets, "chain").ok]).toEqual([length, false]);
  }
});

test("a payload with wrong content leaves the others alone", () => {
  const octets = Uint8Array.of(13, 0, 0, 6, 1, 2, 0, 0, 0, 5, 9);
  const chain = parsePayloads(PayloadType.NONCE, octets, "chain");
  if (!chain.ok) throw new Error("not read");
  const [nonce, vendor] = chain.value.payloads;
  expect(nonce).toMatchObject({ kind: "UNREADABLE", payloadType: PayloadType.NONCE });
  expect(nonce?.kind === "UNREADABLE" ? nonce.fault.detail : "").toBe(
    "Nonce Data has 2 octets, needs 8 to 256",
  );
  expect(nonce?.body).toEqual(Uint8Array.of(1, 2));
  expect(vendor).toMatchObject({ kind: "VENDOR", data: Uint8Array.of(9) });
});

test("more proposals and transforms than the limits are skipped", () => {
  const transforms = Array.from({ length: 255 }, (_, i) => ({ number: i, id: 1, attributes: [] }));
  const proposal = { number: 1, protocol: Protocol.ISAKMP, spi: EMPTY };
  const read = (count: number, size: number) => {
    const one = { ...proposal, transforms: transforms.slice(0, size) };
    const sa = saOf(Array.from({ length: count }, () => one));
    return sa.kind === "SA" ? sa.proposals : [];
  };
  expect(read(300, 1)).toHaveLength(PROPOSALS_MAX);
  const all = read(20, 255).reduce((sum, one) => sum + one.transforms.length, 0);
  expect(all).toBeGreaterThanOrEqual(TRANSFORMS_MAX);
  expect(all).toBeLessThan(TRANSFORMS_MAX + 255);
});

test("a transform with more attributes than the limit makes its SA payload unreadable", () => {
  const sa = (count: number) => {
    const attributes = Array.from({ length: count }, () => {
      return { type: 1, form: "TV", value: 1 } as const;
    });
    const transforms = [{ number: 1, id: 1, attributes }];
    return saOf([{ number: 1, protocol: Protocol.ISAKMP, spi: EMPTY, transforms }]).kind;
  };
  expect(sa(TRANSFORM_ATTRIBUTES_MAX)).toBe("SA");
  expect(sa(TRANSFORM_ATTRIBUTES_MAX + 1)).toBe("UNREADABLE");
});

test("an Attribute payload with more attributes than the limit is unreadable", () => {
  const read = (count: number) => {
    const attributes = Array.from({ length: count }, () => {
      return { type: 1, form: "TLV", octets: EMPTY } as const;
    });
    return only({ kind: "ATTRIBUTE", cfgType: 1, identifier: 1, attributes }).kind;
  };
  expect(read(CFG_ATTRIBUTES_MAX)).toBe("ATTRIBUTE");
  expect(read(CFG_ATTRIBUTES_MAX + 1)).toBe("UNREADABLE");
});

test("an ID that is too long or empty is unreadable", () => {
  const read = (octets: number) => {
    const identity = { idType: 2, data: new Uint8Array(octets).fill(65) };
    return only({ kind: "ID", identity, protocol: 0, port: 0 }).kind;
  };
  expect([read(0), read(1), read(1_024), read(1_025)]).toEqual([
    "UNREADABLE",
    "ID",
    "ID",
    "UNREADABLE",
  ]);
});

test("an SA payload of another DOI or situation is read without its proposals", () => {
  const rest = new Uint8Array(30).fill(9);
  const body = (doi: number, situation: number) =>
    concat(Uint8Array.of(0, 0, 0, 42, 0, 0, 0, doi, 0, 0, 0, situation).subarray(4), rest);
  const read = (octets: Uint8Array) => {
    const header = Uint8Array.of(0, 0, 0, octets.length + 4);
    const chain = parsePayloads(PayloadType.SA, concat(header, octets), "chain");
    return chain.ok ? withoutBodies(chain.value.payloads)[0] : undefined;
  };
  expect(read(body(2, 1))).toEqual({ kind: "SA", doi: 2, situation: 0, proposals: [] });
  expect(read(body(1, 3))).toEqual({ kind: "SA", doi: 1, situation: 3, proposals: [] });
});

test("payloads have names in faults, also those of unknown types", () => {
  const faultAt = (type: number) => {
    const chain = parsePayloads(type, Uint8Array.of(0, 0, 0, 9), "chain");
    return chain.ok ? "" : chain.error.detail;
  };
  expect(faultAt(PayloadType.NAT_D)).toContain("NAT-D payload");
  expect(faultAt(99)).toContain("payload of type 99");
});

function saOf(proposals: Extract<Payload, { kind: "SA" }>["proposals"]) {
  return only({ kind: "SA", doi: DOI_IPSEC, situation: SIT_IDENTITY_ONLY, proposals });
}

/** The payload as it is read after it was written. */
function only(payload: Payload) {
  const chain = parsePayloads(firstPayloadType([payload]), emitPayloadOctets([payload]), "chain");
  if (!chain.ok) throw new Error(JSON.stringify(chain.error));
  const [read] = chain.value.payloads;
  if (read === undefined) throw new Error("nothing was read");
  return read;
}
