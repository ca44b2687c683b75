/** Which refusals of a call are final until somebody changes something. */

import { NotifyType } from "../wire/v2/notify-type.ts";
import type { Refusal } from "./refusal.ts";

/** Whether the same call would be refused again, however long we wait. */
export function isLasting(refusal: Refusal): boolean {
  if (refusal.kind === "peer-refused") return refusal.notify !== NotifyType.TEMPORARY_FAILURE;
  return !PASSING.has(refusal.kind);
}

/**
 * Whether a call may have failed because of the version of IKE or the mode of Phase 1: another one
 * is worth an attempt.
 */
export function mayBeOfVersion(refusal: Refusal): boolean {
  if (refusal.kind === "peer-refused") return OF_VERSION.has(refusal.notify);
  return refusal.kind === "no-answer" || refusal.kind === "peer-refused-ikev1";
}

/** What ends answer that have no configuration for this version. */
const OF_VERSION: ReadonlySet<number> = new Set([
  NotifyType.INVALID_MAJOR_VERSION,
  NotifyType.INVALID_SYNTAX,
  NotifyType.NO_PROPOSAL_CHOSEN,
]);

const PASSING: ReadonlySet<Refusal["kind"]> = new Set<Refusal["kind"]>([
  "no-answer",
  "half-open-timeout",
  "busy",
  "temporary-failure",
  "key-exchange",
  "kernel",
  "spi-in-use",
]);
