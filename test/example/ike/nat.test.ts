/** NAT detection: the hash, and what it says (RFC 7296 §2.23). */

import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { detectNat, natDetectionHash, natDetectionNotifies } from "../../../src/ike/v2/nat.ts";
import { notify } from "../../../src/ike/v2/notify.ts";
import { asIkeSpi } from "../../../src/wire/header.ts";
import { NotifyType } from "../../../src/wire/v2/notify-type.ts";
import { endpointOf } from "../../simulation/plan.ts";

const SPIS = { spiI: asIkeSpi(0x0102_0304_0506_0708n), spiR: asIkeSpi(0n) };
const LOCAL = endpointOf("198.51.100.1", 500);
const REMOTE = endpointOf("192.0.2.7", 500);

test("V2-80: the hash is SHA-1 of SPIs, address and port, of a request with SPIr zero", () => {
  const octets = Buffer.from("01020304050607080000000000000000c000020701f4", "hex");
  expect(natDetectionHash(SPIS.spiI, SPIS.spiR, REMOTE).toHex()).toBe(
    createHash("sha1").update(octets).digest("hex"),
  );
  const six = endpointOf("2001:db8::1", 4_500);
  const longer = Buffer.from(
    `0102030405060708${"00".repeat(8)}20010db8000000000000000000000001${"1194"}`,
    "hex",
  );
  expect(natDetectionHash(SPIS.spiI, SPIS.spiR, six).toHex()).toBe(
    createHash("sha1").update(longer).digest("hex"),
  );
});

test("V2-80: a different hash shows a NAT: at the peer, at our end, or at both", () => {
  const path = { local: LOCAL, remote: REMOTE };
  const seenBy = (local: typeof LOCAL, remote: typeof LOCAL) =>
    detectNat(natDetectionNotifies(SPIS.spiI, SPIS.spiR, { local, remote }), SPIS, path);
  const inner = endpointOf("10.1.1.1", 500);
  expect(seenBy(REMOTE, LOCAL)).toBe("none");
  expect(seenBy(inner, LOCAL)).toBe("remote");
  expect(seenBy({ ...REMOTE, port: 501 }, LOCAL)).toBe("remote");
  expect(seenBy(REMOTE, inner)).toBe("local");
  expect(seenBy(inner, inner)).toBe("both");
  expect(detectNat([], SPIS, path)).toBe("none");
});

test("V2-80: of several SOURCE notifies one that matches is enough", () => {
  const path = { local: LOCAL, remote: REMOTE };
  const source = (text: string) =>
    notify(
      NotifyType.NAT_DETECTION_SOURCE_IP,
      natDetectionHash(SPIS.spiI, SPIS.spiR, endpointOf(text, 500)),
    );
  const destination = notify(
    NotifyType.NAT_DETECTION_DESTINATION_IP,
    natDetectionHash(SPIS.spiI, SPIS.spiR, LOCAL),
  );
  const others = [source("10.1.1.1"), source("10.1.2.1")];
  expect(detectNat([...others, source("192.0.2.7"), destination], SPIS, path)).toBe("none");
  expect(detectNat([source("192.0.2.7"), ...others, destination], SPIS, path)).toBe("none");
  expect(detectNat([...others, destination], SPIS, path)).toBe("remote");
  const empty = notify(NotifyType.NAT_DETECTION_SOURCE_IP);
  expect(detectNat([empty, destination], SPIS, path)).toBe("remote");
});
