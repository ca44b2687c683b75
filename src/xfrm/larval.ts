/**
 * Larval states: what the kernel keeps for an acquire until the requested state is installed.
 *
 * While one exists, packets that need the same template cause no further acquire (XFRM_STATE_ACQ,
 * 30 s by net.core.xfrm_acq_expires). If the template's remote address is unspecified, all sites
 * behind its policy share one. It has no SPI, so no request can name it; but XFRM_MSG_ALLOCSPI
 * finds it by the sequence number of its acquire and gives it an SPI, by which it can be deleted.
 */

import type { Address } from "../inet/address.ts";
import { asEspSpi } from "../inet/esp-spi.ts";
import { decode, type Malformed, type Reader } from "../octets/reader.ts";
import type { Result } from "../octets/result.ts";
import { asAddress, emitXfrmAddress, familyNumber } from "./address.ts";
import { parseAttributes } from "./attribute.ts";
import { hostU32 } from "./host-order.ts";
import { emitMarkAndIfId, parseMarkAndIfId, type XfrmMarkAndIfId } from "./mark.ts";
import { XFRM_MSG } from "./message-type.ts";
import { emitNetlink, NLM_F_ACK, NLM_F_REQUEST } from "./netlink.ts";
import type { XfrmTemplate } from "./policy.ts";
import { firstTemplate } from "./policy-message.ts";
import { SELECTOR_OCTETS } from "./selector.ts";
import { emitStateId, IPPROTO_ESP } from "./state-message.ts";

export type Larval = {
  readonly template: XfrmTemplate;
  readonly src: Address;
  readonly dst: Address;
  /** The acquire's sequence number, by which the larval state is found. */
  readonly acquireSequence: number;
  readonly markAndIfId: XfrmMarkAndIfId;
};

/** The larval state of an XFRM_MSG_ACQUIRE (struct xfrm_user_acquire); undefined if not for ESP. */
export function parseLarval(octets: Uint8Array): Result<Larval | undefined, Malformed> {
  return decode(octets, "XFRM_MSG_ACQUIRE", parse);
}

/** Whether its template has no remote address, so that it blocks acquires for other sites. */
export function isShared({ template }: Larval): boolean {
  return template.dst.value === 0n;
}

/** Gives the larval state an SPI (XFRM_MSG_ALLOCSPI, struct xfrm_userspi_info). */
export function emitLarvalSpi(larval: Larval, sequence: number): Uint8Array {
  const head = { type: XFRM_MSG.ALLOCSPI, flags: NLM_F_REQUEST | NLM_F_ACK, sequence };
  return emitNetlink(head, (w) => {
    w.zeros(SELECTOR_OCTETS); // info: sel
    emitXfrmAddress(w, larval.dst); // info: id, daddr
    w.u32(0).u8(IPPROTO_ESP).zeros(3); // info: id, spi, proto
    emitXfrmAddress(w, larval.src); // info: saddr
    w.zeros(108); // info: lft, curlft, stats
    w.u32(larval.acquireSequence).u32(larval.template.reqid); // info: seq, reqid
    w.u16(familyNumber(larval.dst.family)); // info: family
    w.u8(larval.template.mode === "tunnel" ? 1 : 0).zeros(9); // info: mode, replay_window, flags
    w.u32(RELEASE_SPI).u32(RELEASE_SPI); // min, max
    emitMarkAndIfId(w, larval.markAndIfId);
  });
}

/** Deletes the larval state by the SPI that {@link emitLarvalSpi} gave it. */
export function emitLarvalDelete(larval: Larval, sequence: number): Uint8Array {
  const head = { type: XFRM_MSG.DELSA, flags: NLM_F_REQUEST | NLM_F_ACK, sequence };
  const id = { src: larval.src, dst: larval.dst, spi: RELEASE_SPI };
  return emitNetlink(head, (w) => emitStateId(w, id, larval.markAndIfId.mark));
}

/** No peer can send to it: its destination is the unspecified address. */
const RELEASE_SPI = asEspSpi(0x4552_4c56);

function parse(r: Reader): Larval | undefined {
  const daddr = r.octets(16); // id
  r.skip(8); // id: spi, proto, padding
  const saddr = r.octets(16);
  r.skip(236); // sel, policy, aalgos, ealgos, calgos
  const acquireSequence = hostU32(r);
  const attributes = parseAttributes(r);
  const template = firstTemplate(attributes);
  if (template === undefined) return undefined;
  const { family } = template.dst;
  const [src, dst] = [asAddress(saddr, family), asAddress(daddr, family)];
  return { template, src, dst, acquireSequence, markAndIfId: parseMarkAndIfId(attributes) };
}
