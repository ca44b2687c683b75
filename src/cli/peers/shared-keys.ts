/** Pre-shared keys that several rows have: counted by digests, so that no key is kept. */

import { peerKey } from "../../eroute/peer-id.ts";
import { sharedKeyText } from "../../eroute/psk-weakness.ts";
import type { PeerRow } from "../../eroute/row.ts";

type KeyedRow = Pick<PeerRow, "peerid" | "password">;

export class SharedKeys {
  /** The first peer ID of each key, and how many others have it. */
  readonly #keys = new Map<string, { readonly peerid: string; others: number }>();

  /** Takes a row in; one without a key shares none. */
  add({ peerid, password }: KeyedRow): void {
    if ((password ?? "") === "") return;
    const digest = digestOf(password ?? "");
    const known = this.#keys.get(digest);
    if (known === undefined) this.#keys.set(digest, { peerid, others: 0 });
    else if (peerKey(known.peerid) !== peerKey(peerid)) known.others++;
  }

  /** What is to be said of a row's key; undefined if nobody else has it. */
  noteOf({ password }: KeyedRow): string | undefined {
    const others = this.#keys.get(digestOf(password ?? ""))?.others ?? 0;
    return others === 0 ? undefined : sharedKeyText(others);
  }

  /** One for each key that several have, told of the first of them. */
  notes(): readonly { readonly peerid: string; readonly detail: string }[] {
    return [...this.#keys.values()]
      .filter(({ others }) => others > 0)
      .map(({ peerid, others }) => ({ peerid, detail: sharedKeyText(others) }));
  }
}

function digestOf(password: string): string {
  return new Bun.CryptoHasher("sha256").update(password).digest("base64");
}
