/** The lines of one entity and instance, and what became of each. */

import type { SarosLine } from "./lines.ts";

/**
 * What became of a line: taken over as something; without a counterpart, and why; left to the
 * reader.
 */
export type Fate =
  | { readonly kind: "taken"; readonly detail: string }
  | { readonly kind: "none"; readonly detail: string }
  | { readonly kind: "to-do"; readonly detail: string }
  | { readonly kind: "wrong"; readonly detail: string };

export type Note = Fate & {
  readonly line: number;
  /** `eroute 0 peerid`: values are not repeated, because they may be secret. */
  readonly setting: string;
};

/** Settings of one instance: each key is read at most once; what remains has no counterpart. */
export class Settings {
  readonly entity: string;
  readonly instance: number;
  /** Number of its first line. */
  readonly firstLine: number;
  readonly #lines = new Map<string, SarosLine>();
  readonly #notes: Note[];

  constructor({ entity, instance, line }: SarosLine, notes: Note[]) {
    this.entity = entity;
    this.instance = instance;
    this.firstLine = line;
    this.#notes = notes;
  }

  /** A later line replaces an earlier one, as in the router. */
  set(line: SarosLine): void {
    const before = this.#lines.get(line.key);
    if (before !== undefined) this.#write(before, none(`line ${line.line} sets it again`));
    this.#lines.set(line.key, line);
  }

  /** The value; an empty one counts as none, as in the router. */
  get(key: string): string | undefined {
    const value = this.#lines.get(key)?.value;
    return value === "" ? undefined : value;
  }

  /** Number of the line of this key, or of the first line at all. */
  lineOf(key: string): number {
    return this.#lines.get(key)?.line ?? this.firstLine;
  }

  /** Reports what became of a key, if the file has it; the key is then done. */
  tell(key: string, fate: Fate): void {
    const line = this.#lines.get(key);
    if (line === undefined) return;
    this.#lines.delete(key);
    this.#write(line, fate);
  }

  /** Reports something about this instance that belongs to no line. */
  remark(line: number, what: string, fate: Fate): void {
    this.#notes.push({ ...fate, line, setting: `${this.entity} ${this.instance} ${what}` });
  }

  /** Reports all remaining keys with the result of `fateOf`. */
  tellRest(fateOf: (key: string, value: string) => Fate): void {
    for (const { key, value } of [...this.#lines.values()]) {
      this.tell(key, value === "" ? none("is empty") : fateOf(key, value));
    }
  }

  #write(line: SarosLine, fate: Fate): void {
    const setting = `${line.entity} ${line.instance} ${line.key}`;
    this.#notes.push({ ...fate, line: line.line, setting });
  }
}

export function taken(detail: string): Fate {
  return { kind: "taken", detail };
}

export function none(detail: string): Fate {
  return { kind: "none", detail };
}

export function toDo(detail: string): Fate {
  return { kind: "to-do", detail };
}

export function wrong(detail: string): Fate {
  return { kind: "wrong", detail };
}
