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
  engine.out.push({
    kind: "journal",
    entry: {
      ...entry,
      peerId: entry.peerId ?? about?.peerId,
      eroute: entry.eroute ?? about?.eroute,
      ...(about?.isProven === true ? { isProven: true } : {}),
      remote: entry.remote ?? (about === undefined ? undefined : formatEndpoint(about.path.remote)),
      ikeSa: about === undefined ? undefined : ikeSaName(about.id),
      ...(about === undefined ? {} : { role: about.id.role }),
    },
  });
}

/** `SPIi_SPIr` in hex. */
function ikeSaName({ spiI, spiR }: SaId): string {
  return `${spi64Hex(spiI)}_${spi64Hex(spiR)}`;
}
