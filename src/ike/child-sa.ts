/** A Child SA: what the IKE SA knows of it (RFC 7296 §1.2, §2.9). */

import type { Suite } from "../crypto/suite.ts";
import type { EspSpi } from "../inet/esp-spi.ts";
import type { Prefix } from "../inet/prefix.ts";
import type { Instant } from "../octets/instant.ts";
import type { TrafficSelector } from "../wire/message.ts";
import type { EspAlgorithms } from "./algorithms.ts";

export type ChildSa = {
  /** Ours: the peer sends to it. */
  readonly spiIn: EspSpi;
  readonly spiOut: EspSpi;
  readonly algorithms: EspAlgorithms;
  readonly mode: "tunnel" | "transport";
  readonly local: readonly TrafficSelector[];
  readonly remote: readonly TrafficSelector[];
  readonly createdAt: Instant;
  /** The Child SA that this one takes over from, until that is deleted (RFC 7296 §2.8). */
  readonly replaces: EspSpi | undefined;
};

/** What a site's Child SAs may be. */
export type ChildPolicy = {
  /** ESP. */
  readonly suites: readonly Suite[];
  /** For a rekey of the IKE SA. */
  readonly ikeSuites: readonly Suite[];
  readonly localSubnets: readonly Prefix[];
  readonly remoteSubnets: readonly Prefix[];
  readonly childSasMax: number;
};
