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

export function createCheck(file: string, lines: KeyLines, files: ConfigFiles): Check {
  const faults: ConfigFault[] = [];
  const warnings: ConfigFault[] = [];
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
    faults,
    warnings,
    fault(path, what, expected) {
      faults.push(make(path, what, expected));
      faulty.add(pathText(path));
    },
    warn(path, what, expected) {
      warnings.push(make(path, what, expected));
    },
    isFaulty: (path) => path.some((_, i) => faulty.has(pathText(path.slice(0, i + 1)))),
  };
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
