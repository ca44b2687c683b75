/** Keeps what is up in memory that outlives the process, and reads it at the start. */

import type { Concentrator } from "../../concentrator/concentrator.ts";
import type { Effect } from "../../concentrator/effect.ts";
import type { KeptPlace } from "../../concentrator/handover/keep.ts";
import type { ConfigSources } from "../../config/sources.ts";
import { now, openBootClock } from "../../linux/clock.ts";
import { assert } from "../../octets/assert.ts";
import { wipe } from "../../octets/secret.ts";
import type { Note } from "../reload.ts";
import { CONFIGURATION, configurationContent, type Former } from "./former.ts";
import { type Prepare, Reading } from "./reading.ts";

export type Keeper = {
  /** Stores what has changed: before a message leaves. */
  save(): void;
  /** Stores what the configuration in force was read from. */
  saveConfiguration(sources: ConfigSources): void;
  /**
   * Fills an empty concentrator with what the process before has kept, in short turns. `onKnown` is
   * called when messages of single sites can be handled. Nothing kept is changed but by these: a
   * start that fails before {@link Keeper.takeOver} leaves all others as they were.
   */
  read(onKnown: (prepare: Prepare) => void): Promise<void>;
  /** From now on what was read is ours; says what became of it. */
  takeOver(): TakenOver;
  /** What was read is not why the daemon ends, if it does: the next start may read it again. */
  settle(): void;
  /** Every site was told, and nothing is left for a next process. */
  forget(): void;
  /** How much is kept. */
  octets(): number;
};

/** What has to be done first, and how many sites there were before and are now. */
export type TakenOver = {
  readonly effects: readonly Effect[];
  readonly before: number;
  readonly now: number;
  /** Why sites are not there, with their numbers. */
  readonly closed: ReadonlyMap<string, number>;
};

/** `former` is what the run before has left. */
export function keeperOf(
  { file, slots }: Former,
  concentrator: Concentrator,
  note: (entry: Note) => void,
): Keeper {
  const { generation } = file;
  let lost = 0;
  let reading: Reading | undefined;
  // A file of another boot is refused. So the time of day may be set while nothing runs.
  const bootMs = openBootClock();
  const place = (): KeptPlace => ({ anchor: { now: now(), wallMs: bootMs() }, generation });
  const put = (name: string, content: Uint8Array): void => {
    const isStored = slots.put(name, content);
    wipe(content);
    if (isStored) return;
    // A former version would have message IDs that are too old.
    slots.remove(name);
    if (lost++ > 0) return;
    const detail = "no room is left for what is kept: some sites will have to connect anew";
    note({ level: "error", outcome: "failed", reason: "state-not-kept", detail });
  };
  // Before the head is read, this process knows less than what is kept.
  let canSave = false;
  return {
    save() {
      if (!canSave) return;
      for (const { name, content } of concentrator.changes(place()) ?? []) {
        if (content === undefined) slots.remove(name);
        else put(name, content);
      }
    },
    saveConfiguration: (sources) => put(CONFIGURATION, configurationContent(sources)),
    async read(onKnown) {
      reading = new Reading(slots, concentrator, place());
      await reading.run((prepare) => {
        canSave = true;
        onKnown(prepare);
      });
    },
    takeOver() {
      assert(reading !== undefined, "what was kept is read first");
      canSave = true;
      const { successor, counts, closed } = reading;
      slots.forget();
      return { effects: successor.finish(), ...counts, closed };
    },
    settle: file.ready,
    forget: file.remove,
    octets: () => slots.octets,
  };
}
