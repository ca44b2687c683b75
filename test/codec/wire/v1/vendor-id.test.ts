/** Vendor IDs: most of them are hashes of a text. */

import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { concat } from "../../../../src/octets/concat.ts";
import {
  type Vendor,
  vendorOf,
  vendorPayload,
  vendorsIn,
} from "../../../../src/wire/v1/vendor-id.ts";

const md5 = (text: string) => new Uint8Array(createHash("md5").update(text).digest());

const TEXTS: readonly (readonly [string, Vendor])[] = [
  ["RFC 3947", "nat-t"],
  ["draft-ietf-ipsec-nat-t-ike-03", "nat-t-draft-03"],
  ["draft-ietf-ipsec-nat-t-ike-02", "nat-t-draft-02"],
  ["draft-ietf-ipsec-nat-t-ike-02\n", "nat-t-draft-02-line-feed"],
  ["FRAGMENTATION", "fragmentation"],
];

test("a Vendor ID is the MD5 hash of its text", () => {
  for (const [text, vendor] of TEXTS) expect([text, vendorOf(md5(text))]).toEqual([text, vendor]);
});

test("what we send is what we understand", () => {
  const vendors = [...TEXTS.map(([, vendor]) => vendor), "dpd", "xauth", "unity"] as const;
  for (const vendor of vendors) expect(vendorOf(vendorPayload(vendor).data)).toBe(vendor);
});

test("fragmentation is understood with four octets of flags and without", () => {
  const short = md5("FRAGMENTATION");
  expect(vendorOf(short)).toBe("fragmentation");
  expect(vendorOf(concat(short, Uint8Array.of(0x80, 0, 0, 0)))).toBe("fragmentation");
  expect(vendorOf(concat(short, Uint8Array.of(0xc0, 0, 0, 0)))).toBe("fragmentation");
});

test("DPD of any version is understood; anything unknown means nothing", () => {
  const dpd = vendorPayload("dpd").data;
  expect(dpd.toHex()).toBe("afcad71368a1f1c96b8696fc77570100");
  expect(vendorOf(dpd.with(14, 2))).toBe("dpd");
  expect(vendorOf(dpd.with(3, 2))).toBeUndefined();
  expect(vendorOf(new Uint8Array(0))).toBeUndefined();
  expect(vendorOf(concat(md5("RFC 3947"), Uint8Array.of(0)))).toBeUndefined();
});

test("all Vendor IDs of a message are found among other payloads", () => {
  const body = new Uint8Array(0);
  const received = (["dpd", "nat-t"] as const).map((v) => ({ ...vendorPayload(v), body }));
  const other = { kind: "VENDOR", data: Uint8Array.of(1, 2), body } as const;
  const nonce = { kind: "NONCE", data: vendorPayload("xauth").data, body } as const;
  expect([...vendorsIn([other, nonce, ...received])].toSorted()).toEqual(["dpd", "nat-t"]);
});
