/** The state of the dataplane: what is in the kernel, and what is still to be done there. */

import type { EspSpi } from "../../inet/esp-spi.ts";
import { createPrefixTable, type PrefixTable } from "../../inet/prefix-table.ts";
import type { Instant } from "../../octets/instant.ts";
import { numberKeys, textKeys } from "../../octets/key-column.ts";
import { LongMap } from "../../octets/long-map.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { XfrmPolicy } from "../../xfrm/policy.ts";
import type { Held } from "../resting.ts";
import type { DrainingStates, Installed } from "./installed.ts";
import { PolicyTable } from "./policy-table.ts";
import { createRepairs, type Repairs } from "./repairs.ts";
import type { RouteTable } from "./routes.ts";
import type { ChildPlace } from "./xfrm-of-child.ts";

export type Dataplane = {
  /** Child SAs by our inbound SPI. */
  readonly installed: LongMap<EspSpi, Held<Installed>>;
  /** The same ones by their eroute in use, nearly always one each (`childSasOf`). */
  readonly byEroute: LongMap<string, EspSpi | readonly EspSpi[]>;
  /** Child SAs by the site's address and SPI: the kernel has room for one outbound state each. */
  readonly outbounds: LongMap<string, Held<Installed>>;
  /** Child SAs that lose a state and its keys if the process ends before the kernel answers. */
  readonly unsure: LongMap<EspSpi, Installed>;
  readonly draining: DrainingStates;
  /** By name. */
  readonly policies: PolicyTable;
  /** Those of the Child SA of which one was asked for last, by name. */
  lastNamed: NamedPolicies | undefined;
  /** Child SAs by each remote subnet that their site has chosen without a row. */
  readonly chosen: PrefixTable<EspSpi>;
  readonly routes: RouteTable;
  /** Those of Child SAs. */
  readonly reqidsTaken: LongMap<number, true>;
  /**
   * IKE SAs that have moved lately: until when the next move waits, and how many moves do. In the
   * order in which they are due.
   */
  readonly moves: Map<IkeSpi, { readonly at: Instant; waiting: number }>;
  /** What other programs have removed and is being put back. */
  readonly repairs: Repairs;
  /** Policies that stand without an SA (R14), by name; empty until `start`. */
  standing: ReadonlyMap<string, XfrmPolicy>;
  isStarted: boolean;
  standingRetryAt: Instant | undefined;
};

export type NamedPolicies = {
  readonly place: ChildPlace;
  readonly byName: ReadonlyMap<string, XfrmPolicy>;
};

/** Before anything of ours is in the kernel. */
export function createDataplane(): Dataplane {
  return {
    installed: new LongMap(numberKeys<EspSpi>),
    byEroute: new LongMap(textKeys),
    outbounds: new LongMap(textKeys),
    unsure: new LongMap(numberKeys<EspSpi>),
    draining: { queue: [], spis: new Set() },
    policies: new PolicyTable(),
    lastNamed: undefined,
    chosen: createPrefixTable(),
    routes: new Map(),
    reqidsTaken: new LongMap(numberKeys),
    moves: new Map(),
    repairs: createRepairs(),
    standing: new Map(),
    isStarted: false,
    standingRetryAt: undefined,
  };
}
