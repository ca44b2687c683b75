/**
 * IP packets around datagrams, as they were on the wire, except for fields that are no longer
 * known.
 */

import { Writer } from "../octets/writer.ts";
import { type Address, addressOctets } from "./address.ts";
import type { Endpoint } from "./endpoint.ts";

const UDP = 17;
const TTL = 64;
const UDP_HEADER_OCTETS = 8;
const IPV4_HEADER_OCTETS = 20;
/** The capacity of an IP packet: longer datagrams are cut. */
const PAYLOAD_OCTETS_MAX = 65_535 - IPV4_HEADER_OCTETS - UDP_HEADER_OCTETS;

/** An IPv4 or IPv6 packet with one UDP datagram (RFC 791, 8200, 768); its checksums are right. */
export function emitUdpPacket(from: Endpoint, to: Endpoint, payload: Uint8Array): Uint8Array {
  const data = payload.subarray(0, PAYLOAD_OCTETS_MAX);
  const datagram = udpDatagram(from, to, data);
  return from.address.family === 4
    ? ipv4Packet(from.address, to.address, datagram)
    : ipv6Packet(from.address, to.address, datagram);
}

function udpDatagram(from: Endpoint, to: Endpoint, data: Uint8Array): Uint8Array {
  const length = UDP_HEADER_OCTETS + data.length;
  const emit = (checksum: number) =>
    new Writer(length).u16(from.port).u16(to.port).u16(length).u16(checksum).octets(data).done();
  const [source, target] = [addressOctets(from.address), addressOctets(to.address)];
  const pseudo = new Writer(source.length + target.length + 8)
    .octets(source)
    .octets(target)
    .u32(length)
    .u32(UDP)
    .done();
  const sum = checksumOf(pseudo, emit(0));
  // Zero would mean that there is no checksum (RFC 768).
  return emit(sum === 0 ? 0xffff : sum);
}

function ipv4Packet(from: Address, to: Address, datagram: Uint8Array): Uint8Array {
  const length = IPV4_HEADER_OCTETS + datagram.length;
  const head = (checksum: number) =>
    new Writer(IPV4_HEADER_OCTETS)
      .u16(0x4500)
      .u16(length)
      .u32(0)
      .u16((TTL << 8) | UDP)
      .u16(checksum)
      .octets(addressOctets(from))
      .octets(addressOctets(to))
      .done();
  return new Writer(length)
    .octets(head(checksumOf(head(0))))
    .octets(datagram)
    .done();
}

function ipv6Packet(from: Address, to: Address, datagram: Uint8Array): Uint8Array {
  return new Writer(40 + datagram.length)
    .u32(0x6000_0000)
    .u16(datagram.length)
    .u16((UDP << 8) | TTL)
    .octets(addressOctets(from))
    .octets(addressOctets(to))
    .octets(datagram)
    .done();
}

/** The Internet checksum (RFC 1071) over parts; each but the last has an even number of octets. */
function checksumOf(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 2) {
      sum += ((part[i] ?? 0) << 8) | (part[i + 1] ?? 0);
    }
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
