/** What can happen to the concentrator: the only way anything gets in. */

import type { KeyExchangeResult } from "../crypto/key-exchange.ts";
import type { SignatureResult } from "../crypto/signature.ts";
import type { EroutePlan } from "../eroute/eroute.ts";
import type { LookupFault, PeerRow } from "../eroute/row.ts";
import type { Address } from "../inet/address.ts";
import type { Path } from "../inet/endpoint.ts";
import type { Names } from "../octets/names.ts";
import type { Result } from "../octets/result.ts";
import type { Gateway } from "../wire/gateway.ts";
import type { XfrmEvent } from "../xfrm/event.ts";
import type { KernelResult } from "../xfrm/request.ts";

export type LookupId = number & { readonly is: "look-up" };
export type KernelRequestId = number & { readonly is: "kernel request" };
export type KeyExchangeId = number & { readonly is: "key exchange" };
export type SignatureId = number & { readonly is: "signature" };
export type ResolveId = number & { readonly is: "resolve" };

/** Addresses at which a site can be called, each with ours that the route to it leaves from. */
export type ResolveResult = Result<
  readonly { readonly local: Address; readonly remote: Address }[],
  string
>;

/** All rows found for the key: none, one, or several, which is a fault of that site. */
export type LookupResult = Result<readonly PeerRow[], LookupFault>;

/** Which keys are replaced: those of the IKE SA, or those of all its Child SAs. */
export type RekeyOf = "ike" | "children";

export type Event =
  | { readonly kind: "datagram"; readonly octets: Uint8Array; readonly path: Path }
  /** So many found the sockets full: more arrive than are read. */
  | { readonly kind: "datagrams-lost"; readonly datagrams: number }
  | { readonly kind: "peer-rows"; readonly lookup: LookupId; readonly result: LookupResult }
  | {
      readonly kind: "kernel-answer";
      readonly request: KernelRequestId;
      readonly result: KernelResult;
    }
  | {
      readonly kind: "key-exchange-answer";
      readonly request: KeyExchangeId;
      readonly result: KeyExchangeResult;
    }
  | {
      readonly kind: "signature-answer";
      readonly request: SignatureId;
      readonly result: SignatureResult;
    }
  /** The first event: from now on nothing that is to be protected leaves in clear (R14). */
  | { readonly kind: "start" }
  /** A new configuration: what it does not change stays up. */
  | { readonly kind: "configuration"; readonly plan: EroutePlan }
  | { readonly kind: "resolved"; readonly resolve: ResolveId; readonly result: ResolveResult }
  /** The addresses that this host has now, and on which IKE is spoken. */
  | { readonly kind: "addresses"; readonly local: readonly Address[] }
  /** An operator wants this site called, or its SAs closed. */
  | { readonly kind: "connect"; readonly peerId: string }
  | { readonly kind: "disconnect"; readonly peerId: string }
  /** An operator wants new keys for this site. */
  | { readonly kind: "rekey"; readonly peerId: string; readonly of: RekeyOf }
  /** An operator redirects a site (RFC 5685), or all; without a gateway: none any more. */
  | {
      readonly kind: "redirect";
      readonly peerId: string | undefined;
      readonly to: Gateway | undefined;
    }
  /** From now on these sites are traced, and no others: by {@link traceKey}. */
  | { readonly kind: "trace"; readonly traced: ReadonlySet<string> }
  /** The site's row may have changed or been removed: it is read again, and compared. */
  | { readonly kind: "row-changed"; readonly egroup: string; readonly peerId: string }
  /** Tell every site and remove everything. It is done when `isIdle` says so. */
  | { readonly kind: "shutdown" }
  | { readonly kind: "deadline" }
  /**
   * What the kernel has of ours: read from time to time, and when events of the kernel were lost.
   * States by `stateName`, policies by `formatPolicyId`. The kernel is asked about what is missing.
   * `worn`: states whose soft limit of volume is behind them, which the kernel reports only once.
   */
  | {
      readonly kind: "kernel-tables";
      readonly states: Names;
      readonly policies: Names;
      readonly worn: Names;
    }
  | XfrmEvent;
