/** The whole engine, seen from outside: events in, effects out; no I/O, clock or randomness. */

import type { EroutePlan } from "../eroute/eroute.ts";
import type { PeerRow } from "../eroute/row.ts";
import { decryptionTableLine } from "../ike/ike-sa.ts";
import type { StateFault } from "../ike/state/document.ts";
import type { Place } from "../ike/state/written-ike-sa.ts";
import type { Instant } from "../octets/instant.ts";
import type { Result } from "../octets/result.ts";
import type { XfrmClaims } from "../xfrm/claims.ts";
import { callAlways } from "./calls/initiate.ts";
import { type ConcentratorOptions, createEngine } from "./create-engine.ts";
import { claimsOfEngine } from "./dataplane/claims.ts";
import { drainingAt } from "./dataplane/draining.ts";
import { nextDeadline } from "./deadlines.ts";
import { dispatch } from "./dispatch.ts";
import { drain } from "./drive.ts";
import type { Effect } from "./effect.ts";
import { type Engine, takeOut } from "./engine.ts";
import type { Event } from "./event.ts";
import { hasChanges, type Kept, keptOf } from "./handover/keep.ts";
import { TakeOver } from "./handover/take-over.ts";
import { canBeWritten, documentsOf } from "./handover/write.ts";
import { areAllOver, entryOf } from "./negotiation/ike-sas.ts";
import { rereadIkeSas } from "./negotiation/reread.ts";
import { hasOpenIkeSas } from "./negotiation/shutdown.ts";
import { isTracing, onTracedDatagram } from "./negotiation/trace.ts";
import { endLost, takeLeftBehind } from "./rest/lost.ts";
import { restSome } from "./rest/rest.ts";
import { adjustingAt } from "./sites/adjust.ts";
import { errandsAt } from "./sites/errands.ts";
import { noteStand } from "./sites/ike-sas.ts";
import { type PreviewOptions, type PreviewSteps, previewOf } from "./sites/preview.ts";
import { connectedSitesOf, rowVerdict, type SiteOfEgroup } from "./sites/row-preview.ts";
import type { Snapshot, TableSizes, Walk } from "./snapshot.ts";
import { tableSizesOf } from "./table-sizes.ts";
import { snapshotOf } from "./views.ts";

export type Concentrator = {
  /** Takes in one event; returns what has to be done now, in this order. Never waits. */
  handle(event: Event, now: Instant): readonly Effect[];
  /** When to send `{ kind: "deadline" }` next, if nothing else happens before. */
  nextDeadline(): Instant | undefined;
  /** What the status pages show: a copy, cheap, no secrets. */
  snapshot(): Snapshot;
  /**
   * What the event `configuration` with this plan would close; nothing is changed. Between two
   * steps, events may be handled.
   */
  preview(plan: EroutePlan, options: PreviewOptions): PreviewSteps;
  /** Walks over connected sites whose rows are in an egroup; meanwhile events may be handled. */
  sitesOf(egroup: string): Iterable<SiteOfEgroup>;
  /** Why these rows would close a site under this plan, without naming the site. */
  rowVerdict(plan: EroutePlan, site: SiteOfEgroup, rows: readonly PeerRow[]): string | undefined;
  /**
   * The line of Wireshark's `ikev2_decryption_table` for the IKE SA of a message; undefined while
   * it has no keys. A secret: only for those who may have it.
   */
  decryptionTableLine(message: Uint8Array): string | undefined;
  /** Walks all tables: for checks that nothing leaks, not for every request. */
  tableSizes(): TableSizes;
  /**
   * All that is up, as secret documents for the process that comes next, made one by one as they
   * are asked for; undefined while it has to wait a moment. Then no event may be handled any more.
   * What is half-open, and what is being called or looked up, is left out.
   */
  write(place: Place): Generator<Uint8Array> | undefined;
  /**
   * What has changed since the last call, for a process that may follow at any time: to be stored
   * before a message leaves. Undefined: nothing. Every one must be taken.
   */
  changes(place: Place): Generator<Kept> | undefined;
  /** Takes over from the process before, whose configuration it has: first of all, if at all. */
  takeOver(place: Place): Successor;
  /** Puts what the next process would read in the place of IKE SAs: for checks. */
  reread(place: Place): void;
  /** What is in use of the kernel's tables, at any time. */
  claims(): XfrmClaims;
  /** Whether something may be left in the kernel that nobody claims: asked once each time. */
  hasLeftBehind(): boolean;
  /** It could not be removed: whoever asks next is told again. */
  leaveBehind(): void;
  /** Whether the last configuration has not reached all sites yet: it does so in portions. */
  isAdjusting(): boolean;
  /** After `shutdown`: whether every site has been told. */
  hasTold(): boolean;
  /** Whether they have answered, too. */
  isIdle(): boolean;
};

/** The documents of the process before are read here, in their order. */
export type Successor = {
  /** Takes one in. A fault in it leaves all others as they are. The caller overwrites it. */
  read(document: Uint8Array): Result<undefined, StateFault>;
  /** What has to be done now; undefined: documents are missing. */
  goOn(): readonly Effect[] | undefined;
  /** Takes note of what a document with this number is about, which was kept by `changes`. */
  expect(number: number, beginning: Uint8Array): void;
  /**
   * Numbers of the documents to be read before this message can be handled; undefined: all of them.
   * What {@link Successor.settle} returns then comes before it.
   */
  wanted(message: Uint8Array): readonly number[] | undefined;
  settle(): readonly Effect[];
  /** Takes in what was kept by `changes`, the head first; returns its name. */
  readKept(content: Uint8Array, number?: number): Result<string | undefined, StateFault>;
  /** After the last one that was kept: what has to be done now. */
  finish(): readonly Effect[];
};

/** A concentrator without any SA. */
export function createConcentrator(options: ConcentratorOptions): Concentrator {
  return concentratorOn(createEngine(options));
}

/** A concentrator on an engine that nothing has happened to yet: tests look into it. */
export function concentratorOn(engine: Engine): Concentrator {
  callAlways(engine);
  let handled = 0;
  return {
    handle(event, now) {
      handled++;
      engine.now = now;
      dispatch(engine, event);
      drain(engine);
      if (engine.resting.lost.size > 0) endLost(engine);
      if (isTracing(engine)) traceSent(engine);
      // Of these one may have hundreds in a row, and is busy until the last one.
      if (event.kind !== "kernel-answer") restSome(engine);
      return takeOut(engine);
    },
    nextDeadline: () => nextDeadline(engine),
    snapshot: () => restingAfter(engine, snapshotOf(engine)),
    *preview(plan, options) {
      const steps = previewOf(engine, plan, options);
      for (;;) {
        const { done, value } = steps.next();
        restSome(engine);
        if (done === true) return value;
        yield;
      }
    },
    sitesOf: (egroup) => connectedSitesOf(engine, egroup),
    rowVerdict(plan, site, rows) {
      const verdict = rowVerdict(engine, plan, site, rows);
      restSome(engine);
      return verdict;
    },
    decryptionTableLine(message) {
      const entry = entryOf(engine, message);
      return entry === undefined ? undefined : decryptionTableLine(entry.sa);
    },
    tableSizes() {
      const sizes = tableSizesOf(engine);
      restSome(engine);
      return sizes;
    },
    write(place) {
      if (!canBeWritten(engine)) return undefined;
      const before = handled;
      return documentsOf(engine, place, () => handled === before);
    },
    changes: (place) => (hasChanges(engine) ? keptOf(engine, place) : undefined),
    takeOver(place) {
      const takeOver = new TakeOver(engine, place);
      return {
        read: (document) => takeOver.read(document),
        goOn() {
          if (!takeOver.isComplete) return undefined;
          drain(engine);
          return takeOut(engine);
        },
        expect: (number, beginning) => takeOver.expect(number, beginning),
        wanted: (message) => takeOver.wanted(message),
        settle() {
          takeOver.settle();
          drain(engine);
          return takeOut(engine);
        },
        readKept: (content, number) => takeOver.readKept(content, number),
        finish() {
          takeOver.finish();
          drain(engine);
          return takeOut(engine);
        },
      };
    },
    reread(place) {
      for (const [spi, stand] of rereadIkeSas(engine, place)) noteStand(engine, spi, stand);
    },
    claims: () => claimsOfEngine(engine),
    hasLeftBehind: () => takeLeftBehind(engine),
    leaveBehind() {
      engine.resting.isLeftBehind = true;
    },
    isAdjusting: () => adjustingAt(engine) !== undefined,
    hasTold: () => engine.shuttingDown && !hasOpenIkeSas(engine),
    isIdle: () =>
      engine.shuttingDown &&
      areAllOver(engine) &&
      errandsAt(engine) === undefined &&
      drainingAt(engine) === undefined,
  };
}

/** A snapshot of which whatever looks at many sites puts them to rest again. */
function restingAfter(engine: Engine, snapshot: Snapshot): Snapshot {
  const rested = <T>(value: T): T => {
    restSome(engine);
    return value;
  };
  const walk = <T>(made: Walk<T>): Walk<T> => {
    return (limit) => rested(made(limit));
  };
  return {
    ...snapshot,
    site: (peerId) => rested(snapshot.site(peerId)),
    overlaps: (peerId, claim) => rested(snapshot.overlaps(peerId, claim)),
    walk: () => walk(snapshot.walk()),
    briefs: (kind) => walk(snapshot.briefs(kind)),
    eroutes: (offset, limit, kind) => rested(snapshot.eroutes(offset, limit, kind)),
  };
}

/** What leaves unencrypted, of IKE_SA_INIT: all else is seen before it is sealed. */
function traceSent(engine: Engine): void {
  for (const effect of [...engine.out]) {
    if (effect.kind === "send") onTracedDatagram(engine, effect.octets, effect.path, "sent");
  }
}
