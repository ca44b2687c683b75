/** Statements for the columns that a table has: optional ones that it lacks are left out. */

import type { TableSettings } from "../eroute/database.ts";
import { ok } from "../octets/result.ts";
import { type PeerSchema, withColumns } from "./schema.ts";
import { type Statements, statementsFor } from "./statement.ts";
import type { Answer } from "./table.ts";

export type KnownTable<T extends TableSettings> = {
  /** With the columns that exist. */
  readonly settings: T;
  readonly statements: Statements;
};

export type KnownColumns<T extends TableSettings> = {
  /** `askNames` reads the names of the table's columns: none if there is no table. */
  table(askNames: () => Answer<readonly string[]>): Answer<KnownTable<T>>;
  /** The columns may have changed: read them again the next time. True if that may help. */
  forget(): boolean;
  /** The same if they were read long ago: somebody may have added one. */
  forgetOld(): void;
};

export function knownColumns<T extends TableSettings>(
  settings: T,
  schemaOf: (settings: T) => PeerSchema,
): KnownColumns<T> {
  const presumes = (settings.presumed ?? []).some((key) => settings.columns[key] != null);
  const make = (own: T) => ({ settings: own, statements: statementsFor(schemaOf(own)) });
  let known = presumes ? undefined : make(settings);
  let askedMs = performance.now();
  const forget = () => {
    if (!presumes || known === undefined) return false;
    known = undefined;
    return true;
  };
  return {
    async table(askNames) {
      if (known !== undefined) return ok(known);
      const names = await askNames();
      if (!names.ok) return names;
      const made = make(withColumns(settings, names.value));
      if (names.value.length > 0) {
        known = made;
        askedMs = performance.now();
      }
      return ok(made);
    },
    forget,
    forgetOld() {
      if (performance.now() > askedMs + KNOWN_MS_MAX) forget();
    },
  };
}

const KNOWN_MS_MAX = 60_000;
