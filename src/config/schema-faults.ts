/** Unknown keys and wrong types become faults; the valid keys beside them are kept. */

import type { z } from "zod";
import { nearestText } from "../eroute/nearest.ts";
import type { Check } from "./check.ts";
import { type KeyPath, quoted } from "./fault.ts";
import { configSchema, type RawConfig } from "./schema.ts";
import { keysAt } from "./schema-path.ts";

/**
 * The parsed file without its wrong keys, each of which is reported as a fault. The other checks
 * can then go on, and one run reports everything.
 */
export function checkSchema(check: Check, table: unknown): RawConfig {
  let rest = table;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const parsed = configSchema.safeParse(rest, { reportInput: true });
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) {
      const path = issue.path.filter((part) => typeof part !== "symbol");
      for (const place of placesOf(issue, path)) {
        if (!check.isFaulty(place.path)) check.fault(place.path, place.what, place.expected);
        rest = without(rest, place.path);
      }
    }
  }
  return {};
}

/** Removing wrong values leaves nothing wrong; a second round is enough. */
const ROUNDS_MAX = 4;

/** Secrets in the file itself: reported together with the right way to give them. */
const SECRET_KEYS: ReadonlySet<string> = new Set(["password", "psk", "ppk", "secret", "token"]);

type Place = { readonly path: KeyPath; readonly what: string; readonly expected?: string };

function placesOf(issue: z.core.$ZodIssue, path: KeyPath): readonly Place[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => unknownKey(path, key));
  }
  return [{ path, what: `is ${describe(issue.input)}` }];
}

function unknownKey(path: KeyPath, key: string): Place {
  const known = keysAt(path);
  const files = known.filter((name) => name.endsWith("_file") && !name.startsWith("tls"));
  const secretFile = files.find((name) => name === `${key}_file`) ?? files[0];
  if (SECRET_KEYS.has(key) && secretFile !== undefined) {
    const env = secretFile.replace("_file", "_env");
    const expected = `${secretFile}, the path of a file that holds it, or ${env}`;
    return { path: [...path, key], what: "would put a secret into this file", expected };
  }
  const [home, another] = SECTIONS.filter((section) => keysAt(placeOf(section)).includes(key));
  if (home !== undefined && another === undefined && path[0] !== home) {
    const where = LISTS.has(home) ? `[[${home}]]` : `[${home}]`;
    return { path: [...path, key], what: `stands in the wrong place`, expected: `it in ${where}` };
  }
  const nearest = nearestText(key, known);
  const expected =
    nearest === undefined ? `one of ${known.join(", ")}` : `${nearest}, if that was meant`;
  return { path: [...path, key], what: "is not a known key", expected };
}

/** Tables to which a misplaced key may belong. */
const SECTIONS = [
  ...["egroup", "eroute", "ike", "status", "dynamic_eroutes", "default_eroute", "dataplane"],
  ...["reload", "log", "user"],
];
const LISTS: ReadonlySet<string> = new Set(["egroup", "eroute", "user"]);

function placeOf(section: string): KeyPath {
  return LISTS.has(section) ? [section, 0] : [section];
}

/** A value in words: its type, and the value itself if it is short. */
function describe(value: unknown): string {
  if (typeof value === "string") return quoted(value);
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (value instanceof Date) return "a date";
  if (Array.isArray(value)) return "a list that does not fit";
  return "a table";
}

/** A copy without the value at `path`; a list of texts is removed together with its element. */
function without(value: unknown, path: KeyPath): unknown {
  const [part, ...rest] = path;
  if (part === undefined) return undefined;
  if (Array.isArray(value)) {
    return value.map((element, i) => {
      if (i !== part) return element;
      return rest.length === 0 ? {} : without(element, rest);
    });
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).flatMap(([key, inner]) => {
    if (key !== part) return [[key, inner]];
    return rest.length === 0 ? [] : [[key, without(inner, rest)]];
  });
  return Object.fromEntries(entries);
}
