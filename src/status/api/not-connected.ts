/** Sites and strangers that are not connected, as the API answers them. */

import type { LastAttempt } from "../../why/attempt.ts";
import { reasonText } from "../../why/reason.ts";
import { lastOf, listNotConnected } from "../lists/not-connected.ts";
import type { StatusSource } from "../source.ts";
import { found } from "./answer.ts";
import type { Handler } from "./operations.ts";

/** Sites before strangers, the latest first. */
export function notConnected(source: StatusSource): Handler<"notConnected"> {
  return async ({ values: { q, last, who, offers, limit, offset } }) => {
    const page = { limit, offset };
    const list = await listNotConnected(source, { text: q, last, who, offers }, page);
    const { total, counts } = list;
    return found({ total, ...page, counts, sites: list.sites.map(siteJson) });
  };
}

function siteJson(site: LastAttempt) {
  const { record, times, firstWallMs } = site.attempt;
  return {
    peer_id: record.peerId ?? null,
    known: site.isKnown,
    last: lastOf(site),
    reason: record.reason,
    words: reasonText(record.reason),
    detail: record.detail,
    step: record.step,
    times,
    first_at: new Date(firstWallMs).toISOString(),
    last_at: new Date(record.wallMs).toISOString(),
    remote: record.remote ?? null,
    eroute: record.eroute ?? null,
  };
}
