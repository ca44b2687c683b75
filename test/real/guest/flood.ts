/**
 * A program: sends IKE_SA_INIT requests with made-up source addresses, each a different one. `bun
 * flood.ts COUNT`; to the laboratory's concentrator, from the host in which it runs.
 */

import { dlopen } from "bun:ffi";
import { TransformType } from "../../../src/crypto/transform.ts";
import { asIkeSpi } from "../../../src/wire/header.ts";
import { emitMessage } from "../../../src/wire/v2/emit-message.ts";
import { ExchangeType } from "../../../src/wire/v2/exchange-type.ts";
import type { Transform } from "../../../src/wire/v2/message.ts";

const AF_INET = 2;
const SOCK_RAW = 3;
const IPPROTO_RAW = 255;
const IP_HEADER_OCTETS = 20;
const UDP_HEADER_OCTETS = 8;
const DESTINATION = Uint8Array.of(192, 0, 2, 1);

const { symbols: c } = dlopen("libc.so.6", {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i64" },
});

const fd = c.socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
if (fd < 0) throw new Error("no raw socket: root is needed");
const to = new Uint8Array(16);
new DataView(to.buffer).setUint16(0, AF_INET, true);
to.set(DESTINATION, 4);

const request = requestOctets();
const packet = new Uint8Array(IP_HEADER_OCTETS + UDP_HEADER_OCTETS + request.length);
const view = new DataView(packet.buffer);
view.setUint16(0, 0x4500);
view.setUint16(2, packet.length);
packet.set([64, 17], 8);
packet.set(DESTINATION, 16);
view.setUint16(22, 500);
view.setUint16(24, UDP_HEADER_OCTETS + request.length);
packet.set(request, IP_HEADER_OCTETS + UDP_HEADER_OCTETS);

const count = Number(process.argv[2]);
let sent = 0;
for (let i = 1; i <= count; i++) {
  // 198.18.0.0/15 is reserved for benchmarks; the port and the initiator's SPI change, too.
  view.setUint32(12, 0xc612_0000 + (i & 0x1_ffff));
  view.setUint16(20, 1024 + (i % 60_000));
  view.setUint32(IP_HEADER_OCTETS + UDP_HEADER_OCTETS, i);
  if (c.sendto(fd, packet, BigInt(packet.length), 0, to, to.length) > 0n) sent++;
}
process.stdout.write(`${sent}\n`);

function requestOctets(): Uint8Array {
  const transform = (type: number, id: number, keyBits?: number): Transform => ({
    type,
    id,
    keyBits,
    hasUnknownAttribute: false,
  });
  const transforms = [
    transform(TransformType.ENCR, 20, 128),
    transform(TransformType.PRF, 5),
    transform(TransformType.KE, 31),
  ];
  return emitMessage(
    {
      spiI: asIkeSpi(1n),
      spiR: asIkeSpi(0n),
      version: { major: 2, minor: 0 },
      exchangeType: ExchangeType.IKE_SA_INIT,
      flags: { initiator: true, version: false, response: false },
      messageId: 0,
    },
    [
      { kind: "SA", proposals: [{ number: 1, protocol: 1, spi: new Uint8Array(0), transforms }] },
      { kind: "KE", method: 31, data: crypto.getRandomValues(new Uint8Array(32)) },
      { kind: "NONCE", data: crypto.getRandomValues(new Uint8Array(32)) },
    ],
  );
}
