/** Why a site is or is not connected, as JSON. */

import type { Attempt } from "../../why/attempt.ts";
import type { SiteExplanation } from "../source.ts";

/** The body of `GET /api/v1/peers/:id/explain`. */
export function explanationJson(asked: string, { explanation, attempts }: SiteExplanation) {
  const { state, summary, findings, comparison, advice } = explanation;
  return {
    peer_id: asked,
    /** Null if it is not known. */
    connected: state === "unknown" ? null : state === "connected",
    state,
    summary,
    findings,
    comparison:
      comparison === undefined
        ? null
        : {
            offered: comparison.offered,
            configured: comparison.configured,
            only_offered: comparison.onlyOffered,
            only_configured: comparison.onlyConfigured,
            about: comparison.about,
            nearest: comparison.nearest,
            proposal: comparison.proposal ?? null,
          },
    advice,
    attempts: attempts.map(attemptJson),
  };
}

function attemptJson({ outcome, times, firstWallMs, record }: Attempt) {
  return {
    outcome,
    times,
    first_at: new Date(firstWallMs).toISOString(),
    last_at: new Date(record.wallMs).toISOString(),
    role: record.role ?? null,
    remote: record.remote ?? null,
    eroute: record.eroute ?? null,
    step: record.step,
    reason: record.reason,
    detail: record.detail,
    offered: record.offered ?? null,
    configured: record.wanted ?? null,
  };
}
