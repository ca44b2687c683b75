/** AUTH with a pre-shared key, computed a second time by hand (RFC 7296 §2.15). */

import { expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { prfFor } from "../../../src/crypto/prf.ts";
import { PrfId } from "../../../src/crypto/transform.ts";
import { pskAuth } from "../../../src/ike/v2/auth.ts";

const INPUT = {
  message: new Uint8Array(300).map((_, i) => i),
  nonce: new Uint8Array(32).fill(0x4e),
  SK_p: new Uint8Array(32).fill(0x53),
  idBody: Uint8Array.of(2, 0, 0, 0, 0x61, 0x2e, 0x62),
};

/** 17 octets, and no zero behind them. */
const KEY_PAD = Buffer.from("4b65792050616420666f7220494b457632", "hex");

test.each([
  ["a short key", "secret"],
  ["64 characters", "0123456789abcdef".repeat(4)],
  ["a key longer than a block of the hash", "long ".repeat(60)],
])("V2-49 V2-50: AUTH of %s is that of the RFC's formula", (_, text) => {
  const psk = new TextEncoder().encode(text);
  const prf = prfFor(PrfId.HMAC_SHA2_256);
  if (prf === undefined) throw new Error("it is built in");
  const hmac = (key: Uint8Array, ...parts: Uint8Array[]) => {
    const mac = createHmac("sha256", key);
    for (const part of parts) mac.update(part);
    return mac.digest();
  };
  const { message, nonce, SK_p, idBody } = INPUT;
  const wanted = hmac(hmac(psk, KEY_PAD), message, nonce, hmac(SK_p, idBody));
  expect(pskAuth(prf, psk, INPUT).toHex()).toBe(wanted.toString("hex"));
});

test("V2-48: each part of the signed octets matters", () => {
  const prf = prfFor(PrfId.HMAC_SHA2_256);
  if (prf === undefined) throw new Error("it is built in");
  const psk = new TextEncoder().encode("secret");
  const seen = new Set([pskAuth(prf, psk, INPUT).toHex()]);
  for (const part of ["message", "nonce", "SK_p", "idBody"] as const) {
    const changed = { ...INPUT, [part]: INPUT[part].with(3, 0xee) };
    seen.add(pskAuth(prf, psk, changed).toHex());
  }
  expect(seen.size).toBe(5);
});
