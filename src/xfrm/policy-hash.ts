/**
 * From which prefix lengths on the kernel finds a policy by hash (struct xfrmu_spdhthresh of
 * linux/xfrm.h). All other policies are in lists and trees: looking one up there takes a logarithm,
 * but replacing or removing one walks all of them, and a wide policy makes one list of all narrow
 * ones inside it.
 */

import type { Family } from "../inet/address.ts";
import { decode, type Malformed, Reader } from "../octets/reader.ts";
import type { Result } from "../octets/result.ts";
import { emitAttribute, parseAttributes } from "./attribute.ts";
import { hostU32 } from "./host-order.ts";
import { XFRM_MSG } from "./message-type.ts";
import { emitNetlink, NLM_F_ACK, NLM_F_REQUEST } from "./netlink.ts";

/** Of the local and the remote prefix; both have to be as long. */
export type HashLengths = { readonly local: number; readonly remote: number };

/** What the kernel begins with: whole addresses. */
export const UNSET_HASH_LENGTHS: Readonly<Record<Family, HashLengths>> = {
  4: { local: 32, remote: 32 },
  6: { local: 128, remote: 128 },
};

/** XFRMA_SPD_IPV4_HTHRESH, XFRMA_SPD_IPV6_HTHRESH. */
const HTHRESH: Readonly<Record<Family, number>> = { 4: 3, 6: 4 };

/** Requests them for one family, for all policies in this network namespace. */
export function emitHashLengths(
  family: Family,
  { local, remote }: HashLengths,
  sequence: number,
): Uint8Array {
  const head = { type: XFRM_MSG.NEWSPDINFO, flags: NLM_F_REQUEST | NLM_F_ACK, sequence };
  return emitNetlink(head, (w) => {
    w.u32(0); // flags
    emitAttribute(w, HTHRESH[family], () => w.u8(local).u8(remote));
  });
}

/** Requests what they are: answered by XFRM_MSG_NEWSPDINFO. */
export function emitHashLengthsQuery(sequence: number): Uint8Array {
  const head = { type: XFRM_MSG.GETSPDINFO, flags: NLM_F_REQUEST, sequence };
  return emitNetlink(head, (w) => w.u32(0));
}

/** The payload of XFRM_MSG_NEWSPDINFO as the kernel answers it; undefined if it does not say. */
export function parseHashLengths(
  octets: Uint8Array,
  family: Family,
): Result<HashLengths | undefined, Malformed> {
  return decode(octets, "XFRM_MSG_NEWSPDINFO", (r) => {
    hostU32(r); // flags
    const found = parseAttributes(r).get(HTHRESH[family]);
    if (found === undefined) return undefined;
    const lengths = new Reader(found, "struct xfrmu_spdhthresh");
    return { local: lengths.u8(), remote: lengths.u8() };
  });
}

/** `local /0, remote /24`. */
export function formatHashLengths({ local, remote }: HashLengths): string {
  return `local /${local}, remote /${remote}`;
}
