/** Mark and interface ID of states and policies (struct xfrm_mark, XFRMA_IF_ID). */

import { Reader } from "../octets/reader.ts";
import { emitAttribute, XFRMA } from "./attribute.ts";
import { type HostWriter, hostU32 } from "./host-order.ts";
import type { XfrmMark } from "./state.ts";

export type XfrmMarkAndIfId = {
  readonly mark: XfrmMark | undefined;
  readonly ifId: number | undefined;
};

/** XFRMA_MARK and XFRMA_IF_ID, each if it is set. */
export function emitMarkAndIfId(w: HostWriter, { mark, ifId }: XfrmMarkAndIfId): void {
  if (mark !== undefined) {
    emitAttribute(w, XFRMA.MARK, () => w.u32(mark.value).u32(mark.mask)); // v, m
  }
  if (ifId !== undefined) emitAttribute(w, XFRMA.IF_ID, () => w.u32(ifId));
}

/** XFRMA_MARK and XFRMA_IF_ID among the attributes of a message. */
export function parseMarkAndIfId(attributes: Map<number, Uint8Array>): XfrmMarkAndIfId {
  const mark = attributes.get(XFRMA.MARK);
  const ifId = attributes.get(XFRMA.IF_ID);
  return {
    mark: mark === undefined ? undefined : parseMark(new Reader(mark, "XFRMA_MARK")),
    ifId: ifId === undefined ? undefined : hostU32(new Reader(ifId, "XFRMA_IF_ID")),
  };
}

function parseMark(r: Reader): XfrmMark {
  return { value: hostU32(r), mask: hostU32(r) };
}
