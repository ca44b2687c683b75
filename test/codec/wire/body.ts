/** One payload's body alone: parsed under `decode`, emitted into octets of its own. */

import { expect } from "bun:test";
import { decode, type Malformed, type Reader } from "../../../src/octets/reader.ts";
import type { Result } from "../../../src/octets/result.ts";
import { Writer } from "../../../src/octets/writer.ts";

/** What a Payload Length can say at most. */
const BODY_OCTETS_MAX = 65531;

/** What a parser makes of octets, or its fault. */
export function parsed<T>(octets: Uint8Array, parse: (r: Reader) => T): Result<T, Malformed> {
  return decode(octets, "payload", parse);
}

/** What an emitter writes. */
export function emitted<T>(payload: T, emit: (w: Writer, payload: T) => void): Uint8Array {
  const w = new Writer(BODY_OCTETS_MAX);
  emit(w, payload);
  return w.done();
}

/** Octets say this and nothing else: `parse` makes `payload` of them, `emit` the same octets. */
export function expectSame<T>(
  octets: Uint8Array,
  payload: T,
  codec: { readonly parse: (r: Reader) => T; readonly emit: (w: Writer, payload: T) => void },
): void {
  expect(parsed(octets, codec.parse)).toEqual({ ok: true, value: payload });
  expect(emitted(payload, codec.emit)).toEqual(octets);
}

/** Every part of these octets, cut short at the end, is malformed. */
export function expectCutsFault(octets: Uint8Array, parse: (r: Reader) => unknown): void {
  for (let length = 0; length < octets.length; length++) {
    const result = parsed(octets.subarray(0, length), parse);
    expect({ length, ok: result.ok }).toEqual({ length, ok: false });
  }
}

/** The fault that octets have: where and why. */
export function faultOf(octets: Uint8Array, parse: (r: Reader) => unknown): string {
  const result = parsed(octets, parse);
  return result.ok ? "no fault" : `${result.error.where}: ${result.error.detail}`;
}
