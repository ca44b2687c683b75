/** The first message of IKEv1: the caller is read, and nothing in it can do harm. */

import { expect, test } from "bun:test";
import { Writer } from "../../../src/octets/writer.ts";
import { asIkeSpi, emitHeader, parseHeader } from "../../../src/wire/header.ts";
import { identityText } from "../../../src/wire/identity.ts";
import { type Ikev1Call, parseIkev1Call } from "../../../src/wire/v1/call.ts";
import { createPrng } from "../../simulation/prng.ts";

const MAIN = 2;
const AGGRESSIVE = 4;
const QUICK = 32;
const SA = 1;
const KE = 4;
const ID = 5;
const FQDN = 2;

test("Main Mode shows no ID, Aggressive Mode does", () => {
  expect(parsed(message(MAIN, [[SA, 60]]))).toEqual({ mode: "Main Mode", identity: undefined });
  const call = parsed(message(AGGRESSIVE, [[SA, 60], [KE, 128], fqdn("router-7")]));
  expect(call?.mode).toBe("Aggressive Mode");
  expect(call?.identity === undefined ? "" : identityText(call.identity)).toBe("router-7");
});

test("answers, later exchanges and other versions begin nothing", () => {
  expect(parsed(message(QUICK, [[SA, 60]]))).toBeUndefined();
  expect(parsed(message(MAIN, [[SA, 60]], { spiR: 5n }))).toBeUndefined();
  expect(parsed(message(MAIN, [[SA, 60]], { spiI: 0n }))).toBeUndefined();
  expect(parsed(message(MAIN, [[SA, 60]], { major: 2 }))).toBeUndefined();
});

test("an ID that is too long, cut, or after too many payloads, is ignored", () => {
  const none = { mode: "Aggressive Mode", identity: undefined } as const;
  expect(parsed(message(AGGRESSIVE, [fqdn("x".repeat(255))]))?.identity?.data.length).toBe(255);
  expect(parsed(message(AGGRESSIVE, [fqdn("x".repeat(256))]))).toEqual(none);
  expect(parsed(message(AGGRESSIVE, [fqdn("x".repeat(60_000))]))).toEqual(none);
  expect(parsed(message(AGGRESSIVE, [fqdn("")]))).toEqual(none);
  const many = Array.from({ length: 40 }, () => [SA, 4] as const);
  expect(parsed(message(AGGRESSIVE, [...many, fqdn("late")]))).toEqual(none);
  const whole = message(AGGRESSIVE, [[SA, 60], fqdn("router-7")]);
  for (let length = 28; length < whole.length; length++) {
    const cut = whole.slice(0, length);
    new DataView(cut.buffer).setUint32(24, length);
    expect(parsed(cut)).toEqual(none);
  }
});

test("any octets are read or refused", () => {
  const prng = createPrng(3);
  const whole = message(AGGRESSIVE, [[SA, 60], [KE, 128], fqdn("router-7")]);
  for (let count = 0; count < 20_000; count++) {
    const octets = whole.slice();
    for (let hits = 0; hits < 4; hits++) {
      octets[28 + (prng.u32() % (octets.length - 28))] = prng.u32() & 255;
    }
    expect((parsed(octets)?.identity?.data.length ?? 0) <= 255).toBe(true);
  }
});

type Part = readonly [type: number, octets: number] | readonly [number, Uint8Array];

/** ID Type, Protocol ID and Port, Identification Data. */
function fqdn(text: string): Part {
  const data = new TextEncoder().encode(text);
  return [ID, new Writer(4 + data.length).u8(FQDN).zeros(3).octets(data).done()];
}

function message(
  exchangeType: number,
  parts: readonly Part[],
  { spiI = 7n, spiR = 0n, major = 1 } = {},
): Uint8Array {
  const w = new Writer();
  const header = {
    ...{ spiI: asIkeSpi(spiI), spiR: asIkeSpi(spiR), exchangeType, messageId: 0 },
    version: { major, minor: 0 },
    flags: { initiator: false, version: false, response: false },
  };
  emitHeader(w, header, parts[0]?.[0] ?? 0);
  for (const [at, [, content]] of parts.entries()) {
    const body = typeof content === "number" ? new Uint8Array(content - 4) : content;
    w.u8(parts[at + 1]?.[0] ?? 0).u8(0);
    w.u16((body.length + 4) & 0xffff).octets(body);
  }
  const octets = w.done();
  new DataView(octets.buffer, octets.byteOffset).setUint32(24, octets.length);
  return octets;
}

function parsed(octets: Uint8Array): Ikev1Call | undefined {
  const header = parseHeader(octets);
  return header.ok ? parseIkev1Call(header.value, octets) : undefined;
}
