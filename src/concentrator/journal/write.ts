/** What happened, written into the journal with whatever is known of the site. */

import { pathOf, saIdOf } from "../../ike/ike-sa.ts";
import type { SaId } from "../../ike/sa-id.ts";
import { formatEndpoint } from "../../inet/endpoint.ts";
import { spi64Hex } from "../../octets/hex.ts";
import type { Engine } from "../engine.ts";
import type { Entry } from "../negotiation/entry.ts";
import type { JournalEntry } from "./journal.ts";

/** Writes an entry about an IKE SA, or about none; `entry` has the last word on what it says. */
export function journal(
  engine: Engine,
  about: Entry | undefined,
  entry: Omit<JournalEntry, "peerId" | "eroute" | "remote" | "ikeSa"> & {
    readonly remote?: string;
    readonly peerId?: string;
    readonly eroute?: string;
  },
): void {
  const sa = about?.sa;
  engine.out.push({
    kind: "journal",
    entry: {
      ...entry,
      peerId: entry.peerId ?? about?.peerId,
      eroute: entry.eroute ?? about?.eroute?.name ?? about?.candidate?.name,
      ...(about?.eroute === undefined ? {} : { isProven: true }),
      remote: entry.remote ?? (sa === undefined ? undefined : formatEndpoint(pathOf(sa).remote)),
      ikeSa: sa === undefined ? undefined : ikeSaName(saIdOf(sa)),
      ...(sa === undefined ? {} : { role: saIdOf(sa).role }),
    },
  });
}

/** `SPIi_SPIr` in hex. */
function ikeSaName({ spiI, spiR }: SaId): string {
  return `${spi64Hex(spiI)}_${spi64Hex(spiR)}`;
}
