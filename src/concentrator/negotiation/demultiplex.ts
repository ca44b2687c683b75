/** A datagram's way to its IKE SA (RFC 7296 §2.5, §2.6, §3.1). */

import { notify } from "../../ike/v2/notify.ts";
import type { Path } from "../../inet/endpoint.ts";
import { type IkeHeader, type IkeSpi, parseHeader } from "../../wire/header.ts";
import { emitMessage } from "../../wire/v2/emit-message.ts";
import { ExchangeType } from "../../wire/v2/exchange-type.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import { count, type Engine } from "../engine.ts";
import { onIkev1 } from "./ikev1.ts";

/** Where a datagram belongs. */
export type Destination =
  | { readonly kind: "ike-sa"; readonly spi: IkeSpi; readonly header: IkeHeader }
  | { readonly kind: "stranger"; readonly header: IkeHeader }
  | { readonly kind: "nowhere" };

/** Finds the IKE SA by our own SPI; counts, and where the RFC says so answers, all else. */
export function destinationOf(engine: Engine, octets: Uint8Array, path: Path): Destination {
  count(engine, "datagrams_received");
  const parsed = parseHeader(octets);
  if (!parsed.ok) return nowhere(engine, "datagrams_malformed");
  const header = parsed.value;
  if (header.version.major !== 2) {
    if (header.version.major === 1) onIkev1(engine, header, octets, path);
    else answerVersion(engine, header, path);
    return nowhere(engine, "datagrams_bad_version");
  }
  if (header.spiI === 0n) return nowhere(engine, "datagrams_malformed");
  // The flag says who sent it: the original initiator's messages carry our SPI as SPIr.
  const spi = header.flags.initiator ? header.spiR : header.spiI;
  if (engine.sas.has(spi)) return { kind: "ike-sa", spi, header };
  const isFirst =
    header.exchangeType === ExchangeType.IKE_SA_INIT &&
    header.flags.initiator &&
    !header.flags.response &&
    header.spiR === 0n;
  if (!isFirst) {
    answerUnknownSpi(engine, header, path);
    return nowhere(engine, "datagrams_unknown_spi");
  }
  if (header.messageId !== 0) return nowhere(engine, "datagrams_malformed");
  return { kind: "stranger", header };
}

function nowhere(
  engine: Engine,
  counter: "datagrams_malformed" | "datagrams_bad_version" | "datagrams_unknown_spi",
): Destination {
  count(engine, counter);
  return { kind: "nowhere" };
}

/** A request for an IKE SA that is not here: the peer may have outlived it (§2.21.4). */
function answerUnknownSpi(engine: Engine, header: IkeHeader, path: Path): void {
  const { spiI, spiR, exchangeType, messageId, flags } = header;
  if (flags.response || exchangeType === ExchangeType.IKE_SA_INIT) return;
  if (!engine.strangerAnswers.take(engine.now)) {
    count(engine, "datagrams_rate_limited");
    return;
  }
  const octets = emitMessage(
    {
      ...{ spiI, spiR, exchangeType, messageId },
      version: { major: 2, minor: 0 },
      flags: { initiator: !flags.initiator, version: false, response: true },
    },
    [notify(NotifyType.INVALID_IKE_SPI)],
  );
  engine.out.push({ kind: "send", octets, path });
}

/** A higher version is told ours (§2.5); a response gets no answer. */
function answerVersion(engine: Engine, header: IkeHeader, path: Path): void {
  if (header.version.major < 3 || header.flags.response) return;
  if (!engine.strangerAnswers.take(engine.now)) {
    count(engine, "datagrams_rate_limited");
    return;
  }
  const { spiI, spiR, exchangeType, messageId } = header;
  const octets = emitMessage(
    {
      spiI,
      spiR,
      version: { major: 2, minor: 0 },
      exchangeType,
      flags: { initiator: false, version: false, response: true },
      messageId,
    },
    [notify(NotifyType.INVALID_MAJOR_VERSION)],
  );
  engine.out.push({ kind: "send", octets, path });
}
