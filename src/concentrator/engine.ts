/** The concentrator's tables: what all IKE SAs share. Only the files of this room touch them. */

import type { CertificateHolder } from "../crypto/signature.ts";
import type { Suite } from "../crypto/suite.ts";
import type { ChildOptions, Eroute, EroutePlan } from "../eroute/eroute.ts";
import type { PeerId } from "../eroute/peer-id.ts";
import type { RowOptions } from "../eroute/row-options.ts";
import type { CookieJar } from "../ike/cookie.ts";
import type { IkeContext } from "../ike/effect.ts";
import type { IkeEvent } from "../ike/event.ts";
import type { IkeSaFacts } from "../ike/facts.ts";
import { factsOf, type IkeSa, pathOf, saIdOf, spiOf } from "../ike/ike-sa.ts";
import { REFUSAL_STEP_MS } from "../ike/limits.ts";
import type { SaId } from "../ike/sa-id.ts";
import type { MessageListener } from "../ike/seen-message.ts";
import type { Ticket } from "../ike/ticket.ts";
import { formatEndpoint } from "../inet/endpoint.ts";
import { asEspSpi, type EspSpi } from "../inet/esp-spi.ts";
import type { Prefix } from "../inet/prefix.ts";
import { type Instant, later } from "../octets/instant.ts";
import type { Gateway } from "../wire/gateway.ts";
import { asIkeSpi, type IkeSpi } from "../wire/header.ts";
import type { XfrmPolicy } from "../xfrm/policy.ts";
import type { CallId, Calls } from "./calls/calls.ts";
import type { Followed } from "./calls/follow-redirect.ts";
import type { Draining, Installed, PolicyUse } from "./dataplane/installed.ts";
import type { Moves } from "./dataplane/move.ts";
import type { Repairs } from "./dataplane/repairs.ts";
import type { RouteTable } from "./dataplane/routes.ts";
import type { DeadlineHeap } from "./deadline-heap.ts";
import type { Effect } from "./effect.ts";
import type { LookupId } from "./event.ts";
import type { JournalEntry } from "./journal/journal.ts";
import type { LimitNotes } from "./journal/limit-notes.ts";
import type { StrangerNotes } from "./journal/stranger-notes.ts";
import type { Guesses } from "./negotiation/guesses.ts";
import type { HalfOpenShare } from "./negotiation/half-open.ts";
import type { Ikev1Callers } from "./negotiation/ikev1.ts";
import type { Untold } from "./negotiation/trace.ts";
import type { OpenRequests } from "./open-requests.ts";
import type { Rate, Rates } from "./rate.ts";
import type { Requests } from "./requests.ts";
import type { SharedTerms } from "./sites/eroute-in-use.ts";
import type { Reach } from "./sites/reach.ts";
import type { Redirects } from "./sites/redirect.ts";
import type { RowChecks, RowPrint } from "./sites/row-checks.ts";
import type { CounterName } from "./snapshot.ts";

/** An IKE SA in the table, and what the concentrator knows of it beyond IKE. */
export type Entry = {
  sa: IkeSa;
  peerId: PeerId | undefined;
  /** The eroute that it will belong to, once it is authenticated. */
  candidate: ErouteInUse | undefined;
  eroute: ErouteInUse | undefined;
  /** Key in {@link Engine.initRequests} while a repeat of IKE_SA_INIT can come. */
  initKey: string | undefined;
  /** IKE SAs of the same site that it takes over from, once it is up. */
  supersedes: readonly IkeSpi[];
  initialContact: boolean;
  /** The call that it came of, until it is authenticated. */
  call: CallId | undefined;
  /** Half-open IKE SAs of this address prefix are counted. */
  halfOpenPrefix: string | undefined;
  /** What it takes of the memory for them. */
  halfOpenOctets: number;
  /** Where its site is sent as soon as it has its answer to IKE_AUTH (RFC 5685). */
  redirect: Gateway | undefined;
  /** When its Child SAs have last followed it to another address. */
  movedAt: Instant | undefined;
  /** Key of the rate in which it counts as a failure until it has turned out to be none. */
  guess: string | undefined;
  /** Our SPI of the Child SA that was last sent to the kernel: its IKE SA may end before. */
  installing: EspSpi | undefined;
};

/** A dynamic eroute (R4), or a normal one with an IKE SA. */
export type ErouteInUse = {
  readonly kind: "dynamic" | "normal";
  readonly key: string;
  readonly name: string;
  /** Another one after a new configuration that lets the eroute in use stay up. */
  base: Eroute;
  readonly peerId: PeerId;
  readonly createdAt: Instant;
  readonly localSubnets: readonly Prefix[];
  readonly remoteSubnets: readonly Prefix[];
  /** Our ID towards the site: its row's, else the base eroute's. */
  readonly ourid: string | undefined;
  child: ChildOptions;
  /** What its row says instead of the base eroute. */
  own: RowOptions;
  /** What the site has proved itself with last; undefined as long as it has not. */
  proof: SiteProof | undefined;
  /** Its row or local user has a PPK; its IKE SA was made with one (RFC 8784). */
  readonly hasPpk: boolean;
  usesPpk: boolean;
  /** What its row said, see {@link rowPrint}, and the number of the look-up that read it. */
  readonly row: { readonly print: RowPrint; readonly lookup: LookupId } | undefined;
  /** Local SPIs of its IKE SAs, oldest first. */
  readonly ikeSas: IkeSpi[];
};

/** A pre-shared key, or a certificate. */
export type SiteProof =
  | { readonly kind: "psk" }
  | { readonly kind: "certificate"; readonly holder: CertificateHolder };

/** What is to be done for all IKE SAs that were made from one eroute in use. */
export type Errand =
  | { readonly kind: "close"; readonly why: string }
  /** Later exchanges go by the eroute's new configuration. */
  | { readonly kind: "terms" };

export type Errands = {
  /** At most one for each eroute in use, in the order in which they came. */
  readonly waiting: Map<ErouteInUse, Errand>;
  /** When the next portion is due. */
  at: Instant | undefined;
};

/** One event for one IKE SA, to be handled before anything else. */
export type Parcel = { readonly spi: IkeSpi; readonly event: IkeEvent };

export type Engine = {
  plan: EroutePlan;
  /** All suites of all eroutes: whose site it is turns out in IKE_AUTH. */
  ikeSuites: readonly Suite[];
  /** All authorities of all eroutes, as CERTREQ names them; undefined: no certificate is taken. */
  certReq: Uint8Array | undefined;
  now: Instant;
  readonly random: (count: number) => Uint8Array;
  readonly context: IkeContext;
  /** By local SPI. */
  readonly sas: Map<IkeSpi, Entry>;
  halfOpen: number;
  /** What they take, bounded by `half_open_memory`. */
  halfOpenOctets: number;
  /** IKE SAs that are over and only answer repeats. */
  lingering: number;
  /** What of that each address prefix has. */
  readonly halfOpenPrefixes: Map<string, HalfOpenShare>;
  readonly initRequests: Map<string, IkeSpi>;
  /** Address prefixes from which a site has been up, the latest last. */
  readonly knownPrefixes: Set<string>;
  /** In order of creation: the oldest first (R7). */
  readonly eroutes: Map<string, ErouteInUse>;
  dynamicCount: number;
  /** By eroute as configured: what its sites have in common. */
  sharedTerms: WeakMap<Eroute, SharedTerms>;
  /** The same ones by their remote subnets. */
  readonly reach: Reach;
  readonly requests: Requests;
  /** Until when each of them has to be answered. */
  readonly openRequests: OpenRequests;
  /** Peer keys without a row, and until when they are not asked for again. */
  readonly unknownIds: Map<string, Instant>;
  /** Rows of sites that are up, read anew because they may have changed. */
  readonly rowChecks: RowChecks;
  /** Closing and telling many sites, in portions. */
  readonly errands: Errands;
  /** By our inbound SPI. */
  readonly installed: Map<EspSpi, Installed>;
  /** Who sends there, by the site's address and SPI: the kernel has room for one only. */
  readonly outbounds: Map<string, Installed>;
  /** Inbound states of rekeyed Child SAs, kept for what was on its way; the first goes first. */
  readonly draining: Draining[];
  /** Sites that are looked at closely; what was seen before a site's name was known. */
  traced: ReadonlySet<string>;
  readonly untold: Untold;
  /** Undefined while nobody is looked at. */
  onMessage: MessageListener;
  readonly calls: Calls;
  /** Sites that are sent to another gateway; and how often such have sent us. */
  readonly redirects: Redirects;
  readonly followed: Followed;
  /** Addresses of this host on which IKE is spoken; undefined: not told yet. */
  localAddresses: ReadonlySet<string> | undefined;
  /** Those that were there, and until when they may come back. */
  readonly goneAddresses: Map<string, Instant>;
  readonly policies: Map<string, PolicyUse>;
  /** What other programs have removed, and is being put back. */
  readonly repairs: Repairs;
  /** Policies that stand without an SA (R14), by name; empty until `start`. */
  standing: ReadonlyMap<string, XfrmPolicy>;
  isStarted: boolean;
  standingRetryAt: Instant | undefined;
  readonly routes: RouteTable;
  readonly reqids: Map<string, { readonly reqid: number; uses: number }>;
  readonly reqidsTaken: Set<number>;
  readonly deadlines: DeadlineHeap;
  evictAt: Instant;
  readonly cookies: CookieJar;
  /** Unprotected answers to strangers. */
  readonly strangerAnswers: Rate;
  readonly limitNotes: LimitNotes;
  readonly strangerNotes: StrangerNotes;
  readonly moves: Moves;
  /** Deletes of what a site has too much of. */
  readonly siteCaps: Rates;
  /** Failures of IDs: guessing is slowed down. */
  readonly guesses: Guesses;
  readonly ikev1Callers: Ikev1Callers;
  readonly counters: Record<CounterName, number>;
  readonly inbox: Parcel[];
  readonly out: Effect[];
  shuttingDown: boolean;
};

export function count(engine: Engine, counter: CounterName): void {
  engine.counters[counter]++;
}

/** What the IKE SAs get from outside: time, randomness, numbers, free SPIs. */
export function ikeContextOf(engine: () => Engine): IkeContext {
  return {
    get now() {
      return engine().now;
    },
    get refusalMs() {
      return refusalMsOf(engine().plan);
    },
    random: (octets) => engine().random(octets),
    ticket: () => engine().requests.number() as Ticket,
    espSpi: () => freeEspSpi(engine()),
    ikeSpi: () => freeIkeSpi(engine()),
    get onMessage() {
      return engine().onMessage;
    },
  };
}

/** Whole steps, as many as the slowest look-up may take; one where no row is ever looked up. */
function refusalMsOf({ egroups, limits }: EroutePlan): number {
  if (egroups.length === 0) return REFUSAL_STEP_MS;
  return Math.max(1, Math.ceil(limits.lookupMs / REFUSAL_STEP_MS)) * REFUSAL_STEP_MS;
}

/** Writes down what happened, with whatever is known of the site. */
export function journal(
  engine: Engine,
  about: Entry | undefined,
  entry: Omit<JournalEntry, "peerId" | "eroute" | "remote" | "ikeSa"> & {
    readonly remote?: string;
    readonly peerId?: string;
    readonly eroute?: string;
  },
): void {
  const sa = about?.sa;
  engine.out.push({
    kind: "journal",
    entry: {
      ...entry,
      peerId: entry.peerId ?? about?.peerId,
      eroute: entry.eroute ?? about?.eroute?.name ?? about?.candidate?.name,
      ...(about?.eroute === undefined ? {} : { isProven: true }),
      remote: entry.remote ?? (sa === undefined ? undefined : formatEndpoint(pathOf(sa).remote)),
      ikeSa: sa === undefined ? undefined : ikeSaName(saIdOf(sa)),
      ...(sa === undefined ? {} : { role: saIdOf(sa).role }),
    },
  });
}

/** `SPIi_SPIr` in hex. */
export function ikeSaName(id: SaId): string {
  return `${spiHex(id.spiI)}_${spiHex(id.spiR)}`;
}

/** Puts a new IKE SA into the table. */
export function addEntry(engine: Engine, sa: IkeSa): Entry {
  const entry: Entry = {
    sa,
    peerId: undefined,
    candidate: undefined,
    eroute: undefined,
    initKey: undefined,
    supersedes: [],
    initialContact: false,
    call: undefined,
    halfOpenPrefix: undefined,
    halfOpenOctets: 0,
    redirect: undefined,
    movedAt: undefined,
    guess: undefined,
    installing: undefined,
  };
  engine.sas.set(spiOf(sa), entry);
  return entry;
}

/** The facts of an IKE SA that is authenticated and not deleted, by its local SPI. */
export function factsAt({ sas }: Pick<Engine, "sas">, spi: IkeSpi): IkeSaFacts | undefined {
  const entry = sas.get(spi);
  return entry === undefined ? undefined : factsOf(entry.sa);
}

/** How long ago or ahead: the engine's own arithmetic on instants. */
export function inMs(engine: Engine, ms: number): Instant {
  return later(engine.now, ms);
}

function spiHex(spi: bigint): string {
  return spi.toString(16).padStart(16, "0");
}

function freeIkeSpi(engine: Engine): IkeSpi {
  for (;;) {
    const octets = engine.random(8);
    const spi = asIkeSpi(new DataView(octets.buffer, octets.byteOffset, 8).getBigUint64(0));
    if (spi !== 0n && !engine.sas.has(spi)) return spi;
  }
}

/** SPIs below 256 are reserved (RFC 4303 §2.1); those below 4096 are left to set-ups by hand. */
const ESP_SPI_MIN = 0x1000;

function freeEspSpi(engine: Engine): EspSpi {
  for (;;) {
    const octets = engine.random(4);
    const spi = asEspSpi(new DataView(octets.buffer, octets.byteOffset, 4).getUint32(0));
    const isFree = !engine.installed.has(spi) && !engine.draining.some(({ id }) => id.spi === spi);
    if (spi >= ESP_SPI_MIN && isFree) return spi;
  }
}
