/** The Delete payload (RFC 7296 §3.11). */

import { assert } from "../../../octets/assert.ts";
import type { Reader } from "../../../octets/reader.ts";
import type { Writer } from "../../../octets/writer.ts";
import { type DeletePayload, Protocol } from "../message.ts";

// | Protocol ID   |   SPI Size    |          Num of SPIs          |
// ~               Security Parameter Index(es) (SPI)              ~

/**
 * So many SPIs of a Delete payload are read: no peer has so many Child SAs. The rest is skipped.
 */
const DELETE_SPIS_MAX = 256;

/**
 * Reads a Delete payload. SPIs of other protocols are skipped: they can name nothing here.
 */
export function parseDelete(r: Reader): DeletePayload {
  const protocol = r.u8();
  const spiOctets = r.u8();
  const count = r.u16();
  const expected = spiOctetsOf(protocol);
  if (expected !== undefined && spiOctets !== expected) {
    r.fail(`SPI Size ${spiOctets} for protocol ${protocol}, needs ${expected}`);
  }
  if (count * spiOctets !== r.left) {
    r.fail(`${count} SPIs of ${spiOctets} octets, but ${r.left} octets are left`);
  }
  if (expected !== ESP_SPI_OCTETS) {
    r.skip(r.left);
    return { kind: "DELETE", protocol, spis: [] };
  }
  const spis: number[] = [];
  while (r.left > 0 && spis.length < DELETE_SPIS_MAX) spis.push(r.u32());
  r.skip(r.left);
  return { kind: "DELETE", protocol, spis };
}

/** Writes the body of a Delete payload. */
export function emitDelete(w: Writer, payload: DeletePayload): void {
  const { protocol, spis } = payload;
  const spiOctets = spiOctetsOf(protocol) ?? 0;
  assert(spis.length === 0 || spiOctets === ESP_SPI_OCTETS, `SPIs of protocol ${protocol}`);
  assert(spis.length <= 0xffff, `a Delete of ${spis.length} SPIs`);
  w.u8(protocol).u8(spiOctets).u16(spis.length);
  for (const spi of spis) w.u32(spi);
}

function spiOctetsOf(protocol: number): number | undefined {
  if (protocol === Protocol.IKE) return 0; // the header has the SPIs
  return protocol === Protocol.ESP || protocol === Protocol.AH ? ESP_SPI_OCTETS : undefined;
}

const ESP_SPI_OCTETS = 4;
