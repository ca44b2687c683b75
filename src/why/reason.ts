/** The table of reasons: what each means, what to do about it, and what follows. */

import type { PeerRefusedReason, Reason } from "../reason/reason.ts";
import { ADMISSION_REASONS, MATCH_REASONS, ROW_REASONS } from "./reasons/admission.ts";
import { CALL_REASONS, PEER_REFUSED_REASONS } from "./reasons/call.ts";
import { CHILD_REASONS, KERNEL_REASONS } from "./reasons/child.ts";
import { DAEMON_REASONS, OPERATOR_REASONS } from "./reasons/daemon.ts";
import { DATABASE_REASONS } from "./reasons/database.ts";
import { ENDING_REASONS } from "./reasons/ending.ts";
import type { Follows, Meaning } from "./reasons/meaning.ts";
import { LIMIT_REASONS, MESSAGE_REASONS } from "./reasons/message.ts";
import { PROGRESS_REASONS } from "./reasons/progress.ts";
import { PPK_REASONS, PROOF_REASONS } from "./reasons/proof.ts";
import { sentenceCase } from "./words.ts";

/** A reason without its row does not compile. */
export const REASONS: Readonly<Record<Reason, Meaning>> = {
  ...MATCH_REASONS,
  ...ROW_REASONS,
  ...DATABASE_REASONS,
  ...ADMISSION_REASONS,
  ...MESSAGE_REASONS,
  ...PROOF_REASONS,
  ...PPK_REASONS,
  ...LIMIT_REASONS,
  ...CHILD_REASONS,
  ...KERNEL_REASONS,
  ...CALL_REASONS,
  ...PEER_REFUSED_REASONS,
  ...ENDING_REASONS,
  ...PROGRESS_REASONS,
  ...DAEMON_REASONS,
  ...OPERATOR_REASONS,
};

/** `Wrong pre-shared key` for `wrong-psk`. */
export function reasonText(reason: Reason): string {
  return sentenceCase(REASONS[reason].words);
}

/** What follows for the site. */
export function followsFrom(reason: Reason): Follows {
  return REASONS[reason].follows;
}

/** Only a change of the site's row cures it; then the site has to call again. */
export function isCuredInRow(reason: Reason): boolean {
  const follows = followsFrom(reason);
  return follows === "row-again" || follows === "row-missing";
}

/** All error notifies of peers are one reason in metrics. */
export type FailureName = Exclude<Reason, PeerRefusedReason> | "peer-refused" | "other";

/** Reasons that can end an attempt of a site, as metrics name them. */
export const FAILURE_NAMES: readonly FailureName[] = [
  ...reasonsIn(REASONS).filter(isFailureName).filter(canEndAttempt),
  "other",
];

/** The name that stands for a reason in metrics. */
export function failureName(reason: Reason): FailureName {
  if (!isFailureName(reason)) return "peer-refused";
  return canEndAttempt(reason) ? reason : "other";
}

function isFailureName(
  reason: Reason,
): reason is Exclude<Reason, PeerRefusedReason> | "peer-refused" {
  return reason === "peer-refused" || !Object.hasOwn(PEER_REFUSED_REASONS, reason);
}

function canEndAttempt(reason: Reason): boolean {
  const follows = followsFrom(reason);
  return follows !== "connected" && follows !== "successor" && follows !== "nothing";
}

/** The keys of a table of reasons, which `Object.keys` takes for any text. */
export function reasonsIn(table: Readonly<Record<Reason, unknown>>): readonly Reason[] {
  return Object.keys(table).filter((key): key is Reason => Object.hasOwn(table, key));
}
