/** What happened, written into the journal with whatever is known of the site. */

import type { SaId } from "../../ike/sa-id.ts";
import { formatEndpoint } from "../../inet/endpoint.ts";
import { spi64Hex } from "../../octets/hex.ts";
import type { Engine } from "../engine.ts";
import type { About } from "./about.ts";
import type { JournalEntry } from "./journal.ts";

/** Writes an entry about an IKE SA, or about none; `entry` has the last word on what it says. */
export function journal(
  engine: Engine,
  about: About | undefined,
  entry: Omit<JournalEntry, "peerId" | "eroute" | "remote" | "ikeSa"> & {
    readonly remote?: string;
    readonly peerId?: string;
    readonly eroute?: string;
  },
): void {
  engine.out.push({ kind: "journal", entry: entryAbout(about, entry) });
}

function entryAbout(about: About | undefined, entry: Parameters<typeof journal>[2]): JournalEntry {
  const { peerId = about?.peerId, eroute = about?.eroute } = entry;
  if (about === undefined) {
    return { ...entry, peerId, eroute, remote: entry.remote, ikeSa: undefined };
  }
  const remote = entry.remote ?? formatEndpoint(about.path.remote);
  const { role } = about.id;
  const named: Writable = { ...entry, peerId, eroute, remote, ikeSa: ikeSaName(about.id), role };
  if (about.isProven) named.isProven = true;
  return named;
}

type Writable = { -readonly [Key in keyof JournalEntry]: JournalEntry[Key] };

/** `SPIi_SPIr` in hex. */
function ikeSaName({ spiI, spiR }: SaId): string {
  return `${spi64Hex(spiI)}_${spi64Hex(spiR)}`;
}
