/**
 * The source of functions that write values: codecs put theirs together into one function for
 * dozens of fields, because a call for each of some two hundred takes longer than the fields.
 * What the source holds are names and numbers of this program, never anything from outside.
 */

import { assert } from "./assert.ts";
import type { Draft } from "./draft.ts";

/** What a written function needs of the document: the draft that it appends to. */
type Target = { readonly w: Draft };

/** Writes a value. */
export type Write<T> = (to: Target & T, value: unknown) => void;

/** Adds the source that writes `value`, an expression. */
export type Emit = (code: Code, value: string) => void;

/** Something with a function that writes, which may be another one after its first call. */
type Writable = { readonly write: (...args: never) => void };

export class Code {
  readonly #lines: string[] = [];
  readonly #constants: unknown[] = [];
  #names = 0;
  /** The line that makes room for what follows, and how much that is at most. */
  #room = { line: -1, octets: 0 };

  constructor() {
    this.#makeRoom();
  }

  /** The name of a value that is there before the function is called. */
  constant(value: unknown): string {
    const known = this.#constants.indexOf(value);
    return `c${known >= 0 ? known : this.#constants.push(value) - 1}`;
  }

  /** In lines. */
  get length(): number {
    return this.#lines.length;
  }

  /** The name of an expression's value, which is worked out here. */
  local(expression: string): string {
    if (/^\w+$/.test(expression)) return expression;
    const name = `v${this.#names++}`;
    this.line(`const ${name} = ${expression};`);
    return name;
  }

  line(text: string): void {
    this.#lines.push(text);
  }

  /** Lines in braces after `head`, which may be run any number of times if it `repeats`. */
  block(head: string, lines: () => void, repeats = false): void {
    const before = this.#room;
    this.line(`${head} {`);
    if (repeats) this.#makeRoom();
    lines();
    this.line("}");
    if (this.#room !== before) this.#makeRoom();
  }

  /** `expression` is a number that fits into so many octets. */
  number(expression: string, width: 1 | 2 | 4): void {
    const way = { 1: "setUint8", 2: "setUint16", 4: "setUint32" }[width];
    this.store(`d.${way}(at, ${expression});`, width);
  }

  /** A line that stores so many octets at `at` of the view `d`. */
  store(line: string, octets: number): void {
    this.#room.octets += octets;
    this.line(`${line} at += ${octets};`);
  }

  /** Ends the function with this fault where the condition holds. */
  refuse(condition: string, detail: string): void {
    this.line(`if (${condition}) ${this.fault(detail)};`);
  }

  /** An expression that ends the function. */
  fault(detail: string): string {
    return `${this.constant(fail)}(${JSON.stringify(detail)})`;
  }

  /** Has another function write the value. */
  call(codec: Writable, value: string): void {
    this.line(`w.length = at; ${this.constant(codec)}.write(to, ${value});`);
    this.line("at = w.length; o = w.octets; d = w.view;");
    this.#makeRoom();
  }

  /** The function. */
  done<T>(): Write<T> {
    this.#finishRoom();
    const constants = this.#constants.map((_, number) => `c${number} = c[${number}]`);
    const source = [
      '"use strict";',
      constants.length === 0 ? "" : `const ${constants.join(", ")};`,
      "return (to, value) => {",
      "const { w } = to;",
      "let o = w.octets, d = w.view, at = w.length;",
      ...this.#lines,
      "w.length = at;",
      "};",
    ];
    // Names and numbers of codecs are all that is in it.
    const make = new Function("c", source.join("\n"));
    return make(this.#constants);
  }

  #makeRoom(): void {
    this.#finishRoom();
    this.#room = { line: this.#lines.push("") - 1, octets: 0 };
  }

  #finishRoom(): void {
    const { line, octets } = this.#room;
    if (octets === 0) return;
    const more = `w.length = at; w.room(${octets}); o = w.octets; d = w.view;`;
    this.#lines[line] = `if (at + ${octets} > o.length) { ${more} }`;
  }
}

/** The function that writes a value so. */
export function written<T>(emit: Emit): Write<T> {
  const code = new Code();
  emit(code, "value");
  return code.done();
}

/** How many lines a value takes. */
export function lineCount(emit: Emit): number {
  const code = new Code();
  emit(code, "value");
  return code.length;
}

function fail(detail: string): never {
  assert(false, detail);
}
