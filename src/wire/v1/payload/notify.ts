/** The Notification and Delete payloads (RFC 2408 §3.14, §3.15). */

import { assert } from "../../../octets/assert.ts";
import type { Reader } from "../../../octets/reader.ts";
import type { Writer } from "../../../octets/writer.ts";
import type { DeletePayload, NotifyPayload } from "../message.ts";

/**
 * So many SPIs of a Delete payload are read: no peer has so many SAs. The rest is skipped.
 */
const DELETE_SPIS_MAX = 256;

// |              Domain of Interpretation  (DOI)                  |
// |  Protocol-ID  |   SPI Size    |      Notify Message Type      |
// ~                Security Parameter Index (SPI)                 ~
// ~                       Notification Data                       ~

/** Reads a Notification payload. Code that reads it knows which types come with which SPI. */
export function parseNotify(r: Reader): NotifyPayload {
  const doi = r.u32();
  const protocol = r.u8();
  const spiOctets = r.u8();
  const type = r.u16();
  if (spiOctets > r.left) r.fail(`SPI Size ${spiOctets}, but ${r.left} octets are left`);
  const spi = r.octets(spiOctets);
  return { kind: "NOTIFY", doi, protocol, spi, type, data: r.rest() };
}

/** Writes the body of a Notification payload. */
export function emitNotify(w: Writer, payload: NotifyPayload): void {
  const { doi, protocol, spi, type, data } = payload;
  assert(spi.length <= 0xff, `a notify's SPI of ${spi.length} octets`);
  w.u32(doi).u8(protocol).u8(spi.length).u16(type).octets(spi).octets(data);
}

// |              Domain of Interpretation  (DOI)                  |
// |  Protocol-Id  |   SPI Size    |           # of SPIs           |
// ~               Security Parameter Index(es) (SPI)              ~

/** Reads a Delete payload. */
export function parseDelete(r: Reader): DeletePayload {
  const doi = r.u32();
  const protocol = r.u8();
  const spiOctets = r.u8();
  const count = r.u16();
  if (count * spiOctets !== r.left) {
    r.fail(`${count} SPIs of ${spiOctets} octets, but ${r.left} octets are left`);
  }
  const spis: Uint8Array[] = [];
  while (r.left > 0 && spis.length < DELETE_SPIS_MAX) spis.push(r.octets(spiOctets));
  r.skip(r.left);
  return { kind: "DELETE", doi, protocol, spis };
}

/** Writes the body of a Delete payload, whose SPIs have one length. */
export function emitDelete(w: Writer, { doi, protocol, spis }: DeletePayload): void {
  const spiOctets = spis[0]?.length ?? 0;
  assert(
    spis.every(({ length }) => length === spiOctets),
    "SPIs of several lengths in one Delete",
  );
  assert(spis.length <= 0xffff, `a Delete of ${spis.length} SPIs`);
  w.u32(doi).u8(protocol).u8(spiOctets).u16(spis.length);
  for (const spi of spis) w.octets(spi);
}
