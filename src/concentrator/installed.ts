/** Child SAs and policies as the tables keep them, once they are on their way to the kernel. */

import type { ChildSa } from "../ike/child-sa.ts";
import type { Ticket } from "../ike/phase.ts";
import type { IkeSpi } from "../wire/header.ts";
import type { XfrmPolicy, XfrmPolicyId } from "../xfrm/policy.ts";
import type { XfrmRefusal } from "../xfrm/request.ts";
import type { RemoteRoute } from "../xfrm/route.ts";
import type { XfrmMark, XfrmState, XfrmStateId } from "../xfrm/state.ts";
import type { KernelRequestId } from "./event.ts";

/** A Child SA with what stands for it in the kernel. */
export type Installed = {
  readonly child: ChildSa;
  ikeSpi: IkeSpi;
  readonly localAddress: string;
  readonly remoteAddress: string;
  readonly encapsulated: boolean;
  readonly reqidKey: string;
  readonly inbound: XfrmStateId;
  readonly outbound: XfrmStateId;
  /** Of its states and policies. */
  readonly mark: XfrmMark | undefined;
  readonly policies: readonly XfrmPolicy[];
  readonly routes: readonly RemoteRoute[];
  /** The outbound state of a rekeyed Child SA, until the old one is deleted (RFC 7296 §2.8). */
  outboundWaiting: XfrmState | undefined;
  readonly ticket: Ticket;
  /** Kernel requests of its installation that have no answer yet. */
  readonly pending: Set<KernelRequestId>;
  /**
   * States that the kernel took from us. Only these are ours to delete: two sites behind one NAT
   * may choose the same SPI, and the state that stands is then the other one's.
   */
  readonly ours: XfrmStateId[];
  refusal: XfrmRefusal | undefined;
  /** `up`: the IKE SA has heard that it is there. */
  phase: "installing" | "up" | "removed";
};

/** A kernel request that is waited for; `state` is what it makes, undefined for a policy. */
export type WaitingRequest = {
  readonly installed: Installed;
  readonly state: XfrmStateId | undefined;
};

/** One policy of the kernel, and the Child SAs that use it: the last one's template is in force. */
export type PolicyUse = {
  readonly id: XfrmPolicyId;
  readonly users: { readonly spiIn: number; readonly policy: XfrmPolicy }[];
};
