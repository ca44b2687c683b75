/** Which refusals of a call are final until somebody changes something. */

import { NotifyType } from "../wire/v2/notify-type.ts";
import type { Refusal } from "./refusal.ts";

/** Whether the same call would be refused again, however long we wait. */
export function isLasting(refusal: Refusal): boolean {
  if (refusal.kind === "peer-refused") return refusal.notify !== NotifyType.TEMPORARY_FAILURE;
  return !PASSING.has(refusal.kind);
}

const PASSING: ReadonlySet<Refusal["kind"]> = new Set<Refusal["kind"]>([
  "no-answer",
  "half-open-timeout",
  "busy",
  "temporary-failure",
  "key-exchange",
  "kernel",
  "spi-in-use",
]);
