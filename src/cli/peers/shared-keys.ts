/** Pre-shared keys that several rows have: counted by digests, so that no key is stored. */

import { peerKey } from "../../eroute/peer-id.ts";
import { sharedKeyText } from "../../eroute/psk-weakness.ts";
import type { PeerRow } from "../../eroute/row.ts";

type KeyedRow = Pick<PeerRow, "peerid" | "password">;

export class SharedKeys {
  /** The first peer ID of each key, and how many others have it. */
  readonly #keys = new Map<string, { readonly peerid: string; others: number }>();

  /** Adds a row; one without a key is ignored. */
  add({ peerid, password }: KeyedRow): void {
    if ((password ?? "") === "") return;
    const digest = digestOf(password ?? "");
    const known = this.#keys.get(digest);
    if (known === undefined) this.#keys.set(digest, { peerid, others: 0 });
    else if (peerKey(known.peerid) !== peerKey(peerid)) known.others++;
  }

  /** The note about a row's key; undefined if no other row has it. */
  noteOf({ password }: KeyedRow): string | undefined {
    const others = this.#keys.get(digestOf(password ?? ""))?.others ?? 0;
    return others === 0 ? undefined : sharedKeyText(others);
  }

  /** One note for each key that several rows have, on the first of them. */
  notes(): readonly { readonly peerid: string; readonly detail: string }[] {
    return [...this.#keys.values()]
      .filter(({ others }) => others > 0)
      .map(({ peerid, others }) => ({ peerid, detail: sharedKeyText(others) }));
  }
}

function digestOf(password: string): string {
  return new Bun.CryptoHasher("sha256").update(password).digest("base64");
}
