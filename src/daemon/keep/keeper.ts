/** Keeps what is up in memory that outlives the process, and reads it at the start. */

import type { Concentrator, Successor } from "../../concentrator/concentrator.ts";
import type { Effect } from "../../concentrator/effect.ts";
import type { KeptPlace } from "../../concentrator/handover/keep.ts";
import type { ConfigSources } from "../../config/sources.ts";
import { now, openBootClock } from "../../linux/clock.ts";
import { assert } from "../../octets/assert.ts";
import { wipe } from "../../octets/secret.ts";
import type { Note } from "../reload.ts";
import { CONFIGURATION, configurationContent, type Former } from "./former.ts";
import type { Slots } from "./slots.ts";

export type Keeper = {
  /** Stores what has changed: before a message leaves. */
  save(): void;
  /** Stores what the configuration in force was read from. */
  saveConfiguration(sources: ConfigSources): void;
  /**
   * Fills an empty concentrator with what the process before has kept, in short turns. Nothing kept
   * is changed by it: a start that fails before {@link Keeper.takeOver} leaves all as it was.
   */
  read(): Promise<void>;
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
  return {
    save() {
      for (const { name, content } of concentrator.changes(place()) ?? []) {
        if (content === undefined) slots.remove(name);
        else put(name, content);
      }
    },
    saveConfiguration: (sources) => put(CONFIGURATION, configurationContent(sources)),
    async read() {
      reading = await readAll(slots, concentrator, place());
    },
    takeOver() {
      assert(reading !== undefined, "what was kept is read first");
      const { successor, before, closed } = reading;
      slots.forget();
      const effects = successor.finish();
      return { effects, before, now: concentrator.snapshot().erouteCount, closed };
    },
    settle: file.ready,
    forget: file.remove,
    octets: () => slots.octets,
  };
}

type Reading = Pick<TakenOver, "before" | "closed"> & { readonly successor: Successor };

/** So long one turn may take: timers and signals get theirs in between. */
const TURN_MS_MAX = 4;

async function readAll(
  slots: Slots,
  concentrator: Concentrator,
  place: KeptPlace,
): Promise<Reading> {
  const closed = new Map<string, number>();
  const close = (why: string, count = 1) => closed.set(why, (closed.get(why) ?? 0) + count);
  const successor = concentrator.takeOver(place);
  let before = slots.damaged;
  if (slots.damaged > 0) close("damaged", slots.damaged);
  let until = now() + TURN_MS_MAX;
  for (const { number, content } of slots.found()) {
    const read = successor.readKept(content);
    wipe(content);
    if (!read.ok) {
      before++;
      close(read.error.kind);
    } else if (read.value !== undefined) {
      if (read.value.startsWith("site ")) before++;
      slots.adopt(number, read.value);
    }
    if (now() < until) continue;
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    until = now() + TURN_MS_MAX;
  }
  return { successor, before, closed };
}
