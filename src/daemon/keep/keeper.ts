/** Keeps what is up in memory that outlives the process, and reads it at the start. */

import type { Concentrator } from "../../concentrator/concentrator.ts";
import type { Effect } from "../../concentrator/effect.ts";
import { KEPT_VERSION, type KeptPlace } from "../../concentrator/handover/keep.ts";
import { now, wallMs } from "../../linux/clock.ts";
import { wipe } from "../../octets/secret.ts";
import type { Note } from "../reload.ts";
import { Slots } from "./slots.ts";
import { bootId, openStateFile, type StateFile } from "./state-file.ts";

export type Keeper = {
  /** Stores what has changed: before a message leaves. */
  save(): void;
  /** Fills an empty concentrator with what the process before has kept; says what became of it. */
  takeOver(): TakenOver;
  /** The daemon runs. */
  ready(): void;
  /** Every site was told, and nothing is left for a next process. */
  forget(): void;
  stats(): KeeperStats;
};

/** What has to be done first, and how many sites there were before and are now. */
export type TakenOver = {
  readonly effects: readonly Effect[];
  readonly before: number;
  readonly now: number;
  /** Why sites were closed, with their numbers. */
  readonly closed: ReadonlyMap<string, number>;
};

export type KeeperStats = {
  readonly documents: number;
  readonly octets: number;
  readonly segments: number;
  /** Documents that found no room. */
  readonly lost: number;
};

/** Undefined: nothing can be kept, and the log says why. */
export function openKeeper(
  folder: string,
  concentrator: Concentrator,
  note: (entry: Note) => void,
): Keeper | undefined {
  const opened = openStateFile({ folder, stateVersion: KEPT_VERSION, bootId: bootId() });
  if (!opened.ok) {
    const detail = `nothing is kept for the next start: ${opened.error}`;
    note({ level: "error", outcome: "failed", reason: "state-not-kept", detail });
    return undefined;
  }
  const { why } = opened.value;
  if (why !== undefined) {
    const detail = `what the run before has kept is not used, all sites connect anew: ${why}`;
    note({ level: "warning", reason: "state-refused", detail });
  }
  return keeperOf(opened.value, concentrator, note);
}

function keeperOf(
  file: StateFile,
  concentrator: Concentrator,
  note: (entry: Note) => void,
): Keeper {
  const { generation } = file;
  const slots = new Slots(file.memory, file.segments);
  let lost = 0;
  const place = (): KeptPlace => ({ anchor: { now: now(), wallMs: wallMs() }, generation });
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
  return {
    save() {
      for (const { name, content } of concentrator.changes(place()) ?? []) {
        if (content === undefined) slots.remove(name);
        else put(name, content);
      }
    },
    takeOver: () => takeOver(slots, concentrator, place()),
    ready: file.ready,
    forget: file.remove,
    stats() {
      const { documents, octets, segments } = slots;
      return { documents, octets, segments, lost };
    },
  };
}

function takeOver(slots: Slots, concentrator: Concentrator, place: KeptPlace): TakenOver {
  const closed = new Map<string, number>();
  const close = (why: string, count = 1) => closed.set(why, (closed.get(why) ?? 0) + count);
  const successor = concentrator.takeOver(place);
  let before = 0;
  if (slots.damaged > 0) close("damaged", slots.damaged);
  for (const { number, content } of slots.found()) {
    const read = successor.readKept(content);
    wipe(content);
    if (!read.ok) {
      before++;
      close(read.error.kind);
      continue;
    }
    if (read.value.startsWith("site ")) before++;
    slots.adopt(number, read.value);
  }
  slots.forget();
  const effects = successor.finish();
  return {
    effects,
    before: before + slots.damaged,
    now: concentrator.snapshot().erouteCount,
    closed,
  };
}
