/** Which IV sealed what: a key of a counter mode that seals two messages under one IV is broken. */

import { equalOctets } from "../../src/octets/concat.ts";
import { toHex } from "../../src/octets/hex.ts";
import { PayloadType } from "../../src/wire/v2/message.ts";

export type IvLog = {
  /** By SPIs, direction and IV. */
  readonly sealed: Map<string, Uint8Array>;
  readonly repeats: string[];
};

export function createIvLog(): IvLog {
  return { sealed: new Map(), repeats: [] };
}

/**
 * Takes in a datagram that is sent. The first 8 octets of an IV stand for all of it: if it is drawn
 * at random (CBC), they practically never repeat.
 */
export function noteIv(log: IvLog, octets: Uint8Array): void {
  const bodyAt = BODY_AT.get(octets[16] ?? 0);
  if (bodyAt === undefined) return;
  // Both SPIs, and whether the original initiator sent it.
  const key = toHex(octets.subarray(0, 16)) + ((octets[19] ?? 0) & INITIATOR);
  const iv = `${key} ${toHex(octets.subarray(bodyAt, bodyAt + 8))}`;
  const before = log.sealed.get(iv);
  if (before === undefined) log.sealed.set(iv, octets);
  else if (!equalOctets(before, octets)) log.repeats.push(iv);
}

const BODY_AT: ReadonlyMap<number, number> = new Map([
  [PayloadType.SK, 32],
  [PayloadType.SKF, 36],
]);

const INITIATOR = 0x08;
