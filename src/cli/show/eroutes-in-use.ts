/** All eroutes in use of a running daemon, page by page. */

import { err, ok, type Result } from "../../octets/result.ts";
import { get, type RunningDaemon } from "../daemon-client.ts";
import { fieldAt, listAt, numberAt, timeAt } from "../json-fields.ts";

export type ErouteList = {
  /** As in the daemon's JSON. */
  readonly eroutes: readonly unknown[];
  /** Their total number. */
  readonly total: number;
};

/**
 * Those that match the query, at most `most`; the query has the parameters of the API. Sites that
 * come and go between two pages may be missing or listed twice.
 */
export async function allEroutes(
  daemon: RunningDaemon,
  kind: "dynamic" | "all",
  query: Readonly<Record<string, string | undefined>> = {},
  most = Infinity,
): Promise<Result<ErouteList, string>> {
  const [path, key] = kind === "dynamic" ? DYNAMIC : ALL;
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const asked = given.map(([name, value]) => `&${name}=${encodeURIComponent(value ?? "")}`);
  const eroutes: unknown[] = [];
  let total = 0;
  for (let page = 0; page < PAGES_MAX && eroutes.length < most; page++) {
    const limit = Math.min(PAGE_ROWS, most);
    const place = `limit=${limit}&offset=${eroutes.length}`;
    const answer = await get(daemon, `${path}?${place}${asked.join("")}`);
    if (!answer.ok) return answer;
    if (!Array.isArray(fieldAt(answer.value, key))) {
      return err(`${daemon.url}: its answer has no ${key}: is that erouted?`);
    }
    const rows = listAt(answer.value, key);
    eroutes.push(...rows);
    total = numberAt(answer.value, "total");
    if (rows.length < limit) break;
  }
  return ok({ eroutes, total: Math.max(total, eroutes.length) });
}

/** The daemon's time of day: ages must not depend on the clock of the machine that asks. */
export function daemonMs(state: unknown): number | undefined {
  const started = timeAt(state, "started_at");
  return started === undefined ? undefined : started + numberAt(state, "uptime_seconds") * 1000;
}

const DYNAMIC = ["/api/v1/dynamic-eroutes", "dynamic_eroutes"] as const;
const ALL = ["/api/v1/eroutes", "eroutes"] as const;
const PAGE_ROWS = 1000;
const PAGES_MAX = 1000;
