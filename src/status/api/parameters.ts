/**
 * Parameters of a request: what each means, its values, and its check. The API, its document and
 * the pages all use them.
 */

import { PEER_ID_LENGTH_MAX } from "../../eroute/peer-id.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { type AlgorithmFilter, algorithmFilter } from "../../why/algorithm-filter.ts";

export type Parameter<T> = {
  readonly in: "query" | "path";
  readonly isRequired: boolean;
  readonly description: string;
  /** Its values, in words: `a whole number from 1 to 1000`. */
  readonly wanted: string;
  /** The same in JSON Schema. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** Its value, from its text; undefined: it is absent. The error says what must change. */
  read(text: string | undefined): Result<T, string>;
};

/** By their names. */
export type Parameters = Readonly<Record<string, Parameter<unknown>>>;

export type ValuesOf<P extends Parameters> = {
  readonly [N in keyof P]: P[N] extends Parameter<infer T> ? T : never;
};

/** The values of all, or the first wrong one, with its name. */
export function readParameters<P extends Parameters>(
  parameters: P,
  textOf: (name: string, from: "query" | "path") => string | undefined,
): Result<ValuesOf<P>, string> {
  const values: Record<string, unknown> = {};
  for (const [name, parameter] of Object.entries(parameters)) {
    const value = parameter.read(textOf(name, parameter.in));
    if (!value.ok) return err(`${name} ${value.error}`);
    values[name] = value.value;
  }
  return ok(values as ValuesOf<P>);
}

type Bounds<T> = {
  readonly least: number;
  readonly most: number;
  /** The value if it is absent. */
  readonly otherwise: T;
};

/** A whole number within bounds. */
export function whole<T extends number | undefined>(
  description: string,
  { least, most, otherwise }: Bounds<T>,
): Parameter<number | T> {
  const isOpen = most === Number.MAX_SAFE_INTEGER;
  const wanted = `a whole number from ${least} ${isOpen ? "up" : `to ${most}`}`;
  const more = otherwise === undefined ? {} : { default: otherwise };
  return {
    in: "query",
    isRequired: false,
    description,
    wanted,
    schema: { type: "integer", minimum: least, maximum: most, ...more },
    read(text) {
      if (text === undefined) return ok(otherwise);
      const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
      return value >= least && value <= most ? ok(value) : err(`must be ${wanted}`);
    },
  };
}

/** One of these words; undefined if it is absent, or empty as in forms. */
export function word<W extends string>(
  description: string,
  words: readonly W[],
): Parameter<W | undefined> {
  const wanted = `one of ${words.join(", ")}`;
  return {
    in: "query",
    isRequired: false,
    description,
    wanted,
    schema: { type: "string", enum: words },
    read(text) {
      if (text === undefined || text === "") return ok(undefined);
      const found = words.find((known) => known === text);
      return found === undefined ? err(`must be ${wanted}`) : ok(found);
    },
  };
}

const TEXT_LENGTH_MAX = 256;

/** Text of bounded length; undefined if it is absent or blank. */
export function text(description: string): Parameter<string | undefined> {
  const wanted = `text of at most ${TEXT_LENGTH_MAX} characters`;
  return {
    in: "query",
    isRequired: false,
    description,
    wanted,
    schema: { type: "string", maxLength: TEXT_LENGTH_MAX },
    read(given) {
      const trimmed = given?.trim();
      if (trimmed === undefined || trimmed === "") return ok(undefined);
      return trimmed.length <= TEXT_LENGTH_MAX ? ok(trimmed) : err(`must be ${wanted}`);
    },
  };
}

/** An algorithm or a family of them; undefined if it is absent, or empty as in forms. */
export function algorithm(description: string): Parameter<AlgorithmFilter | undefined> {
  const given = text(description);
  const examples = ["mlkem768", "modp1024", "pq"];
  const wanted = "an algorithm, such as mlkem768, modp1024 or pq";
  return {
    ...given,
    wanted,
    schema: { ...given.schema, examples },
    read(named) {
      const read = given.read(named);
      if (!read.ok) return err(`must be ${wanted}`);
      if (read.value === undefined) return ok(undefined);
      const filter = algorithmFilter(read.value);
      return filter.ok ? filter : err(`must be ${wanted}`);
    },
  };
}

/** `true` or `false`. */
export function flag(description: string): Parameter<boolean> {
  const either = word(description, ["true", "false"]);
  return {
    ...either,
    schema: { type: "boolean", default: false },
    read(given) {
      const read = either.read(given);
      return read.ok ? ok(read.value === "true") : read;
    },
  };
}

/** A required parameter. */
export function required<T>(parameter: Parameter<T | undefined>): Parameter<T> {
  return {
    ...parameter,
    isRequired: true,
    read(given) {
      const read = parameter.read(given);
      if (!read.ok) return read;
      return read.value === undefined ? err(`is missing: ${parameter.wanted}`) : ok(read.value);
    },
  };
}

const PEER_ID_WANTED = `1 to ${PEER_ID_LENGTH_MAX} printable characters`;

/** The site of a path. */
export const PEER_ID: Parameter<string> = {
  in: "path",
  isRequired: true,
  description: "The site's peer ID, percent-encoded.",
  wanted: PEER_ID_WANTED,
  schema: { type: "string", minLength: 1, maxLength: PEER_ID_LENGTH_MAX },
  read(given = "") {
    const isOne = given.length >= 1 && given.length <= PEER_ID_LENGTH_MAX && !/\p{Cc}/u.test(given);
    return isOne ? ok(given) : err(`must have ${PEER_ID_WANTED}`);
  },
};
