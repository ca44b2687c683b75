/** The table of what is being put back into the kernel. */

import type { EspSpi } from "../../inet/esp-spi.ts";
import type { Instant } from "../../octets/instant.ts";
import type { Names } from "../../octets/names.ts";
import type { XfrmStateId } from "../../xfrm/state.ts";
import type { Held } from "../resting.ts";
import type { Installed } from "./installed.ts";

/** What a request to the kernel is for. */
export type Repairing = { readonly kind: "repair" } & (
  | { readonly what: "policy"; readonly name: string }
  | { readonly what: "state"; readonly installed: Installed; readonly id: XfrmStateId }
  | { readonly what: "put"; readonly isQuiet: boolean }
);

/** A walk through our tables; undefined: nothing of that kind is checked. */
export type Walk = {
  readonly known: {
    readonly states: Names | undefined;
    readonly policies: Names | undefined;
    readonly worn: Names;
  };
  readonly policies: Iterator<string>;
  readonly states: Iterator<readonly [EspSpi, Held<Installed>]>;
};

export type RemovedKind = "states" | "policies" | "routes";

export type Repairs = {
  walk: Walk | undefined;
  /** When the last walk took a step. */
  walkedAt: Instant | undefined;
  /** When the next portion is due. */
  at: Instant | undefined;
  /** Child SAs without their states, by our SPI, and since when. */
  readonly lost: Map<EspSpi, Instant>;
  /** Those of them, and worn ones, that have still to be rekeyed. */
  readonly remakes: Map<EspSpi, Installed>;
  remade: number;
  /** What was found missing and has not been reported. */
  readonly tally: Record<RemovedKind, number>;
  tellAt: Instant | undefined;
  /** Sites that were named in this tally. */
  named: number;
  /** Netlink port of the program that removed something last. */
  by: number | undefined;
};

/** Nothing is missing. */
export function createRepairs(): Repairs {
  return {
    walk: undefined,
    walkedAt: undefined,
    at: undefined,
    lost: new Map(),
    remakes: new Map(),
    remade: 0,
    tally: { states: 0, policies: 0, routes: 0 },
    tellAt: undefined,
    named: 0,
    by: undefined,
  };
}
