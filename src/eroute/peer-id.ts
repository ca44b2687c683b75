/**
 * The peer ID: the ID that a remote site presents, as text (see `wire/payload/id.ts` for octets).
 */

/** The most characters that an ID payload and a table column hold. */
export const PEER_ID_LENGTH_MAX = 255;

export type PeerId = string & { readonly is: "peer ID" };

/** Text as a peer ID. IDs that differ only in ASCII case name the same site: {@link peerKey}. */
export function asPeerId(text: string): PeerId {
  return text as PeerId;
}

/**
 * Padding that some columns add after an ID, or keep there: blanks in CHAR, NUL octets in BINARY.
 */
export function withoutPadding(peerId: string): string {
  return peerId.replace(PADDING, "");
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: NUL is what such columns pad with.
const PADDING = /[ \u0000]+$/;

/** Why an ID cannot be that of a row, in words that follow "peerid"; undefined if it can. */
export function peerIdFault(peerId: string): string | undefined {
  if (peerId === "" || peerId.length > PEER_ID_LENGTH_MAX) {
    return `has ${peerId.length} characters: 1 to ${PEER_ID_LENGTH_MAX} are expected`;
  }
  if (/\p{Cc}/u.test(peerId)) return "holds a control character: write the ID without it";
  if (peerId !== peerId.trim()) {
    return `${JSON.stringify(peerId)} has blanks at an end, which databases drop: remove them`;
  }
  return undefined;
}

/** The form in which tables keep a peer ID: ASCII letters in lower case, the rest unchanged. */
export function peerKey(peerId: string): string {
  if (!/[A-Z]/.test(peerId)) return peerId;
  return peerId.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
