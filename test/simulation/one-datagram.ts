/** Messages of sites without fragmentation: sealed into one datagram, opened from one. */

import { NO_FRAGMENTS } from "../../src/ike/v2/fragments.ts";
import { openMessage, type Secured, sealMessage } from "../../src/ike/v2/protect.ts";
import { assert } from "../../src/octets/assert.ts";
import { asInstant } from "../../src/octets/instant.ts";
import { err, ok, type Result } from "../../src/octets/result.ts";
import type { IkeHeader } from "../../src/wire/header.ts";
import type { Payload } from "../../src/wire/v2/message.ts";

type Whole = Omit<Secured, "fragmentOctets">;

/** The only datagram of a message. */
export function sealOne(
  secured: Whole,
  head: Parameters<typeof sealMessage>[1],
  payloads: readonly Payload[],
  random: (count: number) => Uint8Array,
): Uint8Array {
  const sealed = sealMessage({ ...secured, fragmentOctets: undefined }, head, payloads, {
    ...{ random, onMessage: undefined },
  });
  const [octets, ...more] = sealed;
  assert(octets !== undefined && more.length === 0, "one datagram");
  return octets;
}

/** Its content, if it is authentic and can be read. */
export function openOne(
  secured: Whole,
  header: IkeHeader,
  octets: Uint8Array,
): Result<readonly Payload[], string> {
  const whole = { ...secured, fragmentOctets: undefined, fragments: NO_FRAGMENTS };
  const opened = openMessage(
    whole,
    { header, octets },
    { onMessage: undefined, now: asInstant(0) },
  );
  return opened.kind === "whole" ? ok(opened.payloads) : err(opened.kind);
}
