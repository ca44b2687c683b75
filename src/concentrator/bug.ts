/** A bug of ours that was caught: counted, and told to whoever can report it. */

import { AssertionError } from "../octets/assert.ts";
import { count, type Engine } from "./engine.ts";
import type { About } from "./journal/about.ts";
import { journal } from "./journal/write.ts";

/** `about`: the IKE SA that it costs; undefined: none. */
export function noteBug(engine: Engine, about: About | undefined, fault: unknown): void {
  count(engine, "internal_errors");
  const isOurs = fault instanceof AssertionError;
  journal(engine, about, {
    level: "error",
    step: "daemon",
    outcome: "failed",
    reason: "internal-error",
    detail: `please report this bug: ${isOurs ? fault.message : String(fault)}`,
  });
}
