/** The Traffic Selector payloads (RFC 7296 §3.13). */

import type { AddressRange } from "../../../inet/address.ts";
import { emitAddress, type Family, formatAddress } from "../../../inet/address.ts";
import { assert } from "../../../octets/assert.ts";
import type { Reader } from "../../../octets/reader.ts";
import type { Writer } from "../../../octets/writer.ts";
import type { TrafficSelector } from "../../traffic-selector.ts";
import type { TsPayload } from "../message.ts";

// | Number of TSs |                 RESERVED                      |
// ~                       <Traffic Selectors>                     ~

/**
 * Reads a TSi or TSr payload. Selectors of unknown type are counted and skipped: if all are
 * unknown, or there are none, `selectors` is empty (§2.9).
 */
export function parseTs(r: Reader, kind: TsPayload["kind"]): TsPayload {
  const count = r.u8();
  r.skip(3); // RESERVED: MUST be ignored on receipt
  const selectors: TrafficSelector[] = [];
  let unknown = 0;
  for (let i = 1; i <= count; i++) {
    if (r.left === 0) r.fail(`Number of TSs ${count}, has ${i - 1}`);
    const selector = parseSelector(r, i);
    if (selector === undefined) unknown++;
    else selectors.push(selector);
  }
  r.end();
  return { kind, selectors, unknown };
}

/**
 * Writes the body of a TSi or TSr payload; selectors that were `unknown` when read are left out.
 */
export function emitTs(w: Writer, payload: TsPayload): void {
  const { selectors } = payload;
  assert(selectors.length <= 0xff, "traffic selectors in a payload", selectors.length);
  w.u8(selectors.length).zeros(3);
  for (const selector of selectors) emitSelector(w, selector);
}

/** Octets of the body that {@link emitTs} writes. */
export function tsLength(payload: TsPayload): number {
  let octets = 4;
  for (const { range } of payload.selectors) octets += SELECTOR_OCTETS[range.family];
  return octets;
}

// |   TS Type     |IP Protocol ID*|       Selector Length         |
// |           Start Port*         |           End Port*           |
// ~                         Starting Address*                     ~
// ~                         Ending Address*                       ~

function parseSelector(outer: Reader, ordinal: number): TrafficSelector | undefined {
  const type = outer.u8();
  const protocol = outer.u8();
  const length = outer.u16();
  const family = familyOf(type);
  const needs = family === undefined ? undefined : SELECTOR_OCTETS[family];
  if (needs === undefined ? length < SELECTOR_HEADER_OCTETS : length !== needs) {
    const wanted = needs ?? `at least ${SELECTOR_HEADER_OCTETS}`;
    outer.fail(`traffic selector ${ordinal}: Selector Length ${length}, needs ${wanted}`);
  }
  const where = `${outer.where}, traffic selector ${ordinal}`;
  const r = outer.sub(length - SELECTOR_HEADER_OCTETS, where);
  if (family === undefined) return undefined;
  const startPort = r.u16();
  const endPort = r.u16();
  const range = { family, first: readAddress(r, family), last: readAddress(r, family) };
  const isOpaque = startPort === OPAQUE_START && endPort === OPAQUE_END;
  if (startPort > endPort && !isOpaque) r.fail(`Start Port ${startPort}, End Port ${endPort}`);
  if (range.first > range.last) r.fail(addressesText(range));
  return { protocol, startPort, endPort, range };
}

function emitSelector(w: Writer, selector: TrafficSelector): void {
  const { family, first, last } = selector.range;
  w.u8(TS_TYPE[family]).u8(selector.protocol).u16(SELECTOR_OCTETS[family]);
  w.u16(selector.startPort).u16(selector.endPort);
  emitAddress(w, family, first);
  emitAddress(w, family, last);
}

function readAddress(r: Reader, family: Family): bigint {
  if (family === 4) return BigInt(r.u32());
  const high = r.u64();
  return (high << 64n) | r.u64();
}

function addressesText({ family, first, last }: AddressRange): string {
  const start = formatAddress({ family, value: first });
  return `Starting Address ${start}, Ending Address ${formatAddress({ family, value: last })}`;
}

function familyOf(type: number): Family | undefined {
  if (type === TS_TYPE[4]) return 4;
  return type === TS_TYPE[6] ? 6 : undefined;
}

/** TS_IPV4_ADDR_RANGE and TS_IPV6_ADDR_RANGE. */
const TS_TYPE = { 4: 7, 6: 8 } as const;

/** Up to Selector Length: the part that selectors of all types have in common. */
const SELECTOR_HEADER_OCTETS = 4;
const SELECTOR_OCTETS = { 4: 16, 6: 40 } as const;

/** Ports that the sender could not see: start above end, on purpose (§3.13.1). */
const OPAQUE_START = 65535;
const OPAQUE_END = 0;
