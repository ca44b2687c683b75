/** Whose message it is that comes while sites are still being taken over. */

import { isOpening } from "../../ike/door.ts";
import { type IkeSpi, parseHeader } from "../../wire/header.ts";
import { ExchangeType as Ikev1ExchangeType } from "../../wire/v1/header.ts";
import { ExchangeType } from "../../wire/v2/exchange-type.ts";

/**
 * The SPIs of ours that the message may be for; none: it has to wait until all sites are there. So
 * does whatever makes an SA: uniqueness, limits, subnets and numbers that are taken are a matter of
 * all sites, and the kernel may still have what the process before made without having noted it.
 */
export function addresseesOf(message: Uint8Array): readonly IkeSpi[] {
  const parsed = parseHeader(message);
  if (!parsed.ok || isOpening(parsed.value)) return [];
  const { version, flags, spiI, spiR, exchangeType } = parsed.value;
  const isIkev1 = version.major === 1;
  const { INFORMATIONAL } = isIkev1 ? Ikev1ExchangeType : ExchangeType;
  if (exchangeType !== INFORMATIONAL) return [];
  // As in `demultiplex.ts`: with IKEv1 no flag says whose cookie is ours.
  if (isIkev1) return [spiR, spiI];
  return [flags.initiator ? spiR : spiI];
}
