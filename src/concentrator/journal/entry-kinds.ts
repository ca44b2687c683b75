/** What entries are about, as numbers: the same level, step, outcome and reason come again. */

import { assert } from "../../octets/assert.ts";
import type { JournalEntry } from "./journal.ts";

type EntryKind = Pick<JournalEntry, "level" | "step" | "outcome" | "reason">;
type Numbered = EntryKind & { readonly number: number };

/** Numbers from 0 in the order in which the kinds came: the unions bound how many there are. */
export class EntryKinds {
  readonly #kinds: Numbered[] = [];
  /** Nearly all reasons come with one level, step and outcome. */
  readonly #byReason = new Map<EntryKind["reason"], Numbered[]>();

  numberOf(entry: EntryKind): number {
    const { level, step, outcome, reason } = entry;
    let kinds = this.#byReason.get(reason);
    if (kinds === undefined) {
      kinds = [];
      this.#byReason.set(reason, kinds);
    }
    for (const kind of kinds) {
      if (kind.step === step && kind.outcome === outcome && kind.level === level) {
        return kind.number;
      }
    }
    const kind = { level, step, outcome, reason, number: this.#kinds.length };
    this.#kinds.push(kind);
    kinds.push(kind);
    return kind.number;
  }

  at(number: number): EntryKind {
    const kind = this.#kinds[number];
    assert(kind !== undefined, "only kinds that came have numbers");
    return kind;
  }
}
