/** Who is protected against a downgrade: shown for each IKE SA, and counted. */

import { expect, test } from "bun:test";
import type { End } from "./end.ts";
import { judgeSettled } from "./judge.ts";
import { FINE, layPair, type Pair } from "./pair.ts";

const WHO = [
  { a: true, b: true },
  { a: true, b: false },
  { a: false, b: true },
] as const;

test("X-12: both ends show whether their proofs cover both messages, also after a rekey", () => {
  for (const has of WHO) {
    for (const caller of ["a", "b"] as const) {
      const pair = layPair({
        ...{ seed: 1, weather: FINE, successionShare: 0 },
        plan: (end, plan) => ({ ...plan, fullTranscriptAuth: has[end] }),
      });
      pair.feed(pair[caller], { kind: "connect", peerId: pair[caller].peerId });
      pair.runUntil(pair.now() + 20_000);
      expect(judgeSettled(pair)).toEqual([]);
      const wanted = has.a && has.b;
      expect(shown(pair)).toEqual([[wanted], [wanted]]);
      expect(counted(pair)).toEqual(wanted ? [1, 1] : [0, 0]);
      pair.feed(pair.a, { kind: "rekey", peerId: pair.a.peerId, of: "ike" });
      pair.runUntil(pair.now() + 60_000);
      for (const end of [pair.a, pair.b]) reread(pair, end);
      expect(shown(pair)).toEqual([[wanted], [wanted]]);
    }
  }
});

function shown({ a, b }: Pair): readonly boolean[][] {
  return [a, b].map(({ concentrator }) =>
    concentrator
      .snapshot()
      .eroutes(0, 10)
      .flatMap(({ ikeSas }) => ikeSas.map(({ downgradePrevention }) => downgradePrevention)),
  );
}

function counted({ a, b }: Pair): readonly number[] {
  const of = ({ concentrator }: End) => concentrator.snapshot().counters;
  return [a, b].map((end) => of(end).ike_sas_with_downgrade_prevention);
}

/** Another process goes on with what this one has written. */
function reread(pair: Pair, { concentrator }: End): void {
  const anchor = { now: pair.now(), wallMs: 1_800_000_000_000 };
  concentrator.reread({ anchor, generation: 2 });
}
