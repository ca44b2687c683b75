/** What is due, and when something is due next: each owner knows that of its own work. */

import type { Instant } from "../octets/instant.ts";
import { callsAt } from "./calls/call-table.ts";
import { runCalls } from "./calls/initiate.ts";
import { drainingAt, drainStates } from "./dataplane/draining.ts";
import { movesAt, runMoves } from "./dataplane/move.ts";
import { repairNotesAt, repairsAt, runRepairs } from "./dataplane/repair.ts";
import { retryStanding, standingAt } from "./dataplane/standing.ts";
import { runDeadlines } from "./drive.ts";
import { type Engine, inMs } from "./engine.ts";
import type { Event } from "./event.ts";
import { giveUpLost } from "./lost-answers.ts";
import { ikeSasAt } from "./negotiation/settle.ts";
import { hasOpenIkeSas, shutDownPortion } from "./negotiation/shutdown.ts";
import { addressesAt, leaveGoneAddresses } from "./sites/addresses.ts";
import { adjustingAt, runAdjusting } from "./sites/adjust.ts";
import { errandsAt } from "./sites/errands.ts";
import { evict, evictAt } from "./sites/evict.ts";
import { redirectsAt, runRedirects } from "./sites/redirect.ts";
import { rowChecksAt, runRowChecks } from "./sites/row-change.ts";
import { runErrands } from "./sites/run-errands.ts";

/** Does what is due, in portions. `tell` takes the answer that stands in for a lost one. */
export function onDeadline(engine: Engine, tell: (answer: Event) => void): void {
  runDeadlines(engine);
  if (engine.shuttingDown) {
    shutDownPortion(engine);
    runErrands(engine);
    drainStates(engine, true);
    return;
  }
  runAdjusting(engine);
  runErrands(engine);
  runMoves(engine);
  runRedirects(engine);
  runRowChecks(engine);
  runCalls(engine);
  drainStates(engine);
  leaveGoneAddresses(engine);
  retryStanding(engine);
  runRepairs(engine);
  giveUpLost(engine, tell);
  if (engine.now >= evictAt(engine)) evict(engine);
}

/** When something is due next. */
export function nextDeadline(engine: Engine): Instant | undefined {
  if (engine.shuttingDown) {
    const isTelling = hasOpenIkeSas(engine) || drainingAt(engine) !== undefined;
    return isTelling ? inMs(engine, 1) : earlier(ikeSasAt(engine), errandsAt(engine));
  }
  let first = evictAt(engine);
  for (const ownerAt of OWNERS) {
    const at = ownerAt(engine);
    if (at !== undefined && at < first) first = at;
  }
  return first;
}

/** Asked several times for each handshake: none makes a list, or a walk over nothing, for it. */
const OWNERS: readonly ((engine: Engine) => Instant | undefined)[] = [
  ikeSasAt,
  adjustingAt,
  errandsAt,
  movesAt,
  redirectsAt,
  rowChecksAt,
  drainingAt,
  callsAt,
  addressesAt,
  standingAt,
  repairsAt,
  repairNotesAt,
  ({ requests }) => requests.nextLost(),
  ({ resting, now }) => (resting.lost.size > 0 ? now : undefined),
];

function earlier(a: Instant | undefined, b: Instant | undefined): Instant | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}
