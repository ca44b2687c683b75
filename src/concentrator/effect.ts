/** What the concentrator wants done: the only way anything gets out. */

import type { KeyExchangeRequest } from "../crypto/key-exchange.ts";
import type { SignatureRequest } from "../crypto/signature.ts";
import type { LookupKey } from "../eroute/row.ts";
import type { Path } from "../inet/endpoint.ts";
import type { XfrmRequest } from "../xfrm/request.ts";
import type { KernelRequestId, KeyExchangeId, LookupId, ResolveId, SignatureId } from "./event.ts";
import type { JournalEntry } from "./journal/journal.ts";
import type { Precedence } from "./precedence.ts";

export type Effect =
  /** `octets` without the non-ESP marker: the shell adds it where `path.local.port` is 4500. */
  | { readonly kind: "send"; readonly octets: Uint8Array; readonly path: Path }
  /** One octet 0xff, without a marker, for the NAT before us (RFC 3948 §2.3). */
  | { readonly kind: "keepalive"; readonly path: Path }
  | {
      readonly kind: "look-up";
      readonly lookup: LookupId;
      readonly egroup: string;
      readonly by: LookupKey;
    }
  /** Where a site can be called: an address or a host name; answered by `resolved`. */
  | { readonly kind: "resolve"; readonly resolve: ResolveId; readonly host: string }
  | { readonly kind: "kernel"; readonly request: KernelRequestId; readonly op: XfrmRequest }
  | {
      readonly kind: "key-exchange";
      readonly request: KeyExchangeId;
      readonly op: KeyExchangeRequest;
      readonly precedence: Precedence;
    }
  /** Make or judge a signature; the shell knows what time of day it is. */
  | {
      readonly kind: "signature";
      readonly request: SignatureId;
      readonly op: SignatureRequest;
      readonly precedence: Precedence;
    }
  | { readonly kind: "journal"; readonly entry: JournalEntry };

/**
 * Whether what the effect follows from is kept before it is performed. The peer goes on from what
 * it gets; a state that has moved is found only by who knows where to; and a state that sends at
 * once is not to be made a second time.
 */
export function isKeptFirst(effect: Effect): boolean {
  if (effect.kind !== "kernel") return effect.kind === "send";
  const { op } = effect;
  return op.op === "move-state" || (op.op === "new-state" && op.isKeptFirst === true);
}
