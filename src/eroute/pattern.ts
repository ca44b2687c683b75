/** Peer ID patterns: `*` is any run of characters, also none; `?` is exactly one (R1). */

/** A pattern, compiled once. */
export type Pattern = { readonly text: string };
