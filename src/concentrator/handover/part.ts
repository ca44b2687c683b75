/**
 * What one process leaves to the next: a series of documents. The first holds what several sites
 * share, the next ones hold a site each, then come the remaining tables, and the last one says how
 * many documents there were.
 */

import { ikeSpi } from "../../ike/state/values.ts";
import { bool, byKind, type Codec, constant, list, record, u32, u48 } from "../../octets/codec.ts";
import { type Word, words } from "../../octets/vocabulary.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { type PlainCalls, plainCalls } from "../calls/plain-calls.ts";
import { type PlainChild, plainChild } from "../dataplane/plain-child.ts";
import { type PlainDataplane, plainDataplane } from "../dataplane/plain-dataplane.ts";
import { type PlainShared, plainShared } from "../dataplane/plain-shared.ts";
import { type PlainEroute, plainEroute } from "../sites/plain-eroute.ts";
import {
  type PlainDuties,
  type PlainReach,
  type PlainSites,
  plainReach,
  plainSites,
  untold,
  worked,
} from "../sites/plain-sites.ts";
import { type PlainIkeSa, plainIkeSa } from "./plain-ike-sa.ts";

export type Head = {
  /** The number of the last request: the next process counts on from here. */
  readonly lastRequest: number;
  readonly sites: PlainSites;
  readonly calls: PlainCalls;
  readonly dataplane: PlainDataplane;
  /** What other documents have a number of; empty: they hold all themselves. */
  readonly words: readonly Word[];
};

export type PlainSite = PlainDuties & {
  /** Every eroute from which SAs were made, the one in use last. */
  readonly eroutes: readonly PlainEroute[];
  /** Local SPIs of its IKE SAs, oldest first. */
  readonly ikeSas: readonly IkeSpi[];
  readonly entries: readonly PlainIkeSa[];
  readonly children: readonly PlainChild[];
};

export type Part =
  | { readonly kind: "head"; readonly head: Head }
  | { readonly kind: "site"; readonly site: PlainSite }
  /** IKE SAs that no longer belong to a site: they only answer, or wait for an answer. */
  | { readonly kind: "ike-sas"; readonly entries: readonly PlainIkeSa[] }
  | { readonly kind: "reach"; readonly reach: readonly PlainReach[] }
  | { readonly kind: "kernel"; readonly shared: readonly PlainShared[] }
  /** How many documents come before this one. */
  | { readonly kind: "end"; readonly documents: number };

type PartOf<K extends Part["kind"]> = Extract<Part, { readonly kind: K }>;

const SAS_MAX = 65_535;
const PORTION_MAX = 65_535;

const head = record<Head>({
  lastRequest: u48,
  sites: plainSites,
  calls: plainCalls,
  dataplane: plainDataplane,
  words,
});

const site = record<PlainSite>({
  eroutes: list(plainEroute, SAS_MAX),
  ikeSas: list(ikeSpi, SAS_MAX),
  entries: list(plainIkeSa, SAS_MAX),
  children: list(plainChild, SAS_MAX),
  isRowWaiting: bool,
  isRedirectWaiting: bool,
  worked,
  untold,
});

export const part: Codec<Part> = byKind<Part>({
  head: record<PartOf<"head">>({ kind: constant("head"), head }),
  site: record<PartOf<"site">>({ kind: constant("site"), site }),
  "ike-sas": record<PartOf<"ike-sas">>({
    kind: constant("ike-sas"),
    entries: list(plainIkeSa, PORTION_MAX),
  }),
  reach: record<PartOf<"reach">>({
    kind: constant("reach"),
    reach: list(plainReach, PORTION_MAX),
  }),
  kernel: record<PartOf<"kernel">>({
    kind: constant("kernel"),
    shared: list(plainShared, PORTION_MAX),
  }),
  end: record<PartOf<"end">>({ kind: constant("end"), documents: u32 }),
});
