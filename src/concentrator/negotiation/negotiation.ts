/** The state of the negotiation: the table of IKE SAs, who may enter it, and who is traced. */

import type { Suite } from "../../crypto/suite.ts";
import { CookieJar } from "../../ike/cookie.ts";
import type { IkeContext } from "../../ike/effect.ts";
import type { MessageListener } from "../../ike/seen-message.ts";
import type { Instant } from "../../octets/instant.ts";
import { bigintKeys, textKeys } from "../../octets/key-column.ts";
import { LongMap } from "../../octets/long-map.ts";
import { type TextPlace, TextRuns } from "../../octets/text-runs.ts";
import type { Gateway } from "../../wire/gateway.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { DeadlineHeap } from "../deadline-heap.ts";
import type { JournalStep } from "../journal/journal.ts";
import { createRates, Rate, type RateLimit, type Rates } from "../rate.ts";
import type { Held } from "../resting.ts";
import type { Entry } from "./entry.ts";

/** What is offered to callers. */
export type Offer = {
  /** All suites of all eroutes: which eroute it is turns out in IKE_AUTH. */
  suites: readonly Suite[];
  /** All authorities of all eroutes, as CERTREQ names them; undefined: no certificate is taken. */
  certReq: Uint8Array | undefined;
  /** Whether some eroute accepts pre-shared keys of its sites. */
  acceptsPsk: boolean;
  /** For Main Mode with signatures: suites of all eroutes whose ends have certificates. */
  ikev1Signed: readonly Suite[];
  /** Whether some eroute allows IKEv1. */
  allowsIkev1: boolean;
  /** Whether some eroute uses PPKs. */
  withPpk: boolean;
  /** Whether some site may have a PPK that has to be found by its PPK_ID. */
  withIntermediatePpk: boolean;
  /** Whether some eroute sends fragments. */
  withFragments: boolean;
};

export type Negotiation = Offer & {
  /** What the IKE SAs get from outside. */
  readonly context: IkeContext;
  /** Where strangers are sent at once; undefined: nowhere. */
  sendsTo: Gateway | undefined;
  /** By local SPI. */
  readonly sas: LongMap<IkeSpi, Held<Entry>>;
  readonly deadlines: DeadlineHeap;
  /** IKE SAs that are over and only answer repeats. */
  readonly lingering: Set<IkeSpi>;
  readonly halfOpen: HalfOpen;
  /** By the fingerprint of the IKE_SA_INIT that made them. */
  readonly initRequests: LongMap<string, IkeSpi>;
  /** Address prefixes from which a site has been up, the latest last. */
  readonly knownPrefixes: LongMap<string, true>;
  readonly cookies: CookieJar;
  /** Unprotected answers to strangers. */
  readonly strangerAnswers: Rate;
  /** Failures of IDs: guessing is slowed down. */
  readonly guesses: Guesses;
  /** By address and ID of a caller with IKEv1: when the next event about it may be written. */
  readonly ikev1Callers: Map<string, Instant>;
  readonly ikev1: Ikev1Strangers;
  readonly trace: Trace;
  /**
   * During the shutdown: walks the table once, new entries included. Undefined before, and once all
   * sites have been told.
   */
  toTell: Generator<readonly [IkeSpi, Entry], undefined> | undefined;
  /** When datagrams were lost last, and when that was journalled last. */
  loss: { readonly at: Instant; readonly noted: Instant } | undefined;
};

/** Places and memory for IKE SAs whose peer has not authenticated yet. */
export type HalfOpen = {
  readonly places: LongMap<IkeSpi, HalfOpenPlace>;
  /** The share of each address prefix. */
  readonly prefixes: LongMap<string, HalfOpenShare>;
  /** The memory that they take, bounded by `half_open_memory`. */
  octets: number;
};

export type HalfOpenPlace = { readonly prefix: string; octets: number };
export type HalfOpenShare = { places: number; octets: number };

/** What strangers may begin with IKEv1, which has no cookies to hold back forged messages. */
export type Ikev1Strangers = {
  /** First messages of each address prefix, and of all prefixes where no site has been up. */
  readonly each: Rates;
  readonly all: Rate;
  /** Half-open IKE SAs from prefixes where no site has been up, the oldest first. */
  readonly halfOpen: Set<IkeSpi>;
};

export type Guesses = {
  readonly rates: Rates;
  /** By peer ID: the address and port, which no other site behind the same NAT has. */
  readonly places: LongMap<string, TextPlace>;
  /** What {@link Guesses.places} points to. */
  readonly texts: TextRuns;
};

/** Sites that are traced: keys of peer IDs, and addresses as text. */
export type Trace = {
  traced: ReadonlySet<string>;
  /** Messages of an IKE SA whose site is not known yet: shown when it is known and traced. */
  readonly untold: Map<IkeSpi, UntoldMessage[]>;
  /** Undefined while no site is traced. */
  onMessage: MessageListener;
  /** How many messages become text. */
  readonly rate: Rate;
  /** Messages that did not, since the last one that did. */
  notShown: number;
};

export type UntoldMessage = {
  readonly step: JournalStep;
  readonly detail: string;
  readonly remote: string;
};

/** Answers to strangers a second. */
const STRANGER_ANSWERS_PER_SECOND = 500;

/** First messages of IKEv1: of one prefix, behind which may be many sites, and of all. */
const IKEV1_EACH: RateLimit = { perSecond: 20, burst: 200 };
const IKEV1_PREFIXES_MAX = 16_384;
const IKEV1_ALL: RateLimit = { perSecond: 250, burst: 500 };

/** Messages of traced sites that are shown. */
const TRACED: RateLimit = { perSecond: 50, burst: 500 };

/** Failures of one ID from one prefix: ten at once, then one every ten seconds. */
const GUESSES: RateLimit = { perSecond: 0.1, burst: 10 };
/** IDs with their prefixes whose failures are counted. */
const GUESSED_MAX = 16_384;

/** No IKE SA yet; what is offered follows from the plan. */
export function createNegotiation(
  { now, random }: { readonly now: Instant; random(octets: number): Uint8Array },
  given: Offer & { readonly context: IkeContext },
): Negotiation {
  return {
    ...given,
    sendsTo: undefined,
    sas: new LongMap(bigintKeys<IkeSpi>),
    deadlines: new DeadlineHeap(),
    lingering: new Set(),
    halfOpen: {
      places: new LongMap(bigintKeys<IkeSpi>),
      prefixes: new LongMap(textKeys),
      octets: 0,
    },
    initRequests: new LongMap(textKeys),
    knownPrefixes: new LongMap(textKeys),
    cookies: new CookieJar(random, now),
    strangerAnswers: new Rate(STRANGER_ANSWERS_PER_SECOND, now),
    guesses: {
      rates: createRates(GUESSES, GUESSED_MAX),
      places: new LongMap(textKeys),
      texts: new TextRuns(),
    },
    ikev1Callers: new Map(),
    ikev1: {
      each: createRates(IKEV1_EACH, IKEV1_PREFIXES_MAX),
      all: new Rate(IKEV1_ALL, now),
      halfOpen: new Set(),
    },
    trace: {
      traced: new Set(),
      untold: new Map(),
      onMessage: undefined,
      rate: new Rate(TRACED, now),
      notShown: 0,
    },
    toTell: undefined,
    loss: undefined,
  };
}
