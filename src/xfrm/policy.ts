/** An XFRM policy: what happens to the packets that match a selector (linux/xfrm.h). */

import type { Address } from "../inet/address.ts";
import type { XfrmSelector } from "./selector.ts";
import type { XfrmMark } from "./state.ts";

export type XfrmDirection = "in" | "fwd" | "out";

/** The state that a packet needs: one template, ESP. */
export type XfrmTemplate = {
  readonly src: Address;
  readonly dst: Address;
  readonly reqid: number;
  readonly mode: "tunnel" | "transport";
};

/** What identifies a policy in the kernel's table. */
export type XfrmPolicyId = {
  readonly selector: XfrmSelector;
  readonly direction: XfrmDirection;
  readonly mark: XfrmMark | undefined;
  readonly ifId: number | undefined;
};

export type XfrmPolicy = {
  readonly id: XfrmPolicyId;
  /** A lower number wins (struct xfrm_userpolicy_info.priority). */
  readonly priority: number;
  readonly action: "protect" | "block" | "pass";
  /** Required for `protect`, undefined otherwise. */
  readonly template: XfrmTemplate | undefined;
};
