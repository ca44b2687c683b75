/** Work that cannot be done now, through no fault of the peer. */

import type { KeyExchangeFault } from "../crypto/key-exchange.ts";
import { never } from "../octets/assert.ts";

export type BusyRefusal = {
  readonly kind: "busy";
  readonly reason: "key-exchanges-waiting" | "key-exchange-fault";
  readonly detail: string;
};

/** Why a key exchange failed: the peer is blamed only for its own faults. */
export function keyExchangeRefusal({
  kind,
  detail,
}: KeyExchangeFault): BusyRefusal | { readonly kind: "key-exchange"; readonly detail: string } {
  switch (kind) {
    case "invalid-public":
      return { kind: "key-exchange", detail };
    case "overloaded":
      return { kind: "busy", reason: "key-exchanges-waiting", detail };
    case "unsupported":
    case "internal":
      return { kind: "busy", reason: "key-exchange-fault", detail };
    default:
      return never(kind);
  }
}
