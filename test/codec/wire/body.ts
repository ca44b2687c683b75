/** The body of one payload: parsed under `decode`, emitted by itself. */

import { expect } from "bun:test";
import { decode, type Malformed, type Reader } from "../../../src/octets/reader.ts";
import type { Result } from "../../../src/octets/result.ts";
import { Writer } from "../../../src/octets/writer.ts";

/** The largest value of Payload Length. */
const BODY_OCTETS_MAX = 65531;

/** The result of a parser, or its fault. */
export function parsed<T>(octets: Uint8Array, parse: (r: Reader) => T): Result<T, Malformed> {
  return decode(octets, "payload", parse);
}

/** The octets that an emitter writes. */
export function emitted<T>(payload: T, emit: (w: Writer, payload: T) => void): Uint8Array {
  const w = new Writer(BODY_OCTETS_MAX);
  emit(w, payload);
  return w.done();
}

/** Expects that `parse` makes `payload` from these octets, and `emit` the same octets from it. */
export function expectSame<T>(
  octets: Uint8Array,
  payload: T,
  codec: { readonly parse: (r: Reader) => T; readonly emit: (w: Writer, payload: T) => void },
): void {
  expect(parsed(octets, codec.parse)).toEqual({ ok: true, value: payload });
  expect(emitted(payload, codec.emit)).toEqual(octets);
}

/** Expects that these octets are malformed wherever they are cut short. */
export function expectCutsFault(octets: Uint8Array, parse: (r: Reader) => unknown): void {
  for (let length = 0; length < octets.length; length++) {
    const result = parsed(octets.subarray(0, length), parse);
    expect({ length, ok: result.ok }).toEqual({ length, ok: false });
  }
}

/** The fault of these octets: where and why. */
export function faultOf(octets: Uint8Array, parse: (r: Reader) => unknown): string {
  const result = parsed(octets, parse);
  return result.ok ? "no fault" : `${result.error.where}: ${result.error.detail}`;
}
