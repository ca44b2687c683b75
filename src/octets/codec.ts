/**
 * How values are written as octets and read back by another process. A codec is put together from
 * smaller ones and goes both ways, so that what is written and what is read cannot differ; where a
 * type gets another field, its codec no longer compiles.
 */

import { assert } from "./assert.ts";
import { toHex } from "./hex.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** One moment on both clocks: instants are of one process, wall time is everybody's. */
export type Anchor = { readonly now: number; readonly wallMs: number };

/** A document that is being written. `shared` numbers values that stand in it once, by codec. */
export type Writing = {
  readonly w: Writer;
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
};

/** Of a field that an object may lack. */
export type OmissibleCodec<T> = Codec<T | undefined> & { readonly isOmissible: true };

/** What a type is written as instead. */
type Instead<T, U> = {
  readonly to: (value: T) => U;
  /** Ends in `fail` where no value is written so. */
  readonly from: (written: U, fail: (detail: string) => never) => T;
};

/** One closure for each width, and no call for the check: a document has hundreds of numbers. */
export const u8: Codec<number> = {
  write({ w }, value) {
    if (value >>> 0 !== value || value > 0xff) assert(false, MISFIT);
    w.u8(value);
  },
  read: ({ r }) => r.u8(),
};
export const u16: Codec<number> = {
  write({ w }, value) {
    if (value >>> 0 !== value || value > 0xffff) assert(false, MISFIT);
    w.u16(value);
  },
  read: ({ r }) => r.u16(),
};
export const u32: Codec<number> = {
  write({ w }, value) {
    if (value >>> 0 !== value) assert(false, MISFIT);
    w.u32(value);
  },
  read: ({ r }) => r.u32(),
};
export const u48: Codec<number> = {
  write({ w }, value) {
    const high = Math.floor(value / WORD);
    if (!Number.isInteger(value) || high >>> 0 !== high || high > 0xffff) assert(false, MISFIT);
    w.u16(high).u32(value % WORD);
  },
  read: ({ r }) => r.u16() * WORD + r.u32(),
};
export const u64: Codec<bigint> = {
  write: ({ w }, value) => void w.u64(value),
  read: ({ r }) => r.u64(),
};

const WORD = 2 ** 32;
const MISFIT = "a number that does not fit into its octets";

export const bool: Codec<boolean> = oneOf([false, true]);

/** A number with a fraction; not a number, and infinity, are refused. */
export const fraction: Codec<number> = {
  write({ w }, value) {
    const octets = new Uint8Array(8);
    new DataView(octets.buffer).setFloat64(0, value);
    w.octets(octets);
  },
  read({ r }) {
    const octets = r.octets(8).slice();
    const value = new DataView(octets.buffer).getFloat64(0);
    return Number.isFinite(value) ? value : r.fail("a number that is not finite");
  },
};

/** One of these values. New ones go to the end: the place is what is written. */
export function oneOf<const T extends string | number | boolean>(values: readonly T[]): Codec<T> {
  return {
    write({ w }, value) {
      const at = values.indexOf(value);
      assert(at >= 0, "a value that no place is known for");
      w.u8(at);
    },
    read({ r }) {
      const at = r.u8();
      const value = values[at];
      return value === undefined ? r.fail(`value ${at} of ${values.length}`) : value;
    },
  };
}

/** Always the same: nothing is written. */
export function constant<const T>(value: T): Codec<T> {
  return { write: () => undefined, read: () => value };
}

/** Octets, at most `max` of them; what is read is a copy. */
export function octets(max: number): Codec<Uint8Array> {
  const count = countOf(max);
  return {
    write(to, value) {
      count.write(to, value.length);
      to.w.octets(value);
    },
    read: (from) => from.r.octets(count.read(from)).slice(),
  };
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

/** Text of at most `max` octets. */
export function text(max: number): Codec<string> {
  const count = countOf(max);
  const encoded = octets(max);
  return {
    write(to, value) {
      if (!isAscii(value)) return encoded.write(to, ENCODER.encode(value));
      count.write(to, value.length);
      to.w.ascii(value);
    },
    read: (from) => textOf(from.r.octets(count.read(from))),
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
  return {
    write(to, value) {
      to.w.u8(value === undefined ? 0 : 1);
      if (value !== undefined) codec.write(to, value);
    },
    read: (from) => (bool.read(from) ? codec.read(from) : undefined),
  };
}

/** A field that is left out where it has no value. */
export function omissible<T>(codec: Codec<T>): OmissibleCodec<T> {
  return { ...optional(codec), isOmissible: true };
}

/** At most `max` values of one kind. */
export function list<T>(codec: Codec<T>, max: number): Codec<readonly T[]> {
  const count = countOf(max);
  return {
    write(to, values) {
      count.write(to, values.length);
      for (const value of values) codec.write(to, value);
    },
    read(from) {
      const values: T[] = [];
      // Each value is read before there is room for the next one: the count alone takes nothing.
      for (let left = count.read(from); left > 0; left--) values.push(codec.read(from));
      return values;
    },
  };
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
  const writers = codecs.map(([name, { write }]) => ({ name, write }));
  // Fields that are there from the beginning cost half of those that are added one by one.
  const empty: Record<string, unknown> = {};
  for (const [name, { isOmissible }] of codecs) if (isOmissible !== true) empty[name] = undefined;
  return {
    write(to, value) {
      const from = value as Readonly<Record<string, unknown>>;
      for (const { name, write } of writers) write(to, from[name]);
    },
    read(from) {
      const made = { ...empty };
      for (const [name, codec] of codecs) {
        const value = codec.read(from);
        if (value !== undefined || codec.isOmissible !== true) made[name] = value;
      }
      return made as T;
    },
  };
}

type Cases<T extends { readonly kind: string }> = {
  readonly [K in T["kind"]]: Codec<Extract<T, { readonly kind: K }>>;
};

/** One of several kinds of object. New kinds go to the end. */
export function byKind<T extends { readonly kind: string }>(cases: Cases<T>): Codec<T> {
  // The type above has paired each kind with the codec of its objects.
  const known = Object.entries(cases) as readonly (readonly [string, Codec<T>])[];
  const codecs = new Map(known);
  const kinds = oneOf(known.map(([kind]) => kind));
  const codecOf = (kind: string): Codec<T> => {
    const codec = codecs.get(kind);
    assert(codec !== undefined, `no codec for ${kind}`);
    return codec;
  };
  return {
    write(to, value) {
      kinds.write(to, value.kind);
      codecOf(value.kind).write(to, value);
    },
    read: (from) => codecOf(kinds.read(from)).read(from),
  };
}

/** A value that is written as another one. */
export function mapped<T, U>(codec: Codec<U>, { to, from }: Instead<T, U>): Codec<T> {
  return {
    write: (writing, value) => codec.write(writing, to(value)),
    read: (reading) => from(codec.read(reading), (detail) => reading.r.fail(detail)),
  };
}

/**
 * A value that many documents hold: a number in those that are written with a vocabulary. In others
 * it stands once, and is one object again when it is read.
 */
export function word<T extends object>(name: string, codec: Codec<T>): Codec<T> {
  const alone = shared(interned(codec));
  return {
    write(to, value) {
      const number = to.vocabulary?.numberOf(name, codec, value) ?? 0;
      to.w.u16(number);
      if (number === 0) alone.write(to, value);
    },
    read(from) {
      const number = from.r.u16();
      if (number === 0) return alone.read(from);
      const value = from.vocabulary?.valueOf(name, codec, number);
      return value ?? from.r.fail(`word ${number} is not known as ${name}`);
    },
  };
}

/**
 * A value that many hold in common: it stands in the document once, and is one object again when it
 * is read. Nothing depends on that but the memory it takes.
 */
export function shared<T extends object>(codec: Codec<T>): Codec<T> {
  const self: Codec<T> = {
    write(to, value) {
      let values = to.shared.get(self);
      if (values === undefined) {
        values = [];
        to.shared.set(self, values);
      }
      const number = values.indexOf(value) + 1;
      to.w.u16(number);
      if (number > 0) return;
      codec.write(to, value);
      if (values.length < SHARED_MAX) values.push(value);
    },
    read(from) {
      const number = from.r.u16();
      let values = from.shared.get(self);
      if (values === undefined) {
        values = [];
        from.shared.set(self, values);
      }
      if (number === 0) {
        const value = codec.read(from);
        if (values.length < SHARED_MAX) values.push(value);
        return value;
      }
      // This codec has read all that is under its name.
      const known = values[number - 1] as T | undefined;
      return known ?? from.r.fail(`shared value ${number} of ${values.length}`);
    },
  };
  return self;
}

/** They are searched one by one; those after them stand in the document each time. */
const SHARED_MAX = 64;

/**
 * A value that many documents hold: it stands in each of them, and is one object once they are
 * read. Not for secrets, and not around {@link shared}, whose numbers are of one document.
 */
export function interned<T extends object>(codec: Codec<T>): Codec<T> {
  return {
    write: codec.write,
    read(from) {
      const octets = from.r.ahead();
      const value = codec.read(from);
      if (from.interned === undefined) return value;
      const values = from.interned.get(codec) ?? new Map<string, unknown>();
      from.interned.set(codec, values);
      const key = toHex(octets.subarray(0, octets.length - from.r.left));
      // This codec has read all that is under its name.
      const known = values.get(key) as T | undefined;
      if (known === undefined) values.set(key, value);
      return known ?? value;
    },
  };
}

/** How many there are, where there may be `max`. */
function countOf(max: number): Codec<number> {
  const width = max < 256 ? u8 : max < 65_536 ? u16 : u32;
  return {
    write(to, count) {
      if (count > max) assert(false, `${count} of at most ${max}`);
      width.write(to, count);
    },
    read(from) {
      const count = width.read(from);
      return count <= max ? count : from.r.fail(`${count} of at most ${max}`);
    },
  };
}
