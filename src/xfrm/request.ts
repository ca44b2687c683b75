/** What is asked of the kernel, and what it answers. */

import type { Result } from "../octets/result.ts";
import type { XfrmPolicy, XfrmPolicyId } from "./policy.ts";
import type { XfrmState, XfrmStateId } from "./state.ts";

/** `put-policy` creates or replaces (XFRM_MSG_UPDPOLICY). */
export type XfrmRequest =
  | { readonly op: "new-state"; readonly state: XfrmState }
  | { readonly op: "delete-state"; readonly id: XfrmStateId }
  | { readonly op: "put-policy"; readonly policy: XfrmPolicy }
  | { readonly op: "delete-policy"; readonly id: XfrmPolicyId };

/** A refusal of the kernel: operation, object, errno by name, and its extended answer if any. */
export type XfrmRefusal = {
  readonly kind: "kernel";
  /** `XFRM_MSG_NEWSA`. */
  readonly operation: string;
  /** `state 192.0.2.1 -> 198.51.100.7 spi 0xc0ffee01`. */
  readonly object: string;
  /** `EEXIST`. */
  readonly errno: string;
  readonly detail: string;
};

export type KernelResult = Result<undefined, XfrmRefusal>;

/** All reqids of erouted have this top octet: by it leftovers of an earlier run are known. */
export const REQID_MARK = 0x45;

/** Whether a reqid is one that erouted hands out (24 bits below the mark). */
export function isOurReqid(reqid: number): boolean {
  return reqid >>> 24 === REQID_MARK;
}
