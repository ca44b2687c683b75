/** A concentrator whose process ends now and then: another one goes on from its documents. */

import { type Concentrator, createConcentrator } from "../../src/concentrator/concentrator.ts";
import type { ConcentratorOptions } from "../../src/concentrator/create-engine.ts";
import type { Effect } from "../../src/concentrator/effect.ts";
import { COUNTER_NAMES, type CounterName } from "../../src/concentrator/snapshot.ts";
import type { Place } from "../../src/ike/state/written-ike-sa.ts";
import { assert } from "../../src/octets/assert.ts";
import { asInstant } from "../../src/octets/instant.ts";

export type Succession = {
  /** The same for those around it, whichever process it is. */
  readonly concentrator: Concentrator;
  /** How often another process went on. */
  successions(): number;
  /** Ends the process, unless it has to wait; `place` is that of the next one. */
  succeed(place: Place): boolean;
};

/** The first process, with nothing to go on from. */
export function createSuccession(options: ConcentratorOptions): Succession {
  let current = createConcentrator(options);
  let { plan } = options;
  let due: readonly Effect[] = [];
  let successions = 0;
  const before = Object.fromEntries(COUNTER_NAMES.map((name) => [name, 0])) as Record<
    CounterName,
    number
  >;
  const concentrator: Concentrator = {
    handle(event, now) {
      if (event.kind === "configuration") plan = event.plan;
      const effects = [...due, ...current.handle(event, now)];
      due = [];
      return effects;
    },
    // What a new process wants done at once is done with the next event.
    nextDeadline: () => (due.length > 0 ? asInstant(0) : current.nextDeadline()),
    snapshot() {
      const snapshot = current.snapshot();
      const sums = COUNTER_NAMES.map((name) => [name, before[name] + snapshot.counters[name]]);
      return { ...snapshot, counters: Object.fromEntries(sums) };
    },
    preview: (...about) => current.preview(...about),
    decryptionTableLine: (message) => current.decryptionTableLine(message),
    tableSizes: () => current.tableSizes(),
    write: (place) => current.write(place),
    takeOver: (place) => current.takeOver(place),
    reread: (place) => current.reread(place),
    isIdle: () => current.isIdle(),
  };
  return {
    concentrator,
    successions: () => successions,
    succeed(place) {
      if (due.length > 0) return false;
      const documents = current.write({ ...place, generation: place.generation - 1 });
      if (documents === undefined) return false;
      const { counters } = current.snapshot();
      const [up, unanswered] = [upOf(current), unansweredOf(current)];
      for (const name of COUNTER_NAMES) before[name] += counters[name];
      const next = createConcentrator({ ...options, plan, now: asInstant(place.anchor.now) });
      due = takenOver(next, [...documents], place);
      current = next;
      successions++;
      // Of negotiations, one that had proved who it is was counted as up: it is over with them.
      const lost = up - upOf(next);
      assert(lost >= 0 && lost <= unanswered, `${lost} IKE SAs are lost`);
      before.ike_sas_closed += lost;
      return true;
    },
  };
}

/** What may be lost: of a site with a Child SA one IKE SA at least has been answered. */
function unansweredOf(concentrator: Concentrator): number {
  const { eroutes, erouteCount } = concentrator.snapshot();
  return eroutes(0, erouteCount).reduce(
    (sum, { ikeSas, childSas }) => sum + ikeSas.length - (childSas.length > 0 ? 1 : 0),
    0,
  );
}

function upOf(concentrator: Concentrator): number {
  const { eroutes, erouteCount } = concentrator.snapshot();
  return eroutes(0, erouteCount).reduce((sum, { ikeSas }) => sum + ikeSas.length, 0);
}

/** What the next process wants done first. */
function takenOver(
  next: Concentrator,
  documents: readonly Uint8Array[],
  place: Place,
): readonly Effect[] {
  const successor = next.takeOver(place);
  for (const document of documents) {
    const read = successor.read(document);
    assert(read.ok, read.ok ? "" : `what was written cannot be read: ${read.error.detail}`);
    document.fill(0xee);
  }
  const effects = successor.goOn();
  assert(effects !== undefined, "all documents were read");
  return effects;
}
