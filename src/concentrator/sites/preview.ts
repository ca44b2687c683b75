/** What a new configuration would close, found out without changing anything. */

import type { EroutePlan } from "../../eroute/eroute.ts";
import { evictionCount } from "../../eroute/evict.ts";
import type { Address } from "../../inet/address.ts";
import type { Engine } from "../engine.ts";
import { createLooks } from "../resting.ts";
import { localAddressesOf } from "./addresses.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";
import { eroutesInUse } from "./eroutes.ts";
import { versionsOf } from "./ike-sas.ts";
import { excessOf } from "./redirect.ts";
import type { RowsAhead } from "./row-preview.ts";
import { type Comparison, compare, verdictOn } from "./verdict.ts";

export type ConfigurationPreview = {
  /** Sites that are connected now. */
  readonly connected: number;
  /** How many of them would be closed, by reason. */
  readonly closes: ReadonlyMap<string, number>;
  /** How many more may be closed by their rows, which could not be read before. */
  readonly unread: number;
};

export type PreviewOptions = {
  readonly isListened: (local: Address) => boolean;
  /** Left out: all rows stay what they are. */
  readonly rows?: RowsAhead;
};

/** Found out step by step, so that other work gets its turn in between. */
export type PreviewSteps = Generator<undefined, ConfigurationPreview>;

/** Sites of one step: some milliseconds' worth. */
const SITES_PER_STEP = 100;

/**
 * Walks all sites once, as taking the configuration over does. Sites that come meanwhile count,
 * too.
 */
export function* previewOf(
  engine: Engine,
  plan: EroutePlan,
  { isListened, rows }: PreviewOptions,
): PreviewSteps {
  const comparison = compare(engine.plan, plan);
  const closes = new Map<string, number>();
  let connected = 0;
  let staying = 0;
  let unread = 0;
  const looks = createLooks(engine);
  let left = SITES_PER_STEP;
  for (const eroute of eroutesInUse(engine)) {
    left -= looks();
    if (left <= 0) {
      yield;
      left = SITES_PER_STEP;
    }
    if (eroute.proof === undefined) continue;
    connected++;
    const next = { comparison, isListened };
    const why = whyClosed(engine, eroute, next) ?? rows?.read.get(eroute.key);
    if (why !== undefined) {
      closes.set(why, (closes.get(why) ?? 0) + 1);
      continue;
    }
    if (isUnread(eroute, rows)) unread++;
    if (eroute.kind === "dynamic") staying++;
  }
  const { dynamicEroutesMax: max, evictBelowFreePercent } = plan.limits;
  // Sites that would be evicted anyway are not counted.
  const evicted = evictionCount(max, staying, evictBelowFreePercent) - excessOf(engine);
  if (evicted > 0) closes.set("dynamic_eroutes leaves no place for them", evicted);
  return { connected, closes, unread };
}

/** Its row was to be read, and was not: the site came in the meantime, or the database failed. */
function isUnread({ base, key }: ErouteInUse, rows: RowsAhead | undefined): boolean {
  if (rows === undefined || base.kind !== "base") return false;
  return rows.egroups.has(base.egroup) && !rows.read.has(key);
}

type Next = {
  readonly comparison: Comparison;
  readonly isListened: (local: Address) => boolean;
};

function whyClosed(
  engine: Engine,
  eroute: ErouteInUse,
  { comparison, isListened }: Next,
): string | undefined {
  const verdict = verdictOn(eroute, comparison, versionsOf(engine, eroute));
  if (verdict.kind === "close") return verdict.of;
  const usesGone = localAddressesOf(engine, eroute).some((address) => !isListened(address));
  return usesGone ? "ike.listen lacks their local address" : undefined;
}
