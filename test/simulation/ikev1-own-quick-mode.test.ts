/** Quick Mode as initiator: our own rekeys, and Child SAs that traffic needs. */

import { expect, test } from "bun:test";
import { SUPERSEDED_MS } from "../../src/ike/limits.ts";
import { selectorText } from "../../src/ike/selector-text.ts";
import { NotifyType } from "../../src/wire/v1/notify-type.ts";
import { calledAndUp, calledWithChild, connect, effectsOf, reasonsOf } from "./ikev1-end.ts";
import { aboutIsakmp, find } from "./ikev1-payloads.ts";
import { selectorOf } from "./plan.ts";

/** Without liveness checks, and longer than all that is waited for. */
const QUIET = { vendors: [], lifetimeSeconds: 14_400 } as const;

test("a rekey of ours: the old Child SA sends until it is deleted", () => {
  const { caller, end } = calledWithChild(QUIET);
  const [old] = end.facts().children;
  end.feed({ kind: "rekey-child", spiIn: old?.spiIn ?? 0 });
  const granted = caller.grant(end.said());
  end.hear(granted.answer);
  expect(granted.isRight(end.said())).toBe(true);
  expect(end.installed.at(-1)).toMatchObject({ inboundOnly: true });
  expect(end.facts().children).toHaveLength(2);
  expect(reasonsOf(end).at(-1)).toBe("child-sa-rekeyed");
  const before = effectsOf(end, "child-outbound").length;
  end.advance(11_000);
  expect(effectsOf(end, "child-outbound")).toHaveLength(before + 1);
  expect(effectsOf(end, "child-down").map(({ why }) => why)).toEqual(["rekeyed"]);
  expect(find(caller.open(end.said()).payloads, "DELETE").spis).toHaveLength(1);
  expect(end.facts().children).toHaveLength(1);
});

test("a Child SA is rekeyed before its lifetime is over, with PFS if it had it", () => {
  const { caller, end } = calledAndUp(QUIET);
  connect({ caller, end }, { pfs: true });
  const until = end.now() + 1_800_000;
  while (end.sent.length === 0 && end.now() < until) end.advance(1_000);
  const granted = caller.grant(end.said());
  end.hear(granted.answer);
  expect(granted.isRight(end.said())).toBe(true);
  expect(end.facts().children.every(({ algorithms }) => algorithms.ke !== 0)).toBe(true);
});

test.each([40, 45, 50, 60, 90, 120, 300, 1_800])(
  "of %p seconds enough are left for the old Child SA to send until it is deleted",
  (seconds) => {
    const { caller, end } = calledAndUp(QUIET);
    const endsAt = end.now() + seconds * 1_000;
    connect({ caller, end }, { seconds });
    while (end.sent.length === 0 && end.now() < endsAt) end.advance(100);
    const granted = caller.grant(end.said());
    end.hear(granted.answer);
    expect(granted.isRight(end.said())).toBe(true);
    expect(endsAt - end.now()).toBeGreaterThan(SUPERSEDED_MS);
    end.advance(SUPERSEDED_MS);
    expect(find(caller.open(end.said()).payloads, "DELETE").spis).toHaveLength(1);
  },
);

test("our request is repeated, and so is our last message when the answer comes again", () => {
  const { caller, end } = calledWithChild(QUIET);
  end.feed({ kind: "rekey-child", spiIn: end.facts().children[0]?.spiIn ?? 0 });
  const asked = end.said();
  end.advance(3_000);
  expect(end.said()).toEqual(asked);
  const granted = caller.grant(asked);
  end.hear(granted.answer);
  const third = end.said();
  end.hear(granted.answer);
  expect(end.said()).toEqual(third);
  expect(end.installed).toHaveLength(2);
});

test("a site that refuses a rekey, or is silent, keeps its Child SA and is asked again", () => {
  const { caller, end } = calledWithChild(QUIET);
  end.feed({ kind: "rekey-child", spiIn: end.facts().children[0]?.spiIn ?? 0 });
  end.said();
  end.hear(caller.inform([aboutIsakmp(NotifyType.NO_PROPOSAL_CHOSEN, caller.cookies())]));
  expect(reasonsOf(end).at(-1)).toBe("temporary-failure");
  end.advance(20_000);
  expect(end.sent.length).toBeGreaterThan(0);
  end.advance(200_000);
  expect(end.facts().children).toHaveLength(1);
});

test("an answer that is not what was offered is refused", () => {
  const { caller, end } = calledWithChild(QUIET);
  end.feed({ kind: "rekey-child", spiIn: end.facts().children[0]?.spiIn ?? 0 });
  const { answer } = caller.grant(end.said());
  const forged = answer.slice();
  forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
  end.hear(forged);
  expect(end.installed).toHaveLength(1);
  end.hear(answer);
  expect(end.installed).toHaveLength(2);
});

test("traffic without a Child SA: one is requested for its selectors", () => {
  const { caller, end } = calledAndUp(QUIET);
  const [local, remote] = [selectorOf("10.0.0.0/16"), selectorOf("192.168.0.0/24")];
  end.feed({ kind: "new-child", local: [local], remote: [remote] });
  const granted = caller.grant(end.said());
  end.hear(granted.answer);
  expect(granted.isRight(end.said())).toBe(true);
  const [child] = end.facts().children;
  expect(child?.remote.map(selectorText)).toEqual(["192.168.0.0/24"]);
  expect(effectsOf(end, "child-outbound")).toHaveLength(1);
});

test("both ends rekey at once: only the newest Child SA is rekeyed again", () => {
  const { caller, end } = calledWithChild(QUIET);
  end.feed({ kind: "rekey-child", spiIn: end.facts().children[0]?.spiIn ?? 0 });
  const asked = end.said();
  connect({ caller, end });
  const granted = caller.grant(asked);
  end.hear(granted.answer);
  end.sent.splice(0);
  end.advance(60_000);
  const [older, newer] = end.facts().children;
  expect(end.facts().children).toHaveLength(2);
  end.sent.splice(0);
  end.feed({ kind: "rekey-child", spiIn: older?.spiIn ?? 0 });
  expect(end.sent).toEqual([]);
  end.feed({ kind: "rekey-child", spiIn: newer?.spiIn ?? 0 });
  expect(end.sent).toHaveLength(1);
});
