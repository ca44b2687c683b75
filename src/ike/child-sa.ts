/** What an IKE SA knows about each of its Child SAs (RFC 7296 §1.2, §2.9). */

import type { Suite } from "../crypto/suite.ts";
import type { Address } from "../inet/address.ts";
import type { EspSpi } from "../inet/esp-spi.ts";
import type { Instant } from "../octets/instant.ts";
import type { TrafficSelector } from "../wire/traffic-selector.ts";
import type { EspAlgorithms } from "./algorithms.ts";
import type { Struggle } from "./struggle.ts";

export type ChildSa = {
  /** Our SPI: the peer sends packets to it. */
  readonly spiIn: EspSpi;
  readonly spiOut: EspSpi;
  readonly algorithms: EspAlgorithms;
  readonly mode: "tunnel" | "transport";
  readonly local: readonly TrafficSelector[];
  readonly remote: readonly TrafficSelector[];
  readonly createdAt: Instant;
  /** When we replace it, unless the peer does so first; undefined: the rekey is under way. */
  readonly rekeyAt: Instant | undefined;
  /** The Child SA that this one replaces, until that one is deleted (RFC 7296 §2.8). */
  readonly replaces: EspSpi | undefined;
  /**
   * Both ends rekeyed at the same time, and this one is redundant: the peer deletes it, or we do
   * at this instant (§2.8.1).
   */
  readonly redundantUntil: Instant | undefined;
  /** The peer refuses to replace it. */
  readonly struggle: Struggle | undefined;
};

/** Which Child SAs a site may have. */
export type ChildPolicy = {
  /** Algorithms for ESP. */
  readonly suites: readonly Suite[];
  /** Algorithms for a rekey of the IKE SA. */
  readonly ikeSuites: readonly Suite[];
  readonly local: readonly TrafficSelector[];
  readonly remote: readonly TrafficSelector[];
  /** Name servers, for a site that asks for a configuration (§2.19). */
  readonly dns: readonly Address[];
  /** Whether a request for transport mode is accepted (§1.3.1). */
  readonly transport: boolean;
  readonly lifetimeMs: number;
  readonly childSasMax: number;
};
