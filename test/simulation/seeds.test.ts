/** Worlds by seed: `SEED=7` replays one, `SEEDS=10000` lives through more. */

import { expect, test } from "bun:test";
import type { Effect } from "../../src/concentrator/effect.ts";
import { COUNTER_NAMES, type CounterName } from "../../src/concentrator/snapshot.ts";
import { live } from "./life.ts";
import { reportOf } from "./report.ts";
import type { Planted } from "./world.ts";

const SEEDS = Number(process.env.SEEDS ?? 1_200);
const ONLY = process.env.SEED;

const TIMEOUT_MS = 600_000;

/** Worlds in which a planted fault must be found. */
const PLANTED_SEEDS = 40;

/** Counters that no world raises: floods, faults of ours, calls to sites, and too many subnets. */
const NEVER_COUNTED: readonly CounterName[] = [
  "datagrams_rate_limited",
  "datagrams_lost",
  "ikev1_calls",
  "ikev1_calls_limited",
  "messages_too_long",
  "signatures_refused",
  "ike_sas_with_ppk",
  "ike_sas_with_downgrade_prevention",
  "ikev1_sas_legacy",
  "ike_sas_over_limit",
  "rekey_collisions",
  "fragments_received",
  "fragments_refused",
  "calls_started",
  "acquires",
  "child_sas_over_limit",
  "child_sas_refused_full",
  "child_sas_narrowed_by_limit",
  "lost_answers",
  "overlaps_replaced",
  "overlaps_allowed",
  "redirects_followed",
  "states_removed_by_others",
  "policies_removed_by_others",
  "routes_removed_by_others",
  "policies_taken_by_others",
  "internal_errors",
];

test(
  "R1 R2 R3 R4 R5 R6 R7: in every world kernel, engine and sites agree",
  () => {
    const first = ONLY === undefined ? 1 : Number(ONLY);
    const last = ONLY === undefined ? SEEDS : first;
    const sums = new Map<CounterName, number>();
    for (let seed = first; seed <= last; seed++) {
      const world = live(seed);
      if (world.complaints.length > 0 || ONLY !== undefined) console.error(reportOf(world));
      expect(world.complaints).toEqual([]);
      const { counters } = world.concentrator.snapshot();
      for (const name of COUNTER_NAMES) sums.set(name, (sums.get(name) ?? 0) + counters[name]);
    }
    // A simulation in which nothing happens finds nothing.
    if (last - first < 500) return;
    const missed = COUNTER_NAMES.filter((name) => sums.get(name) === 0);
    expect(missed).toEqual([...NEVER_COUNTED]);
  },
  TIMEOUT_MS,
);

test("the same seed gives the same run, to the last line of its log", () => {
  expect(reportOf(live(42))).toBe(reportOf(live(42)));
  expect(reportOf(live(42))).not.toBe(reportOf(live(43)));
});

test("planted: a kernel that loses the deletion of a state is found", () => {
  let deletions = 0;
  const kernel: Planted["kernel"] = (request) =>
    request.op === "delete-state" && ++deletions === 3 ? "lost" : undefined;
  expect(firstComplaint({ kernel })).toMatch(/belongs to no Child SA/);
});

test("planted: a kernel that loses a policy is found", () => {
  let policies = 0;
  const kernel: Planted["kernel"] = (request) =>
    request.op === "put-policy" && ++policies === 3 ? "lost" : undefined;
  expect(firstComplaint({ kernel })).toMatch(/policy .* is missing/);
});

test("planted: outbound states before inbound ones are found", () => {
  const effects = (list: readonly Effect[]) => {
    const at = list.findIndex((effect) => isKernel(effect, "new-state"));
    const [first, second] = list.slice(at, at + 2);
    if (at < 0 || first === undefined || second === undefined) return list;
    if (!isKernel(second, "new-state")) return list;
    return [...list.slice(0, at), second, first, ...list.slice(at + 2)];
  };
  expect(firstComplaint({ effects })).toMatch(/outbound state before its inbound state/);
});

test("planted: states removed before their policies are found", () => {
  const effects = (list: readonly Effect[]) => {
    const policies = list.filter((effect) => isKernel(effect, "delete-policy"));
    return [...list.filter((effect) => !policies.includes(effect)), ...policies];
  };
  expect(firstComplaint({ effects })).toMatch(/a state removed before its policies/);
});

test("planted: a site that is told before the kernel is found", () => {
  const effects = (list: readonly Effect[]) =>
    list.filter((effect) => !isKernel(effect, "new-state"));
  expect(firstComplaint({ effects })).not.toBe("");
});

function isKernel(effect: Effect, op: string): boolean {
  return effect.kind === "kernel" && effect.op.op === op;
}

/** The complaint of the first world that notices; empty if none does. */
function firstComplaint(planted: Planted): string {
  for (let seed = 1; seed <= PLANTED_SEEDS; seed++) {
    const [complaint] = live(seed, planted).complaints;
    if (complaint !== undefined) return complaint;
  }
  return "";
}
