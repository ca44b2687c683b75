/** The peer ID: what a remote site calls itself, as text (see `wire/payload/id.ts` for octets). */

/** At most so many characters: what an ID payload and a table column hold. */
export const PEER_ID_LENGTH_MAX = 255;

export type PeerId = string & { readonly is: "peer ID" };

/** Text as a peer ID. Those that differ in ASCII case only name one site: {@link peerKey}. */
export function asPeerId(text: string): PeerId {
  return text as PeerId;
}

/** The form under which tables keep a peer ID: ASCII letters in lower case, all else as it is. */
export function peerKey(peerId: string): string {
  return peerId.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
