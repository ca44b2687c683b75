/** An IKE SA of any version, written as a document and read by a later process. */

import { type Anchor, type Codec, mapped, oneOf, record } from "../../octets/codec.ts";
import type { Result } from "../../octets/result.ts";
import type { IkeSa } from "../ike-sa.ts";
import type { Ticket } from "../ticket.ts";
import { type Generations, nextEpoch } from "../v2/epoch.ts";
import { wipeSecrets } from "../v2/secrets.ts";
import { privateOctetsOfAsking } from "../v2/state/exchanges.ts";
import {
  inEpoch,
  type Lasting,
  lastingOf as lastingOfV2,
  lasting as lastingV2,
} from "../v2/state/ike-sa.ts";
import { readDocument, type StateFault, writeDocument } from "./document.ts";

/** The process that writes or reads: its clocks, and its generation (`v2/epoch.ts`). */
export type Place = { readonly anchor: Anchor; readonly generation: number };

/** An IKE SA that another process can continue. */
export type LastingIkeSa = Lasting;

type OfVersion = { readonly version: 2; readonly sa: Lasting };

/** Preceded by the version of IKE. */
export const lastingIkeSa: Codec<LastingIkeSa> = mapped(
  record<OfVersion>({ version: oneOf([2]), sa: lastingV2 }),
  { to: (sa: Lasting): OfVersion => ({ version: 2, sa }), from: ({ sa }) => sa },
);

/** The IKE SA if it can be written. A negotiation cannot: its peer begins anew. */
export function lastingOf(sa: IkeSa): LastingIkeSa | undefined {
  return "version" in sa ? undefined : lastingOfV2(sa);
}

/**
 * The IKE SA as octets, which are secret; undefined for a negotiation. The writer may continue to
 * use it, because each reader has its own epoch.
 */
export function writeIkeSa(sa: IkeSa, place: Place): Uint8Array | undefined {
  const written = lastingOf(sa);
  return written === undefined ? undefined : writeDocument(lastingIkeSa, written, place);
}

/** The IKE SA that was written, ready for use in this process. */
export function readIkeSa(document: Uint8Array, place: Place): Result<LastingIkeSa, StateFault> {
  const read = readDocument(lastingIkeSa, document, place.anchor);
  if (!read.ok) return read;
  const { value, generation: writer } = read.value;
  return inNextEpoch(value, { writer, reader: place.generation });
}

/** The same in its next epoch: it uses no IV that the writer or another reader may use. */
export function inNextEpoch(
  sa: LastingIkeSa,
  generations: Generations,
): Result<LastingIkeSa, StateFault> {
  return inEpoch(sa, (epoch) => nextEpoch(epoch, generations));
}

/** The private octets of the key exchange with this ticket, where the IKE SA keeps them. */
export function privateOctetsOf(sa: LastingIkeSa, ticket: Ticket): Uint8Array | undefined {
  // A rekey by both ends: the peer's has replaced the IKE SA, and ours is still under way.
  const at = sa.phase === "replaced" ? sa.former : sa;
  return at.phase === "established" ? privateOctetsOfAsking(at.asking, ticket) : undefined;
}

/** What an IKE SA waits to hear of the kernel. */
export type KernelWait = { readonly of: "child" | "usage"; readonly ticket: Ticket };

/** Answers of the kernel that only the process that asked can get. */
export function kernelWaitsOf(sa: LastingIkeSa): readonly KernelWait[] {
  if (sa.phase !== "established") return [];
  const { serving, asking, usage } = sa;
  const waits: KernelWait[] = [];
  if (serving?.kind === "child-install") waits.push({ of: "child", ticket: serving.ticket });
  if (asking?.kind === "child-install") waits.push({ of: "child", ticket: asking.ticket });
  if (usage.ticket !== undefined) waits.push({ of: "usage", ticket: usage.ticket });
  return waits;
}

/** Overwrites the secrets of an IKE SA that was written, once another process has taken over. */
export function wipeWritten(sa: IkeSa): void {
  if (!("version" in sa)) wipeSecrets(sa);
}
