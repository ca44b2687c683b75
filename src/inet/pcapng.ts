/** pcapng files: the format that Wireshark, tshark and tcpdump read (draft-ietf-opsawg-pcapng). */

import { concat } from "../octets/concat.ts";
import { Writer } from "../octets/writer.ts";

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const ENHANCED_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
/** Packets begin with their IPv4 or IPv6 header. */
const LINKTYPE_RAW = 101;
const OPTION_END = 0;
const OPTION_COMMENT = 1;
const OPTION_USER_APPLICATION = 4;
const COMMENT_OCTETS_MAX = 1_000;

/** The head of a file: one section, one interface, times in microseconds. */
export function pcapngHead(application: string): Uint8Array {
  const section = new Writer(16).u32(BYTE_ORDER_MAGIC).u16(1).u16(0);
  // Section Length: unknown.
  const named = section.u32(0xffff_ffff).u32(0xffff_ffff).done();
  const interfaceOf = new Writer(8).u16(LINKTYPE_RAW).u16(0).u32(0).done();
  const head = block(SECTION_HEADER, named, option(OPTION_USER_APPLICATION, application));
  const description = block(INTERFACE_DESCRIPTION, interfaceOf, new Uint8Array(0));
  return concat(head, description);
}

/** A packet with its time of day (ms since 1970) and a comment. */
export function pcapngPacket(wallMs: number, packet: Uint8Array, comment: string): Uint8Array {
  const us = BigInt(Math.round(wallMs * 1_000));
  const fields = new Writer(20 + padded(packet.length))
    .u32(0)
    .u32(Number(us >> 32n))
    .u32(Number(us & 0xffff_ffffn))
    .u32(packet.length)
    .u32(packet.length)
    .octets(packet)
    .octets(new Uint8Array(padded(packet.length) - packet.length))
    .done();
  return block(ENHANCED_PACKET, fields, option(OPTION_COMMENT, comment));
}

/** Counts the packets of one of our files that arrives in pieces, wherever it is cut. */
export function createPacketCounter(): { take(piece: Uint8Array): number } {
  const head = new Uint8Array(8);
  let headOctets = 0;
  let toSkip = 0;
  let packets = 0;
  return {
    take(piece) {
      for (let at = 0; at < piece.length; ) {
        const skipped = Math.min(toSkip, piece.length - at);
        toSkip -= skipped;
        at += skipped;
        if (at === piece.length) break;
        head[headOctets++] = piece[at++] ?? 0;
        if (headOctets < head.length) continue;
        headOctets = 0;
        const view = new DataView(head.buffer);
        if (view.getUint32(0) === ENHANCED_PACKET) packets++;
        toSkip = Math.max(0, view.getUint32(4) - head.length);
      }
      return packets;
    },
  };
}

function block(type: number, body: Uint8Array, options: Uint8Array): Uint8Array {
  const length = 12 + body.length + options.length;
  return new Writer(length).u32(type).u32(length).octets(body).octets(options).u32(length).done();
}

function option(code: number, text: string): Uint8Array {
  const octets = new TextEncoder().encode(text).subarray(0, COMMENT_OCTETS_MAX);
  const room = padded(octets.length);
  return new Writer(8 + room)
    .u16(code)
    .u16(octets.length)
    .octets(octets)
    .octets(new Uint8Array(room - octets.length))
    .u16(OPTION_END)
    .u16(0)
    .done();
}

function padded(octets: number): number {
  return Math.ceil(octets / 4) * 4;
}
