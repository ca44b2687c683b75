/**
 * How values are written as octets and read back by another process. A codec is put together from
 * smaller ones and goes both ways, so that what is written and what is read cannot differ; where a
 * type gets another field, its codec no longer compiles.
 */

import { assert } from "./assert.ts";
import { type Code, type Emit, lineCount, written } from "./codec-code.ts";
import type { Draft } from "./draft.ts";
import type { Reader } from "./reader.ts";

/** One moment on both clocks: instants are of one process, wall time is everybody's. */
export type Anchor = { readonly now: number; readonly wallMs: number };

/** A document that is being written. `shared` numbers values that stand in it once, by codec. */
export type Writing = {
  readonly w: Draft;
  readonly anchor: Anchor;
  readonly shared: Map<unknown, unknown[]>;
  /** Numbers of values that stand elsewhere; left out: each value stands in the document. */
  readonly vocabulary?: Numbered | undefined;
};

/** A document that is being read. `shared` holds the values that stand in it once, by codec. */
export type Reading = {
  readonly r: Reader;
  readonly anchor: Anchor;
  readonly shared: Map<unknown, unknown[]>;
  /** What other documents hold too, by codec and octets; left out: this one stands alone. */
  readonly interned?: Interned | undefined;
  readonly vocabulary?: Numbered | undefined;
};

/** Values that stand elsewhere, by number: `vocabulary.ts`. */
export type Numbered = {
  numberOf<T extends object>(name: string, codec: Codec<T>, value: T): number;
  valueOf<T extends object>(name: string, codec: Codec<T>, number: number): T | undefined;
};

/** Values that are equal in many documents, of which one is enough. */
export type Interned = Map<unknown, Map<string, unknown>>;

/**
 * Writes a value and reads it back. `read` throws a `Malformed` as every parser does, keeps no view
 * of the octets, and takes no memory but for octets that are there.
 */
export type Codec<T> = {
  readonly write: (to: Writing, value: T) => void;
  readonly read: (from: Reading) => T;
  /** What `write` does, for a function that writes more; left out: it has to call `write`. */
  readonly emit?: Emit;
};

/** Of a field that an object may lack. */
export type OmissibleCodec<T> = Codec<T | undefined> & { readonly isOmissible: true };

/** What a type is written as instead; without `to` it is written as it is. */
type Instead<T, U> = {
  readonly to: (value: T) => U;
  /** Ends in `fail` where no value is written so. */
  readonly from: (written: U, fail: (detail: string) => never) => T;
};

/** A codec that is written by the source that `emit` gives. */
export function emitted<T>(emit: Emit, read: Codec<T>["read"]): Codec<T> {
  const self: { -readonly [K in keyof Codec<T>]: Codec<T>[K] } = {
    emit,
    read,
    write(to, value) {
      // Only those are made that are used alone.
      self.write = written(emit);
      self.write(to, value);
    },
  };
  return self;
}

/** Writes the value in place, or by a call. */
export function emitInto<T>(code: Code, codec: Codec<T>, value: string): void {
  if (codec.emit === undefined || linesOf(codec.emit) > LINES_MAX) code.call(codec, value);
  else codec.emit(code, value);
}

/**
 * Longer ones are functions of their own: whole documents in one took the compiler 35 ms in the
 * first storm, for lines most of which write what few of them have.
 */
const LINES_MAX = 40;

const lineCounts = new WeakMap<Emit, number>();

function linesOf(emit: Emit): number {
  const known = lineCounts.get(emit);
  if (known !== undefined) return known;
  const count = lineCount(emit);
  lineCounts.set(emit, count);
  return count;
}

const WORD = 2 ** 32;
const MISFIT = "a number that does not fit into its octets";

function whole(width: Width, read: Codec<number>["read"]): Codec<number> {
  return emitted((code, value) => {
    const n = code.local(value);
    const isTooLarge = width === 4 ? "" : ` || ${n} > ${256 ** width - 1}`;
    code.refuse(`${n} >>> 0 !== ${n}${isTooLarge}`, MISFIT);
    code.number(n, width);
  }, read);
}

type Width = 1 | 2 | 4;

export const u8: Codec<number> = whole(1, ({ r }) => r.u8());
export const u16: Codec<number> = whole(2, ({ r }) => r.u16());
export const u32: Codec<number> = whole(4, ({ r }) => r.u32());
export const u48: Codec<number> = emitted(
  (code, value) => {
    const n = code.local(value);
    const high = code.local(`Math.floor(${n} / ${WORD})`);
    const fits = `Number.isInteger(${n}) && ${high} >>> 0 === ${high} && ${high} <= 65535`;
    code.refuse(`!(${fits})`, MISFIT);
    code.number(high, 2);
    code.number(`${n} - ${high} * ${WORD}`, 4);
  },
  ({ r }) => r.u16() * WORD + r.u32(),
);
export const u64: Codec<bigint> = emitted(
  (code, value) => code.store(`d.setBigUint64(at, ${value});`, 8),
  ({ r }) => r.u64(),
);

/** A number of 32 bits that is a bigint here. */
export const bigU32: Codec<bigint> = emitted(
  (code, value) => code.number(`Number(${value})`, 4),
  ({ r }) => BigInt(r.u32()),
);

/** A number with a fraction; not a number, and infinity, are refused. */
export const fraction: Codec<number> = emitted(
  (code, value) => code.store(`d.setFloat64(at, ${value});`, 8),
  ({ r }) => {
    const octets = r.octets(8);
    const value = new DataView(octets.buffer).getFloat64(0);
    return Number.isFinite(value) ? value : r.fail("a number that is not finite");
  },
);

/** An instant of this process's clock, written as wall time in whole milliseconds. */
export const wallTime: Codec<number> = emitted(
  (code, value) => {
    const { now, wallMs } = { now: "to.anchor.now", wallMs: "to.anchor.wallMs" };
    u48.emit?.(code, `Math.max(0, Math.round(${value} - ${now} + ${wallMs}))`);
  },
  (from) => u48.read(from) - from.anchor.wallMs + from.anchor.now,
);

/** One of these values. New ones go to the end: the place is what is written. */
export function oneOf<const T extends string | number | boolean>(values: readonly T[]): Codec<T> {
  return emitted(
    (code, value) => {
      const one = code.local(value);
      const places = values.map((known, at) => `${one} === ${JSON.stringify(known)} ? ${at} : `);
      const fault = code.fault("a value that no place is known for");
      code.number(`${places.join("")}${fault}`, 1);
    },
    ({ r }) => {
      const at = r.u8();
      const value = values[at];
      return value === undefined ? r.fail(`value ${at} of ${values.length}`) : value;
    },
  );
}

export const bool: Codec<boolean> = oneOf([false, true]);

/** Always the same: nothing is written. */
export function constant<const T>(value: T): Codec<T> {
  return emitted(
    () => undefined,
    () => value,
  );
}

/** Octets, at most `max` of them; what is read is a copy. */
export function octets(max: number): Codec<Uint8Array> {
  const { width, read } = countOf(max);
  return {
    write({ w }, value) {
      if (value.length > max) assert(false, tooMany(value.length, max));
      w.number(value.length, width);
      w.append(value);
    },
    read: (from) => from.r.octets(read(from)),
  };
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

/** Text of at most `max` octets. */
export function text(max: number): Codec<string> {
  const { width, read } = countOf(max);
  const encoded = octets(max);
  return {
    write(to, value) {
      if (!isAscii(value)) return encoded.write(to, ENCODER.encode(value));
      if (value.length > max) assert(false, tooMany(value.length, max));
      to.w.number(value.length, width);
      to.w.appendAscii(value);
    },
    read: (from) => textOf(from.r.octets(read(from))),
  };
}

/** Most texts are short and plain: calls into the platform would take longer than they do. */
const PLAIN_OCTETS_MAX = 64;

function isAscii(value: string): boolean {
  if (value.length > PLAIN_OCTETS_MAX) return false;
  for (let at = 0; at < value.length; at++) if (value.charCodeAt(at) > 127) return false;
  return true;
}

function textOf(octets: Uint8Array): string {
  if (octets.length > PLAIN_OCTETS_MAX) return DECODER.decode(octets);
  let value = "";
  for (const octet of octets) {
    if (octet > 127) return DECODER.decode(octets);
    value += String.fromCharCode(octet);
  }
  return value;
}

export function optional<T>(codec: Codec<T>): Codec<T | undefined> {
  return emitted(
    (code, value) => {
      const one = code.local(value);
      code.number(`${one} === undefined ? 0 : 1`, 1);
      code.block(`if (${one} !== undefined)`, () => emitInto(code, codec, one));
    },
    (from) => (bool.read(from) ? codec.read(from) : undefined),
  );
}

/** A field that is left out where it has no value. */
export function omissible<T>(codec: Codec<T>): OmissibleCodec<T> {
  const { emit, read, write } = optional(codec);
  return { ...(emit === undefined ? {} : { emit }), read, write, isOmissible: true };
}

/** At most `max` values of one kind. */
export function list<T>(codec: Codec<T>, max: number): Codec<readonly T[]> {
  const { width, read } = countOf(max);
  return emitted<readonly T[]>(
    (code, value) => {
      const values = code.local(value);
      const count = code.local(`${values}.length`);
      code.refuse(`${count} > ${max}`, `more than ${max} values`);
      code.number(count, width);
      const i = `i${count}`;
      const each = () => emitInto(code, codec, code.local(`${values}[${i}]`));
      code.block(`for (let ${i} = 0; ${i} < ${count}; ${i}++)`, each, true);
    },
    (from) => {
      const values: T[] = [];
      // Each value is read before there is room for the next one: the count alone takes nothing.
      for (let left = read(from); left > 0; left--) values.push(codec.read(from));
      return values;
    },
  );
}

/** Keys of `T`, each with the codec of its value, in the order in which they are written. */
export type Fields<T> = {
  readonly [K in keyof T]-?: Partial<Pick<T, K>> extends Pick<T, K>
    ? OmissibleCodec<T[K]>
    : Codec<T[K]>;
};

/** An object, field by field. */
export function record<T extends object>(fields: Fields<T>): Codec<T> {
  // The type above has paired each name with the codec of its field.
  const codecs = Object.entries(fields) as readonly (readonly [string, OmissibleCodec<unknown>])[];
  // Fields that are there from the beginning cost half of those that are added one by one.
  const empty: Record<string, unknown> = {};
  for (const [name, { isOmissible }] of codecs) if (isOmissible !== true) empty[name] = undefined;
  return emitted(
    (code, value) => {
      const from = code.local(value);
      for (const [name, codec] of codecs) {
        emitInto(code, codec, `${from}[${JSON.stringify(name)}]`);
      }
    },
    (from) => {
      const made = { ...empty };
      for (const [name, codec] of codecs) {
        const value = codec.read(from);
        if (value !== undefined || codec.isOmissible !== true) made[name] = value;
      }
      return made as T;
    },
  );
}

type Cases<T extends { readonly kind: string }> = {
  readonly [K in T["kind"]]: Codec<Extract<T, { readonly kind: K }>>;
};

/** One of several kinds of object. New kinds go to the end. */
export function byKind<T extends { readonly kind: string }>(cases: Cases<T>): Codec<T> {
  // The type above has paired each kind with the codec of its objects.
  const known = Object.entries(cases) as readonly (readonly [T["kind"], Codec<T>])[];
  // Most kinds are seldom: their functions are made when they are needed.
  return oneBy("kind", known, (code, codec, value) => code.call(codec, value));
}

/** One of several forms that a field tells apart. New forms go to the end. */
export function byValue<T, K extends keyof T & string>(
  key: K,
  cases: readonly (readonly [T[K] & (string | number), Codec<T>])[],
): Codec<T> {
  return oneBy(key, cases, emitInto);
}

function oneBy<T, V extends string | number>(
  key: string,
  cases: readonly (readonly [V, Codec<T>])[],
  write: (code: Code, codec: Codec<T>, value: string) => void,
): Codec<T> {
  return emitted(
    (code, value) => {
      const one = code.local(value);
      code.block(`switch (${one}[${JSON.stringify(key)}])`, () => {
        for (const [at, [name, codec]] of cases.entries()) {
          const each = () => {
            code.number(`${at}`, 1);
            write(code, codec, one);
            code.line("break;");
          };
          code.block(`case ${JSON.stringify(name)}:`, each, true);
        }
        code.line(`default: ${code.fault(`no codec for this ${key}`)};`);
      });
    },
    (from) => {
      const at = from.r.u8();
      const codec = cases[at]?.[1];
      return codec === undefined ? from.r.fail(`value ${at} of ${cases.length}`) : codec.read(from);
    },
  );
}

/** A value that is written as another one. */
export function mapped<T, U>(codec: Codec<U>, { to, from }: Instead<T, U>): Codec<T> {
  return emitted(
    (code, value) => emitInto(code, codec, code.local(`${code.constant(to)}(${value})`)),
    (reading) => from(codec.read(reading), (detail) => reading.r.fail(detail)),
  );
}

/** A value that is written as it is, and checked or named anew when it is read. */
export function checked<T extends U, U>(codec: Codec<U>, from: Instead<T, U>["from"]): Codec<T> {
  return emitted(
    (code, value) => emitInto(code, codec, value),
    (reading) => from(codec.read(reading), (detail) => reading.r.fail(detail)),
  );
}

function tooMany(count: number, max: number): string {
  return `${count} of at most ${max}`;
}

/** How many there are, where there may be `max`. */
function countOf(max: number): { readonly width: Width; readonly read: Codec<number>["read"] } {
  const width = max < 256 ? 1 : max < 65_536 ? 2 : 4;
  const codec = { 1: u8, 2: u16, 4: u32 }[width];
  return {
    width,
    read(from) {
      const count = codec.read(from);
      return count <= max ? count : from.r.fail(tooMany(count, max));
    },
  };
}
