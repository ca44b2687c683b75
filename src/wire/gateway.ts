/** A gateway other than the one that was called (RFC 5685). */

import type { Address } from "../inet/address.ts";

/** Where a site is sent to, or came from: an address, or a host name. */
export type Gateway = { readonly host: string; readonly address: Address | undefined };
