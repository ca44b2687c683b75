/** Whose message it is that comes while sites are still being taken over. */

import { isOpening } from "../../ike/door.ts";
import { type IkeSpi, parseHeader } from "../../wire/header.ts";
import { ExchangeType as Ikev1ExchangeType } from "../../wire/v1/header.ts";
import { ExchangeType } from "../../wire/v2/exchange-type.ts";
import { isForMany } from "../../eroute/shared-subnet.ts";
import type { Engine } from "../engine.ts";

/**
 * The SPIs of ours that the message may be for; none: it has to wait until all sites are there. So
 * do messages that begin something: uniqueness, limits and evictions look at all sites. Where sites
 * choose their subnets, new Child SAs do, too: one site's choice is refused to the others.
 */
export function addresseesOf({ plan }: Engine, message: Uint8Array): readonly IkeSpi[] {
  const parsed = parseHeader(message);
  if (!parsed.ok || isOpening(parsed.value)) return [];
  const { version, flags, spiI, spiR, exchangeType } = parsed.value;
  const { INFORMATIONAL } = version.major === 1 ? Ikev1ExchangeType : ExchangeType;
  if (exchangeType !== INFORMATIONAL && plan.eroutes.some(isForMany)) return [];
  // As in `demultiplex.ts`: with IKEv1 no flag says whose cookie is ours.
  if (version.major === 1) return [spiR, spiI];
  return [flags.initiator ? spiR : spiI];
}
