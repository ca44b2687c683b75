/** The Notify payload (RFC 7296 §3.10). */

import { assert } from "../../../octets/assert.ts";
import type { Reader } from "../../../octets/reader.ts";
import type { Writer } from "../../../octets/writer.ts";
import type { NotifyPayload } from "../message.ts";

// |  Protocol ID  |   SPI Size    |      Notify Message Type      |
// ~                Security Parameter Index (SPI)                 ~
// ~                       Notification Data                       ~

/** Reads a Notify payload. Its reader knows which types come with an SPI. */
export function parseNotify(r: Reader): NotifyPayload {
  const protocol = r.u8();
  const spiOctets = r.u8();
  const type = r.u16();
  if (spiOctets > r.left) r.fail(`SPI Size ${spiOctets}, but ${r.left} octets are left`);
  const spi = r.octets(spiOctets);
  return { kind: "NOTIFY", protocol, spi, type, data: r.rest() };
}

/** Writes the body of a Notify payload. */
export function emitNotify(w: Writer, payload: NotifyPayload): void {
  const { protocol, spi, type, data } = payload;
  assert(spi.length <= 0xff, "octets of a notify's SPI", spi.length);
  w.u8(protocol).u8(spi.length).u16(type).octets(spi).octets(data);
}
