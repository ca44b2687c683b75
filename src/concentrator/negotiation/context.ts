/** What an IKE SA gets from the table of all IKE SAs. */

import type { IkeContext } from "../../ike/effect.ts";
import { Reader } from "../../octets/reader.ts";
import { asIkeSpi, type IkeSpi } from "../../wire/header.ts";
import type { Engine } from "../engine.ts";

/** The same for all IKE SAs. */
export function ikeContext({ negotiation }: Engine): IkeContext {
  return negotiation.context;
}

/** An SPI that no IKE SA of ours has. */
export function freeIkeSpi(engine: Engine): IkeSpi {
  for (;;) {
    const spi = asIkeSpi(new Reader(engine.random(8), "IKE SPI").u64());
    if (spi !== 0n && !engine.negotiation.sas.has(spi)) return spi;
  }
}
