/** A datagram's way to its IKE SA (RFC 7296 §2.5, §2.6, §3.1). */

import { isOpening, isSpoken, unknownSpiAnswer, versionAnswer } from "../../ike/door.ts";
import { type IkeSa, saIdOf } from "../../ike/ike-sa.ts";
import type { Path } from "../../inet/endpoint.ts";
import { type IkeHeader, type IkeSpi, parseHeader } from "../../wire/header.ts";
import { count, type Engine } from "../engine.ts";
import { entryAt } from "./ike-sas.ts";
import { onIkev1 } from "./ikev1.ts";
import { mayAnswer } from "./stranger-answers.ts";

/** Where a datagram belongs. */
export type Destination =
  | { readonly kind: "ike-sa"; readonly spi: IkeSpi; readonly header: IkeHeader }
  | { readonly kind: "stranger"; readonly header: IkeHeader }
  | { readonly kind: "nowhere" };

/**
 * Finds the IKE SA by our own SPI. Counts everything else, and answers it where the RFC says so.
 */
export function destinationOf(engine: Engine, octets: Uint8Array, path: Path): Destination {
  count(engine, "datagrams_received");
  const parsed = parseHeader(octets);
  if (!parsed.ok) return nowhere(engine, "datagrams_malformed");
  const header = parsed.value;
  const { major } = header.version;
  if (major === 1 && engine.negotiation.allowsIkev1) return ikev1Destination(engine, header);
  if (!isSpoken(header)) {
    if (major === 1) onIkev1(engine, header, octets, path);
    else answerStray(engine, versionAnswer(header), path);
    return nowhere(engine, "datagrams_bad_version");
  }
  if (header.spiI === 0n) return nowhere(engine, "datagrams_malformed");
  // The flag says who sent it: the original initiator's messages carry our SPI as SPIr.
  const spi = header.flags.initiator ? header.spiR : header.spiI;
  if (engine.negotiation.sas.has(spi)) return { kind: "ike-sa", spi, header };
  if (!isOpening(header)) {
    answerStray(engine, unknownSpiAnswer(header), path);
    return nowhere(engine, "datagrams_unknown_spi");
  }
  if (header.messageId !== 0) return nowhere(engine, "datagrams_malformed");
  return { kind: "stranger", header };
}

/**
 * By the pair of cookies (RFC 2408 §2.5.3): ours is either of them, as no flag says who began.
 * Messages that belong to no IKE SA get no answer.
 */
function ikev1Destination(engine: Engine, header: IkeHeader): Destination {
  if (header.spiI === 0n) return nowhere(engine, "datagrams_malformed");
  if (isOpening(header)) {
    if (header.messageId !== 0) return nowhere(engine, "datagrams_malformed");
    return { kind: "stranger", header };
  }
  for (const spi of [header.spiR, header.spiI]) {
    const entry = entryAt(engine, spi);
    if (entry !== undefined && isOf(header, entry.sa)) return { kind: "ike-sa", spi, header };
  }
  return nowhere(engine, "datagrams_unknown_spi");
}

/** Whether both cookies are those of this IKE SA; its peer's may not be known yet. */
function isOf({ spiI, spiR }: IkeHeader, sa: IkeSa): boolean {
  const id = saIdOf(sa);
  return id.spiI === spiI && (id.spiR === spiR || (id.role === "initiator" && id.spiR === 0n));
}

function nowhere(
  engine: Engine,
  counter: "datagrams_malformed" | "datagrams_bad_version" | "datagrams_unknown_spi",
): Destination {
  count(engine, counter);
  return { kind: "nowhere" };
}

/** Answers what belongs to no IKE SA, at a bounded rate. */
function answerStray(engine: Engine, octets: Uint8Array | undefined, path: Path): void {
  if (octets === undefined || !mayAnswer(engine)) return;
  engine.out.push({ kind: "send", octets, path });
}
