/** The peer deletes a Child SA that it has granted, before it is up here (RFC 7296 §1.4.1). */

import { expect, test } from "bun:test";
import type { Event } from "../../../src/concentrator/event.ts";
import type { ChildSaView } from "../../../src/concentrator/snapshot.ts";
import { Ke } from "../../../src/crypto/transform.ts";
import { ExchangeType } from "../../../src/wire/v2/exchange-type.ts";
import { ESP_SUITE } from "../plan.ts";
import type { End } from "./end.ts";
import { judgeEmpty, judgeSettled } from "./judge.ts";
import { FINE, layPair, type Pair } from "./pair.ts";

/** What end a is doing when the Delete arrives. */
const STAGES = ["awaits the answer", "computes the shared secret", "installs it"] as const;
type Stage = (typeof STAGES)[number];
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

for (const stage of STAGES) {
  test(`a Child SA that the peer deletes while this end ${stage} is not used`, () => {
    for (const isNew of [false, true]) {
      for (const seed of SEEDS) {
        const { pair, release } = answeredByB({ seed, isNew, stage });
        const granted = childrenAt(pair.b).at(-1);
        expireChild(pair, pair.b, granted?.spiIn);
        pair.runUntil(pair.now() + 100);
        release();
        pair.runUntil(pair.now() + 5_000);
        const at = `${isNew} ${seed}`;
        const left = childrenAt(pair.a).filter(({ spiOut }) => spiOut === granted?.spiIn);
        expect([at, left]).toEqual([at, []]);
        expect([at, pair.reasons.get("temporary-failure")]).toEqual([at, 1]);
        // The old one is rekeyed again after a while; a new one comes when it is wanted.
        if (isNew) pair.feed(pair.b, { kind: "connect", peerId: pair.b.peerId });
        pair.runUntil(pair.now() + 200_000);
        expect([at, judgeSettled(pair)]).toEqual([at, []]);
        if (!isNew) expect([at, rekeys(pair.a)]).toEqual([at, 1]);
        expectEmptyAfterAll(pair);
      }
    }
  });
}

test("the same while this end goes on in another process", () => {
  for (const seed of SEEDS) {
    const { pair, release } = answeredByB({
      ...{ seed, isNew: false, successionShare: 0.3 },
      stage: "computes the shared secret",
    });
    expireChild(pair, pair.b, childrenAt(pair.b).at(-1)?.spiIn);
    pair.runUntil(pair.now() + 100);
    release();
    pair.runUntil(pair.now() + 200_000);
    expect([seed, judgeSettled(pair)]).toEqual([seed, []]);
    expectEmptyAfterAll(pair);
  }
});

/** The Response flag of the header (RFC 7296 §3.1); no higher one is used. */
const RESPONSE = 0x20;

type How = {
  readonly seed: number;
  /** A new Child SA; otherwise a rekey. */
  readonly isNew: boolean;
  readonly stage: Stage;
  readonly successionShare?: number;
};

/** End a has asked for a Child SA; end b has made it and answered; end a stays at this stage. */
function answeredByB({ seed, isNew, stage, successionShare = 0 }: How) {
  let isHolding = false;
  let losesAnswers = 0;
  const held: Event[] = [];
  const esp = [{ ...ESP_SUITE, ke: [Ke.X25519] }];
  const heldKind = stage === "installs it" ? "kernel-answer" : "key-exchange-answer";
  const settings = {
    ...{ seed, weather: FINE, successionShare: 0 },
    plan: (_: "a" | "b", plan: Pair["plans"]["a"]) => ({
      ...plan,
      eroutes: plan.eroutes.map((eroute) => ({ ...eroute, esp })),
    }),
    losesAnswer: (end: "a" | "b", answer: Event) => {
      if (!isHolding || end !== "a" || answer.kind !== heldKind) return false;
      held.push(answer);
      return true;
    },
    // The Delete arrives first; then the answer, because the request is repeated.
    loses: (octets: Uint8Array) => {
      const isAnswer = octets[18] === ExchangeType.CREATE_CHILD_SA && (octets[19] ?? 0) >= RESPONSE;
      return isAnswer && stage === STAGES[0] && losesAnswers-- > 0;
    },
  };
  const pair = layPair(settings);
  pair.feed(pair.a, { kind: "connect", peerId: pair.a.peerId });
  pair.runUntil(pair.now() + 20_000);
  expect(judgeSettled(pair)).toEqual([]);
  const [old] = childrenAt(pair.b);
  losesAnswers = 1;
  if (isNew) {
    expireChild(pair, pair.b, old?.spiIn);
    pair.runUntil(pair.now() + 1_000);
    pair.feed(pair.a, { kind: "connect", peerId: pair.a.peerId });
  } else {
    pair.feed(pair.a, { kind: "rekey", peerId: pair.a.peerId, of: "children" });
  }
  Object.assign(settings, { successionShare });
  const isMade = () => childrenAt(pair.b).some(({ spiIn }) => spiIn !== old?.spiIn);
  const until = pair.now() + 1_000;
  while (!isMade() && pair.now() < until) pair.runUntil(pair.now() + 1);
  expect(isMade()).toBe(true);
  if (stage !== "awaits the answer") {
    isHolding = true;
    pair.runUntil(pair.now() + 25);
    expect(held.length).toBeGreaterThan(0);
  }
  const release = () => {
    isHolding = false;
    for (const answer of held) pair.feed(pair.a, answer);
  };
  return { pair, release };
}

function childrenAt({ concentrator }: End): readonly ChildSaView[] {
  return concentrator
    .snapshot()
    .eroutes(0, 10)
    .flatMap(({ childSas }) => childSas);
}

function rekeys({ concentrator }: End): number {
  return concentrator.snapshot().counters.child_sas_rekeyed;
}

/** The kernel of this end removes the Child SA. */
function expireChild(pair: Pair, end: End, spiIn: number | undefined): void {
  const model = [...end.kernel.states.values()].find(({ state }) => state.id.spi === spiIn);
  const expire = model === undefined ? undefined : end.kernel.expire(model);
  expect(expire).toBeDefined();
  if (expire !== undefined) pair.feed(end, { kind: "expire", expire });
}

function expectEmptyAfterAll(pair: Pair): void {
  pair.feed(pair.a, { kind: "shutdown" });
  pair.feed(pair.b, { kind: "shutdown" });
  pair.runUntil(pair.now() + 60_000);
  expect(judgeEmpty(pair)).toEqual([]);
}
