/** A bug of ours that was caught: counted, and told to whoever can report it. */

import { AssertionError } from "../octets/assert.ts";
import { count, type Engine } from "./engine.ts";
import type { About } from "./journal/about.ts";
import { journal } from "./journal/write.ts";

/** Of whose IKE SA nothing more is known. */
export type BareSite = { readonly peerId: string; readonly eroute: string };

/** `about`: the IKE SA, or the site, that it costs; undefined: none. */
export function noteBug(engine: Engine, about: About | BareSite | undefined, fault: unknown): void {
  count(engine, "internal_errors");
  const isOurs = fault instanceof AssertionError;
  const entry = {
    level: "error",
    step: "daemon",
    outcome: "failed",
    reason: "internal-error",
    detail: `please report this bug: ${isOurs ? fault.message : String(fault)}`,
  } as const;
  if (about === undefined || "id" in about) journal(engine, about, entry);
  else journal(engine, undefined, { ...entry, ...about });
}
