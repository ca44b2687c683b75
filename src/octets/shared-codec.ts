/**
 * Codecs of values that stand at several places or in several documents, and are written once. When
 * they are read, they are one object again: nothing depends on that but the memory it takes.
 */

import { type Codec, emitInto, emitted, type Numbered, u16 } from "./codec.ts";
import { toHex } from "./hex.ts";

/**
 * A value that many documents hold: a number in those that are written with a vocabulary. In others
 * it stands once.
 */
export function word<T extends object>(name: string, codec: Codec<T>): Codec<T> {
  const alone = shared(interned(codec));
  const numberOf = (vocabulary: Numbered | undefined, value: T): number =>
    vocabulary?.numberOf(name, codec, value) ?? 0;
  return emitted(
    (code, value) => {
      const one = code.local(value);
      const number = code.local(`${code.constant(numberOf)}(to.vocabulary, ${one})`);
      emitInto(code, u16, number);
      code.block(`if (${number} === 0)`, () => code.call(alone, one));
    },
    (from) => {
      const number = from.r.u16();
      if (number === 0) return alone.read(from);
      const value = from.vocabulary?.valueOf(name, codec, number);
      return value ?? from.r.fail(`word ${number} is not known as ${name}`);
    },
  );
}

/** Values by codec, in the order in which they stand in the document. */
type Values = Map<unknown, unknown[]>;

/** A value that many hold in common: it stands in the document once. */
export function shared<T extends object>(codec: Codec<T>): Codec<T> {
  const key = {};
  const numberIn = (values: Values, value: T): number => valuesOf(values, key).indexOf(value) + 1;
  const keepIn = (values: Values, value: T): void => {
    const known = valuesOf(values, key);
    if (known.length < SHARED_MAX) known.push(value);
  };
  return emitted(
    (code, value) => {
      const one = code.local(value);
      const number = code.local(`${code.constant(numberIn)}(to.shared, ${one})`);
      emitInto(code, u16, number);
      code.block(`if (${number} === 0)`, () => {
        code.call(codec, one);
        code.line(`${code.constant(keepIn)}(to.shared, ${one});`);
      });
    },
    (from) => {
      const number = from.r.u16();
      const values = valuesOf(from.shared, key);
      if (number === 0) {
        const value = codec.read(from);
        if (values.length < SHARED_MAX) values.push(value);
        return value;
      }
      // This codec has read all that is under its name.
      const known = values[number - 1] as T | undefined;
      return known ?? from.r.fail(`shared value ${number} of ${values.length}`);
    },
  );
}

/** They are searched one by one; those after them stand in the document each time. */
const SHARED_MAX = 64;

function valuesOf(all: Values, key: unknown): unknown[] {
  const known = all.get(key);
  if (known !== undefined) return known;
  const values: unknown[] = [];
  all.set(key, values);
  return values;
}

/**
 * A value that many documents hold: it stands in each of them, and is one object once they are
 * read. Not for secrets, and not around {@link shared}, whose numbers are of one document.
 */
export function interned<T extends object>(codec: Codec<T>): Codec<T> {
  return emitted(
    (code, value) => emitInto(code, codec, value),
    (from) => {
      const { at } = from.r;
      const value = codec.read(from);
      if (from.interned === undefined) return value;
      const values = from.interned.get(codec) ?? new Map<string, unknown>();
      from.interned.set(codec, values);
      const key = toHex(from.r.since(at));
      // This codec has read all that is under its name.
      const known = values.get(key) as T | undefined;
      if (known === undefined) values.set(key, value);
      return known ?? value;
    },
  );
}
