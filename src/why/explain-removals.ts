/** What other programs removed from the kernel of late, in words. */

import type { Finding } from "./finding.ts";
import { REASONS } from "./reason.ts";
import type { Removal } from "./removals.ts";
import type { SiteFacts } from "./site-facts.ts";
import { ago } from "./words.ts";

/** After that it explains nothing of what is seen now. */
const RECENT_MS = 3_600_000;

/** A problem where the site's own states went; else it may be one of those that are not named. */
export function removalFindings(facts: SiteFacts): readonly Finding[] {
  return recent(facts).map(({ record, times }): Finding => {
    const often = times > 1 ? `, ${times} times since erouted started` : "";
    const when = `${ago(facts.nowWallMs - record.wallMs)} ago${often}`;
    const verdict = record.peerId === undefined ? "note" : "problem";
    return { about: "kernel", verdict, detail: `${when}: ${record.detail}` };
  });
}

/** What to do where the site's own states went. */
export function removalAdvice(facts: SiteFacts): readonly string[] {
  const own = recent(facts).find(({ record }) => record.peerId !== undefined);
  return own === undefined ? [] : [REASONS[own.record.reason].advice];
}

function recent({ removals, nowWallMs, eroutes }: SiteFacts): readonly Removal[] {
  if (eroutes.length === 0) return [];
  return removals.filter(({ record }) => nowWallMs - record.wallMs < RECENT_MS);
}
