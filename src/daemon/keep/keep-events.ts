/** Keeps events for the next start, which goes on with them and with the sites' histories. */

import type { Journal } from "../../concentrator/journal/journal.ts";
import type { Attempts } from "../../why/attempts.ts";
import type { Note } from "../reload.ts";
import { openEventFiles } from "./event-files.ts";

export type KeptEvents = {
  /** Writes what has not been written yet. */
  save(): void;
  /** Nothing is left for a next process. */
  forget(): void;
};

export type Histories = {
  readonly journal: Journal;
  readonly attempts: Pick<Attempts, "note">;
  readonly note: (entry: Note) => void;
};

/** What happened in the last second before a crash is lost. */
const SAVE_MS = 1_000;
/** In one turn. */
const PORTION = 500;

/** Goes on from what is in the folder, if there is anything: before the first event. */
export function keepEvents({ journal, attempts, note }: Histories, folder: string): KeptEvents {
  const opened = openEventFiles(folder);
  if (!opened.ok) {
    const detail = `events are not kept for the next start: ${opened.error}`;
    note({ level: "warning", reason: "state-not-kept", detail });
    return { save: () => undefined, forget: () => undefined };
  }
  const files = opened.value;
  journal.restore(files.found);
  for (const record of files.found) attempts.note(record);
  let written = files.found.at(-1)?.sequence ?? 0;
  const saveSome = (): number => {
    const records = journal.following(written, PORTION);
    files.append(records);
    written = records.at(-1)?.sequence ?? written;
    return records.length;
  };
  const saveAll = (inTurns: boolean): void => {
    try {
      while (saveSome() === PORTION) if (inTurns) return void setImmediate(saveAll, true);
    } catch (error) {
      clearInterval(timer);
      const detail = `events are no longer kept for the next start: ${error}`;
      note({ level: "warning", reason: "state-not-kept", detail });
    }
  };
  const timer = setInterval(saveAll, SAVE_MS, true);
  timer.unref();
  return {
    save() {
      clearInterval(timer);
      saveAll(false);
    },
    forget() {
      clearInterval(timer);
      files.remove();
    },
  };
}
