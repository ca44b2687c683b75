/** An IKE SA of any version, written as a document and read by a later process. */

import { type Anchor, type Codec, oneOf } from "../../octets/codec.ts";
import { ok, type Result } from "../../octets/result.ts";
import type { IkeSa } from "../ike-sa.ts";
import type { Ticket } from "../ticket.ts";
import { wipeSecrets as wipeSecretsOfV1 } from "../v1/secrets.ts";
import {
  isQuiet as isQuietV1,
  type Lasting as LastingOfV1,
  lastingOf as lastingOfV1,
  lasting as lastingV1,
} from "../v1/state/ike-sa.ts";
import { type Generations, nextEpoch } from "../v2/epoch.ts";
import { wipeSecrets } from "../v2/secrets.ts";
import { privateOctetsOfAsking } from "../v2/state/exchanges.ts";
import {
  inEpoch as inEpochOfV2,
  isQuiet as isQuietV2,
  type Lasting as LastingOfV2,
  lastingOf as lastingOfV2,
  lasting as lastingV2,
} from "../v2/state/ike-sa.ts";
import { readDocument, type StateFault, writeDocument } from "./document.ts";

/** The process that writes or reads: its clocks, and its generation (`v2/epoch.ts`). */
export type Place = { readonly anchor: Anchor; readonly generation: number };

/** An IKE SA that another process can continue. */
export type LastingIkeSa = LastingOfV1 | LastingOfV2;

const version = oneOf([2, 1]);

/** Preceded by the version of IKE. */
export const lastingIkeSa: Codec<LastingIkeSa> = {
  write(to, sa) {
    version.write(to, isIkev1(sa) ? 1 : 2);
    if (isIkev1(sa)) lastingV1.write(to, sa);
    else lastingV2.write(to, sa);
  },
  read: (from) => (version.read(from) === 1 ? lastingV1.read(from) : lastingV2.read(from)),
};

function isIkev1<S extends object>(sa: S): sa is Extract<S, { readonly version: 1 }> {
  return "version" in sa;
}

/** The IKE SA if it can be written. A negotiation cannot: its peer begins anew. */
export function lastingOf(sa: IkeSa): LastingIkeSa | undefined {
  return isIkev1(sa) ? lastingOfV1(sa) : lastingOfV2(sa);
}

/** The IKE SA if it waits for nothing but time, and is up; then all of it can be written. */
export function quietOf(sa: IkeSa): LastingIkeSa | undefined {
  if (isIkev1(sa)) return isQuietV1(sa) ? sa : undefined;
  return isQuietV2(sa) ? sa : undefined;
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

/**
 * The same with its keys in the epoch that `next` gives. IKEv1 has none: each of its exchanges has
 * an IV of its own, made from a message ID that is drawn at random.
 */
export function inEpoch<E>(
  sa: LastingIkeSa,
  next: (epoch: number) => Result<number, E>,
): Result<LastingIkeSa, E> {
  return isIkev1(sa) ? ok(sa) : inEpochOfV2(sa, next);
}

/** The private octets of the key exchange with this ticket, where the IKE SA keeps them. */
export function privateOctetsOf(sa: LastingIkeSa, ticket: Ticket): Uint8Array | undefined {
  if (isIkev1(sa)) return undefined;
  // A rekey by both ends: the peer's has replaced the IKE SA, and ours is still under way.
  const at = sa.phase === "replaced" ? sa.former : sa;
  return at.phase === "established" ? privateOctetsOfAsking(at.asking, ticket) : undefined;
}

/** What an IKE SA waits to hear of the kernel. */
export type KernelWait = { readonly of: "child" | "usage"; readonly ticket: Ticket };

function kernelWaitsOfV1({ quickModes, usage }: LastingOfV1): readonly KernelWait[] {
  const waits: KernelWait[] = [];
  for (const exchange of quickModes) {
    const isInstalling = exchange.stage === "installing" || exchange.stage === "granted";
    if (isInstalling) waits.push({ of: "child", ticket: exchange.ticket });
  }
  if (usage.ticket !== undefined) waits.push({ of: "usage", ticket: usage.ticket });
  return waits;
}

/** Answers of the kernel that only the process that asked can get. */
export function kernelWaitsOf(sa: LastingIkeSa): readonly KernelWait[] {
  if (isIkev1(sa)) return kernelWaitsOfV1(sa);
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
  if (isIkev1(sa)) wipeSecretsOfV1(sa);
  else wipeSecrets(sa);
}
