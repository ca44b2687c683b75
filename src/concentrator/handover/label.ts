/**
 * What stands at the beginning of each document that is kept: what it is about. A process that goes
 * on reads these first, so that messages of a site need not wait for all other sites.
 */

import { spiOf } from "../../ike/ike-sa.ts";
import { espSpi, ikeSpi } from "../../ike/state/values.ts";
import type { EspSpi } from "../../inet/esp-spi.ts";
import { type Codec, list, record } from "../../octets/codec.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { type Part, part } from "./part.ts";

export type Label = {
  /** Our SPIs of its IKE SAs. */
  readonly ikeSas: readonly IkeSpi[];
  /** SPIs of its inbound states. */
  readonly inbound: readonly EspSpi[];
};

export type Labelled = { readonly label: Label; readonly part: Part };

const SAS_MAX = 65_535;

export const label: Codec<Label> = record<Label>({
  ikeSas: list(ikeSpi, SAS_MAX),
  inbound: list(espSpi, SAS_MAX),
});

export const labelled: Codec<Labelled> = record<Labelled>({ label, part });

/** With its label. */
export function withLabel(value: Part): Labelled {
  return { label: labelOf(value), part: value };
}

const NOTHING: Label = { ikeSas: [], inbound: [] };

function labelOf(value: Part): Label {
  switch (value.kind) {
    case "site": {
      const { ikeSas, children } = value.site;
      return { ikeSas, inbound: children.map(({ child }) => child.spiIn) };
    }
    case "ike-sas":
      return { ...NOTHING, ikeSas: value.entries.map(({ entry }) => spiOf(entry.sa)) };
    case "kernel":
      return {
        ...NOTHING,
        inbound: value.shared.flatMap((one) => {
          return one.kind === "draining" ? [one.draining.id.spi] : [];
        }),
      };
    case "head":
    case "reach":
    case "end":
      return NOTHING;
  }
}
