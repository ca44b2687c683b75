/** Answers that the shell loses: a bug of ours, which must not keep a site down for ever (R6). */

import { expect, test } from "bun:test";
import type { Event } from "../../../src/concentrator/event.ts";
import { UNWATCHED } from "../../../src/concentrator/requests.ts";
import { Ke } from "../../../src/crypto/transform.ts";
import { DEFAULT_CHILD, DEFAULT_LIFE } from "../../../src/eroute/defaults.ts";
import type { NormalEroute } from "../../../src/eroute/eroute.ts";
import { ESP_SUITE } from "../plan.ts";
import { toyAuth } from "../toy-signature.ts";
import { judgeSettled } from "./judge.ts";
import { FINE, layPair, type Pair, type PairSettings } from "./pair.ts";

/** A call, and rekeys of both kinds, each with a key exchange of its own, fall into this time. */
const LIFETIME_S = 400;
const LIVED_MS = 600_000;

/** More answers of one kind than either end gets in that time. */
const ANSWERS_MAX = 60;

type Kind = Event["kind"];

/** End a calls end b again and again. One answer of this kind is lost at `end`, or none is left. */
function live(end: "a" | "b", kind: Kind, lost: number): Pair & { readonly hasLost: boolean } {
  let answers = 0;
  const settings: PairSettings = {
    ...{ seed: 1, weather: FINE },
    losesAnswer: (at, answer) =>
      at === end && answer.kind === kind && isAwaited(answer) && answers++ === lost,
    ...(kind === "signature-answer" ? { auth: (at) => toyAuth(`end-${at}`, "certificate") } : {}),
    plan: (at, plan) => ({
      ...plan,
      eroutes: plan.eroutes.map(
        (eroute) =>
          ({
            ...eroute,
            life: {
              ...{ ...DEFAULT_LIFE, ikeLifetimeMs: LIFETIME_S * 1_000 },
              start: at === "a" ? "always" : "never",
            },
            child: { ...DEFAULT_CHILD, lifetimeSeconds: LIFETIME_S },
            esp: [{ ...ESP_SUITE, ke: [Ke.X25519] }],
          }) as NormalEroute,
      ),
    }),
  };
  const pair = layPair(settings);
  pair.runUntil(LIVED_MS);
  // Without packets no end notices that a Child SA has ended meanwhile.
  pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
  pair.runUntil(LIVED_MS + 60_000);
  return { ...pair, hasLost: answers > lost };
}

/** Removals are requested from the kernel under a number that nothing waits for. */
function isAwaited(answer: Event): boolean {
  return answer.kind !== "kernel-answer" || answer.request !== UNWATCHED;
}

const KINDS = ["key-exchange-answer", "signature-answer", "kernel-answer", "resolved"] as const;

for (const kind of KINDS) {
  test(`R6: whichever ${kind} is lost, at either end, the site is up again by itself`, () => {
    for (const end of ["a", "b"] as const) {
      let lost = 0;
      for (; lost < ANSWERS_MAX; lost++) {
        const pair = live(end, kind, lost);
        if (!pair.hasLost) break;
        const { lost_answers: counted } = pair[end].concentrator.snapshot().counters;
        const judged = { lost, complaints: judgeSettled(pair), counted };
        expect(judged).toEqual({ lost, complaints: [], counted: 1 });
      }
      if (kind !== "resolved" || end === "a") expect(lost).toBeGreaterThan(0);
      expect(lost).toBeLessThan(ANSWERS_MAX);
    }
  });
}
