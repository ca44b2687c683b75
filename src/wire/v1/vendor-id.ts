/** Vendor IDs: what an end says that it understands (RFC 3947 §3.1, RFC 3706 §5.1 and others). */

import { assert } from "../../octets/assert.ts";
import { equalOctets, startsWith } from "../../octets/concat.ts";
import { fromHex } from "../../octets/hex.ts";
import type { DataPayload, Received } from "./message.ts";

export type Vendor =
  | "nat-t" // RFC 3947
  | "nat-t-draft-03"
  | "nat-t-draft-02"
  /** The same draft: its text was hashed with a line feed at its end. */
  | "nat-t-draft-02-line-feed"
  | "dpd" // RFC 3706
  | "xauth"
  /** Cisco's client, whose attributes of Mode Config have numbers of their own. */
  | "unity"
  | "fragmentation";

/** `isPrefix`: more octets may follow, such as those of a version. */
type Known = { readonly octets: Uint8Array; readonly isPrefix: boolean };

/** `rest`: what we send after the prefix. */
const KNOWN: ReadonlyMap<Vendor, Known & { readonly rest: Uint8Array }> = new Map([
  known("nat-t", "4a131c81070358455c5728f20e95452f"),
  known("nat-t-draft-03", "7d9419a65310ca6f2c179d9215529d56"),
  known("nat-t-draft-02", "cd60464335df21f87cfdb2fc68b6a448"),
  known("nat-t-draft-02-line-feed", "90cb80913ebb696e086381b5ec427b1f"),
  known("dpd", "afcad71368a1f1c96b8696fc7757", "0100"),
  known("xauth", "09002689dfd6b712"),
  known("unity", "12f5f28c457168a9702d9fe274cc", "0100"),
  // Some send four octets of flags after it.
  known("fragmentation", "4048b7d56ebce88525e7de7f00d6c2d3", "80000000"),
]);

/** Whose Vendor ID this is; undefined for one that means nothing here. */
export function vendorOf(data: Uint8Array): Vendor | undefined {
  for (const [vendor, { octets, isPrefix }] of KNOWN) {
    if (isPrefix ? startsWith(data, octets) : equalOctets(data, octets)) return vendor;
  }
  return undefined;
}

/** Whose Vendor IDs a message has. */
export function vendorsIn(payloads: readonly Received[]): ReadonlySet<Vendor> {
  const found = new Set<Vendor>();
  for (const payload of payloads) {
    const vendor = payload.kind === "VENDOR" ? vendorOf(payload.data) : undefined;
    if (vendor !== undefined) found.add(vendor);
  }
  return found;
}

/** The payload that says that we understand it. */
export function vendorPayload(vendor: Vendor): DataPayload {
  const found = KNOWN.get(vendor);
  assert(found !== undefined, `vendor ID ${vendor}`);
  const data = new Uint8Array(found.octets.length + found.rest.length);
  data.set(found.octets);
  data.set(found.rest, found.octets.length);
  return { kind: "VENDOR", data };
}

function known(
  vendor: Vendor,
  hex: string,
  restHex?: string,
): readonly [Vendor, Known & { readonly rest: Uint8Array }] {
  const octets = fromHex(hex);
  const rest = fromHex(restHex ?? "");
  assert(octets !== undefined && rest !== undefined, vendor);
  return [vendor, { octets, rest, isPrefix: restHex !== undefined }];
}
