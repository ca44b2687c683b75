/** NAT traversal: which text both ends follow, and where a NAT is (RFC 3947 §3, §5.1). */

import type { Endpoint, Path } from "../../inet/endpoint.ts";
import { equalOctets } from "../../octets/concat.ts";
import type { Payload, Received } from "../../wire/v1/message.ts";
import { type Vendor, vendorPayload } from "../../wire/v1/vendor-id.ts";
import type { Nat } from "../nat.ts";
import type { SaId } from "../sa-id.ts";
import type { IsakmpAlgorithms } from "./keys.ts";
import { natDHash } from "./nat-d.ts";

/** The RFC and its drafts 02 and 03 number payloads and modes differently. */
export type NatT = "none" | "rfc" | "draft";

/** The best text that the peer names, and the Vendor ID that says so; undefined: it names none. */
export function chooseNatT(vendors: ReadonlySet<Vendor>): { of: NatT; vendor: Vendor } | undefined {
  const vendor = BEST_FIRST.find((one) => vendors.has(one));
  if (vendor === undefined) return undefined;
  return { of: vendor === "nat-t" ? "rfc" : "draft", vendor };
}

const BEST_FIRST: readonly Vendor[] = [
  "nat-t",
  "nat-t-draft-03",
  "nat-t-draft-02",
  "nat-t-draft-02-line-feed",
];

/** The Vendor ID that says which text we follow. */
export function natVendor(vendors: ReadonlySet<Vendor>): readonly Payload[] {
  const natT = chooseNatT(vendors);
  return natT === undefined ? [] : [vendorPayload(natT.vendor)];
}

/** The NAT-D payloads of our answer: the peer's address first, then ours. */
export function natDPayloads(
  vendors: ReadonlySet<Vendor>,
  { prf }: IsakmpAlgorithms,
  id: SaId,
  path: Path,
): readonly Payload[] {
  const natT = chooseNatT(vendors);
  if (natT === undefined) return [];
  const kind = natT.of === "rfc" ? "NAT_D" : "NAT_D_DRAFT";
  const hashes = [path.remote, path.local].map((end) => natDHash(prf.hash, id, end));
  return hashes.map((data) => ({ kind, data }) as const);
}

/**
 * Where the peer's NAT-D payloads show a NAT; "none" if it sent none. The first one is of our
 * address, the others of the peer's. A peer that floats to the NAT port with this message may have
 * hashed either port, so both count: `paths` are those of its messages.
 */
export function detectNat(
  payloads: readonly Received[],
  natT: NatT,
  { prf }: IsakmpAlgorithms,
  seen: { readonly id: SaId; readonly paths: readonly Path[] },
): Nat {
  const kind = natT === "rfc" ? "NAT_D" : "NAT_D_DRAFT";
  const hashes = payloads.flatMap((one) => (one.kind === kind ? [one.data] : []));
  const [first, ...others] = hashes.slice(0, NAT_D_MAX);
  if (natT === "none" || first === undefined) return "none";
  const isOneOf = (hashed: readonly Uint8Array[], end: Endpoint) => {
    const own = natDHash(prf.hash, seen.id, end);
    return hashed.some((one) => equalOctets(one, own));
  };
  // Mostly the first path fits, and the others need not be hashed.
  const isLocal = !seen.paths.some(({ local }) => isOneOf([first], local));
  const isRemote = !seen.paths.some(({ remote }) => isOneOf(others, remote));
  if (isRemote) return isLocal ? "both" : "remote";
  return isLocal ? "local" : "none";
}

/** A peer names one address of ours, and may name several of its own. */
const NAT_D_MAX = 16;
