/** What other programs have recently removed from the kernel, in words. */

import type { Finding } from "./finding.ts";
import { REASONS } from "./reason.ts";
import type { Removal } from "./removals.ts";
import type { SiteFacts } from "./site-facts.ts";
import { ago } from "./words.ts";

/** After that time, a removal does not explain the present state. */
const RECENT_MS = 3_600_000;

/**
 * A problem if the site's own states were removed; otherwise they may be among those that are not
 * named.
 */
export function removalFindings(facts: SiteFacts): readonly Finding[] {
  return recent(facts).map(({ record, times }): Finding => {
    const often = times > 1 ? `, ${times} times since erouted started` : "";
    const when = `${ago(facts.nowWallMs - record.wallMs)} ago${often}`;
    const verdict = record.peerId === undefined ? "note" : "problem";
    return { about: "kernel", verdict, detail: `${when}: ${record.detail}` };
  });
}

/** What to do if the site's own states were removed. */
export function removalAdvice(facts: SiteFacts): readonly string[] {
  const own = recent(facts).find(({ record }) => record.peerId !== undefined);
  return own === undefined ? [] : [REASONS[own.record.reason].advice];
}

function recent({ removals, nowWallMs, eroutes }: SiteFacts): readonly Removal[] {
  if (eroutes.length === 0) return [];
  return removals.filter(({ record }) => nowWallMs - record.wallMs < RECENT_MS);
}
