/** What the kernel tells on its own: acquire, expire, mapping (XFRM multicast groups). */

import type { Address } from "../inet/address.ts";
import type { XfrmPolicyId } from "./policy.ts";
import type { XfrmSelector } from "./selector.ts";
import type { XfrmMapping, XfrmStateId } from "./state.ts";

/** A packet matched a policy that has no state (XFRM_MSG_ACQUIRE). */
export type XfrmAcquire = {
  readonly src: Address;
  readonly dst: Address;
  readonly reqid: number;
  /** The packet that asked: its addresses, protocol and ports. */
  readonly packet: XfrmSelector;
  readonly policy: XfrmPolicyId;
};

/** A state reached a limit (XFRM_MSG_EXPIRE): soft says replace it, hard that it is gone. */
export type XfrmExpire = {
  readonly id: XfrmStateId;
  readonly reqid: number;
  readonly hard: boolean;
};

export type XfrmEvent =
  | { readonly kind: "acquire"; readonly acquire: XfrmAcquire }
  | { readonly kind: "expire"; readonly expire: XfrmExpire }
  | { readonly kind: "mapping"; readonly mapping: XfrmMapping };
