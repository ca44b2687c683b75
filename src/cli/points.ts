/** A list of what is right and what is not: a line for each, or one JSON object. */

import { painted, type Style } from "./table.ts";
import { printable, type Terminal } from "./terminal.ts";
import { wrapped } from "./wrap.ts";

export type Verdict = "ok" | "note" | "problem";

/** Points are printed as they come; JSON is printed at the end, by {@link Points.end}. */
export class Points {
  #problems = 0;
  readonly #said: { verdict: Verdict; about: string; detail: string }[] = [];
  readonly #terminal: Terminal;
  readonly #json: boolean;

  constructor(terminal: Terminal, json: boolean) {
    this.#terminal = terminal;
    this.#json = json;
  }

  ok(about: string, detail: string): void {
    this.#say("ok", about, detail);
  }

  note(about: string, detail: string): void {
    this.#say("note", about, detail);
  }

  failed(about: string, detail: string): void {
    this.#problems++;
    this.#say("problem", about, detail);
  }

  /** Notes on the configuration; in text output they go to standard error. */
  warning(detail: string): void {
    if (this.#json) this.#say("note", "configuration", detail);
    else this.#terminal.err(printable(`warning: ${detail}`));
  }

  /** Whether nothing has failed. */
  end(): boolean {
    const ok = this.#problems === 0;
    if (this.#json) this.#terminal.out(JSON.stringify({ ok, points: this.#said }, undefined, 2));
    return ok;
  }

  #say(verdict: Verdict, about: string, detail: string): void {
    if (this.#json) {
      this.#said.push({ verdict, about, detail });
      return;
    }
    const { columns, screen } = this.#terminal;
    const text = printable(`${WORDS[verdict]}  ${about}: ${detail}`);
    const [first = "", ...more] = wrapped(text, WORD_LENGTH + 2, columns);
    const word = painted(first.slice(0, WORD_LENGTH), STYLES[verdict], screen);
    for (const line of [word + first.slice(WORD_LENGTH), ...more]) this.#terminal.out(line);
  }
}

const WORD_LENGTH = 6;
const STYLES: Readonly<Record<Verdict, Style | undefined>> = {
  ok: "good",
  note: undefined,
  problem: "bad",
};
const WORDS: Readonly<Record<Verdict, string>> = {
  ok: "ok    ",
  note: "note  ",
  problem: "FAILED",
};
