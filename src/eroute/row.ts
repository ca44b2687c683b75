/** A row of an egroup's table as read: every column may be missing or NULL. */

/**
 * One site. Everything is text, as in the table; {@link dynamicErouteOf} checks it. Null if the
 * column is NULL or not mapped; columns that few tables have may be left out instead.
 */
export type PeerRow = {
  readonly peerid: string;
  readonly password: string | null;
  readonly remip: string | null;
  readonly remmsk: string | null;
  readonly peerip: string | null;
  readonly bakpeerip: string | null;
  readonly ourid: string | null;
  /** The part of the base eroute's local subnet that the site can reach. */
  readonly locip?: string | null;
  /** The site is refused. */
  readonly disabled?: string | null;
  readonly lifetime?: string | null;
  readonly inactivity?: string | null;
  readonly if_id?: string | null;
  /** Post-quantum pre-shared key, and the identifier under which the site knows it (RFC 8784). */
  readonly ppk?: string | null;
  readonly ppk_id?: string | null;
  /** The site has to use a post-quantum key exchange. */
  readonly post_quantum?: string | null;
};

/**
 * What a site is looked up by: its ID (R2), its masked network address as text (R12), the address
 * in its `peerip` (Main Mode of IKEv1, which needs the key before the ID), or its `ppk_id` (RFC
 * 9867, which needs the PPK before the ID).
 */
export type LookupKey =
  | { readonly by: "peerid"; readonly peerid: string }
  | { readonly by: "network"; readonly network: string }
  | { readonly by: "address"; readonly address: string }
  | { readonly by: "ppk"; readonly id: string };

/** Why a look-up failed (R6). `detail` says where and what to do; it holds no secret. */
export type LookupFault = {
  readonly kind:
    | "unreachable"
    | "timeout"
    | "access-denied"
    | "no-table"
    | "no-column"
    | "overloaded"
    | "closed"
    | "other";
  readonly detail: string;
};
