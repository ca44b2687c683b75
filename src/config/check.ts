/**
 * What all checks of a configuration share: where faults are collected, and how secrets are read.
 */

import type { Result } from "../octets/result.ts";
import { type ConfigFault, type KeyPath, pathText } from "./fault.ts";
import type { KeyMeta } from "./schema-keys.ts";
import { expectedAt, metaAt } from "./schema-path.ts";
import { type KeyLines, lineOf } from "./toml-lines.ts";

/** What reading a configuration needs from outside. */
export type ConfigFiles = {
  /** The text of a file, or why it cannot be read, in a few words. */
  readSecret(path: string): Result<string, string>;
  /** The time of day, in ms since 1970: certificates expire. */
  wallMs(): number;
  /** An environment variable. */
  env(name: string): string | undefined;
};

/** Collects faults, so that one run reports all faults of a file. */
export type Check = {
  readonly files: ConfigFiles;
  readonly faults: readonly ConfigFault[];
  readonly warnings: readonly ConfigFault[];
  /** Without `expected`, the fault says what the schema expects at this path. */
  fault(path: KeyPath, what: string, expected?: string): void;
  /** Something that works, but is probably not intended. */
  warn(path: KeyPath, what: string, expected?: string): void;
  /** Whether a fault at this place, or at one that contains it, has been reported. */
  isFaulty(path: KeyPath): boolean;
};

/** Faults and warnings of one kind that are listed; of more, only the number is given. */
const FAULTS_MAX = 100;
const WARNINGS_MAX = 20;

export function createCheck(file: string, lines: KeyLines, files: ConfigFiles): Check {
  const faults = new Folded(FAULTS_MAX, "faults");
  const warnings = new Folded(WARNINGS_MAX, "warnings");
  const faulty = new Set<string>();
  const make = (path: KeyPath, what: string, expected = expectedAt(path)): ConfigFault => ({
    file,
    path: pathText(path),
    line: lineOf(lines, path),
    what,
    expected,
  });
  return {
    files,
    get faults() {
      return faults.all();
    },
    get warnings() {
      return warnings.all();
    },
    fault(path, what, expected) {
      faults.add(kindOf(path, expected), make(path, what, expected));
      faulty.add(pathText(path));
    },
    warn(path, what, expected) {
      warnings.add(kindOf(path, expected), make(path, what, expected));
    },
    isFaulty: (path) => path.some((_, i) => faulty.has(pathText(path.slice(0, i + 1)))),
  };
}

/** The same key with the same advice, in whichever eroute. */
function kindOf(path: KeyPath, expected = ""): string {
  return `${path.filter((part) => typeof part === "string").join(".")} ${expected}`;
}

/** A list in which entries of one kind beyond a limit become one, with their number. */
class Folded {
  readonly #max: number;
  readonly #word: string;
  readonly #listed: ConfigFault[] = [];
  readonly #kinds = new Map<string, { listed: number; more: number; next: ConfigFault }>();

  constructor(max: number, word: string) {
    this.#max = max;
    this.#word = word;
  }

  add(kind: string, entry: ConfigFault): void {
    const known = this.#kinds.get(kind) ?? { listed: 0, more: 0, next: entry };
    this.#kinds.set(kind, known);
    if (known.listed < this.#max) {
      known.listed++;
      this.#listed.push(entry);
    } else if (known.more++ === 0) known.next = entry;
  }

  all(): readonly ConfigFault[] {
    return [...this.#listed, ...[...this.#kinds.values()].flatMap((kind) => this.#rest(kind))];
  }

  #rest({ more, next }: { readonly more: number; readonly next: ConfigFault }): ConfigFault[] {
    if (more === 0) return [];
    const { file, expected } = next;
    const place = next.line === undefined ? "" : ` in line ${next.line}`;
    const what = `has ${more} more ${this.#word} like these; the next one: ${next.path}${place}`;
    return [{ file, path: "", line: undefined, what, expected }];
  }
}

/**
 * The value. If it is missing although the schema requires it: a fault, unless already reported.
 */
export function needed<T>(check: Check, path: KeyPath, value: T | undefined): T | undefined {
  const meta: KeyMeta | undefined = metaAt(path);
  if (value === undefined && meta?.required === true && !check.isFaulty(path)) {
    check.fault(path, "is missing");
  }
  return value;
}
