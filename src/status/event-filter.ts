/** Which events a request wants: `site`, and `level` with all that is graver. */

import type { Context } from "hono";
import type { JournalRecord } from "../concentrator/journal.ts";
import { peerKey } from "../eroute/peer-id.ts";
import { ok, type Result } from "../octets/result.ts";
import { oneOf, textOf } from "./query.ts";

export const EVENT_LEVELS = ["debug", "info", "warning", "error"] as const;

/** Whether a record is wanted; undefined wants all. The error says what is wrong. */
export function eventFilterOf(
  c: Context,
): Result<((record: JournalRecord) => boolean) | undefined, string> {
  const site = textOf(c, "site");
  if (!site.ok) return site;
  const level = oneOf(c, "level", EVENT_LEVELS);
  if (!level.ok) return level;
  if (site.value === undefined && level.value === undefined) return ok(undefined);
  const key = site.value === undefined ? undefined : peerKey(site.value);
  const wanted: readonly string[] = EVENT_LEVELS.slice(
    EVENT_LEVELS.indexOf(level.value ?? "debug"),
  );
  return ok(({ level: given, peerId }) => {
    if (!wanted.includes(given)) return false;
    return key === undefined || (peerId !== undefined && peerKey(peerId) === key);
  });
}
