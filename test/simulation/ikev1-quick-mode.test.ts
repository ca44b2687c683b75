/** Quick Mode as responder and as initiator. */

import { expect, test } from "bun:test";
import { selectorText } from "../../src/ike/selector-text.ts";
import { deriveQuickModeKeys } from "../../src/ike/v1/keys.ts";
import { err, ok } from "../../src/octets/result.ts";
import type { IdPayload } from "../../src/wire/v1/message.ts";
import { NotifyType } from "../../src/wire/v1/notify-type.ts";
import { calledAndUp, calledWithChild, connect, effectsOf, reasonsOf } from "./ikev1-end.ts";
import { find } from "./ikev1-payloads.ts";

test("Quick Mode: the kernel has the Child SA before the answer goes out", () => {
  const both = calledAndUp();
  const { caller, end } = both;
  const quick = caller.quick();
  end.hear(quick.octets);
  expect(end.installed).toHaveLength(1);
  const answer = caller.granted(quick, end.said());
  const sa = find(answer, "SA");
  expect(sa.proposals).toHaveLength(1);
  expect(sa.proposals[0]?.transforms).toHaveLength(1);
  expect(answer.filter(({ kind }) => kind === "ID")).toHaveLength(2);
  end.hear(caller.quickThird(quick));
  expect(effectsOf(end, "child-outbound")).toHaveLength(1);
  expect(reasonsOf(end).at(-1)).toBe("child-sa-up");
  const [child] = end.facts().children;
  expect(child?.remote.map(selectorText)).toEqual(["192.168.1.0/24"]);
  expect(child?.local.map(selectorText)).toEqual(["10.0.0.0/16"]);
  expect(child?.spiOut).toBe(quick.spi as NonNullable<typeof child>["spiOut"]);
});

test("both directions have the keys of RFC 2409 §5.5, with and without PFS", () => {
  for (const pfs of [false, true]) {
    const { caller, end } = calledAndUp();
    const { quick } = connect({ caller, end }, { pfs });
    const [up] = end.installed;
    const { sa } = end;
    if (up === undefined || sa === undefined || !("version" in sa) || !("keys" in sa)) throw sa;
    expect(up.child.algorithms.ke === 0).toBe(!pfs);
    if (pfs) continue;
    const isakmp = { prf: sa.phase === "established" ? sa.algorithms.prf : never() };
    const keys = deriveQuickModeKeys(
      { ...isakmp, SKEYID_d: sa.keys.SKEYID_d },
      up.child.algorithms,
      {
        ...{ Ni: quick.Ni, Nr: quick.Nr, sharedSecret: new Uint8Array(0) },
        ...{ spiI: quick.spi, spiR: up.child.spiIn },
      },
    );
    expect(up.keys.in).toEqual(keys.initiator);
    expect(up.keys.out).toEqual(keys.responder);
  }
});

test("R10: subnets outside the row are refused with INVALID-ID-INFORMATION and both sides", () => {
  const { caller, end } = calledAndUp();
  end.hear(caller.quick({ local: "192.168.0.0/16" }).octets);
  expect(end.installed).toEqual([]);
  const { payloads } = caller.open(end.said());
  expect(find(payloads, "NOTIFY").type).toBe(NotifyType.INVALID_ID_INFORMATION);
  const note = effectsOf(end, "note").at(-1)?.note;
  expect(note).toMatchObject({ reason: "ts-unacceptable", step: "Quick Mode" });
  expect(note?.offered).toEqual(["10.0.0.0/16 === 192.168.0.0/16"]);
  expect(note?.wanted).toEqual(["10.0.0.0/16 === 192.168.0.0/23"]);
  connect({ caller, end });
  expect(end.facts().children).toHaveLength(1);
});

test("0.0.0.0/0 is refused unless the row has it", () => {
  const { caller, end } = calledAndUp();
  end.hear(caller.quick({ remote: "0.0.0.0/0" }).octets);
  expect(reasonsOf(end).at(-1)).toBe("ts-unacceptable");
});

test("a range and a single host inside the row are granted as they are", () => {
  const { caller, end } = calledAndUp();
  const range: IdPayload = {
    kind: "ID",
    identity: { idType: 7, data: Uint8Array.of(192, 168, 1, 9, 192, 168, 1, 77) },
    ...{ protocol: 0, port: 0 },
  };
  const host: IdPayload = {
    kind: "ID",
    identity: { idType: 1, data: Uint8Array.of(10, 0, 3, 4) },
    ...{ protocol: 0, port: 0 },
  };
  connect({ caller, end }, { ids: [range, host] });
  const [child] = end.facts().children;
  expect(child?.remote.map(selectorText)).toEqual(["192.168.1.9-192.168.1.77"]);
  expect(child?.local.map(selectorText)).toEqual(["10.0.3.4/32"]);
});

test("without IDs the ends themselves are meant", () => {
  const { caller, end } = calledAndUp();
  end.hear(caller.quick({ ids: [] }).octets);
  expect(effectsOf(end, "note").at(-1)?.note.offered).toEqual(["192.0.2.2/32 === 192.0.2.1/32"]);
});

test("several Quick Modes at once, for several subnets", () => {
  const { caller, end } = calledAndUp();
  const one = caller.quick({ local: "192.168.0.0/24" });
  const two = caller.quick({ local: "192.168.1.0/24" });
  end.hear(one.octets);
  const first = end.said();
  end.hear(two.octets);
  const second = end.said();
  caller.granted(two, second);
  end.hear(caller.quickThird(two));
  caller.granted(one, first);
  end.hear(caller.quickThird(one));
  expect(end.facts().children).toHaveLength(2);
  expect(effectsOf(end, "child-outbound")).toHaveLength(2);
});

test("a repeat of the first message gets the same answer, and one Child SA", () => {
  const { caller, end } = calledAndUp();
  const quick = caller.quick();
  end.hear(quick.octets);
  const answer = end.said();
  end.hear(quick.octets);
  expect(end.said()).toEqual(answer);
  expect(end.installed).toHaveLength(1);
});

test("a lost third message: the answer is repeated until it comes", () => {
  const { caller, end } = calledAndUp();
  const quick = caller.quick();
  end.hear(quick.octets);
  const answer = end.said();
  end.advance(3_000);
  expect(end.said()).toEqual(answer);
  caller.granted(quick, answer);
  end.hear(caller.quickThird(quick));
  end.advance(20_000);
  expect(end.sent).toEqual([]);
  expect(end.facts().children).toHaveLength(1);
});

test("a third message that never comes: the Child SA is withdrawn", () => {
  const { caller, end } = calledAndUp({ vendors: [] });
  end.hear(caller.quick().octets);
  end.advance(100_000);
  expect(effectsOf(end, "child-down").map(({ why }) => why)).toEqual(["timeout"]);
  expect(end.facts().children).toEqual([]);
});

test("a repeated third message changes nothing", () => {
  const { caller, end } = calledAndUp();
  const quick = caller.quick();
  end.hear(quick.octets);
  caller.granted(quick, end.said());
  const third = caller.quickThird(quick);
  end.hear(third);
  end.hear(third);
  expect(effectsOf(end, "child-outbound")).toHaveLength(1);
  expect(end.facts().children).toHaveLength(1);
  expect(end.sent).toEqual([]);
});

test("a wrong HASH(1) or HASH(3) is dropped and counted", () => {
  const { caller, end } = calledAndUp();
  const quick = caller.quick();
  const forged = quick.octets.slice();
  forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
  end.hear(forged);
  expect(end.installed).toEqual([]);
  end.hear(quick.octets);
  caller.granted(quick, end.said());
  const third = caller.quickThird(quick);
  const wrong = third.slice();
  wrong[30] = (wrong[30] ?? 0) ^ 1;
  end.hear(wrong);
  expect(effectsOf(end, "child-outbound")).toEqual([]);
  end.hear(third);
  expect(effectsOf(end, "child-outbound")).toHaveLength(1);
  const counters = effectsOf(end, "count").map(({ counter }) => counter);
  expect(counters.filter((counter) => counter === "messages_bad_icv").length).toBeGreaterThan(0);
});

test("a fault of our kernel: no final word, and a repeat begins anew", () => {
  let isBroken = true;
  const refusal = { kind: "kernel", reason: "kernel-refused", detail: "EEXIST" } as const;
  const { caller, end } = calledAndUp(
    {},
    { install: () => (isBroken ? err(refusal) : { ok: true, value: undefined }) },
  );
  const quick = caller.quick();
  end.hear(quick.octets);
  expect(end.sent).toEqual([]);
  isBroken = false;
  end.hear(quick.octets);
  caller.granted(quick, end.said());
  end.hear(caller.quickThird(quick));
  expect(end.facts().children).toHaveLength(1);
});

test("a longer lifetime than ours is answered with RESPONDER-LIFETIME", () => {
  const { caller, end } = calledAndUp();
  const { answer } = connect({ caller, end }, { seconds: 28_800 });
  const notify = find(answer, "NOTIFY");
  expect(notify.type).toBe(NotifyType.RESPONDER_LIFETIME);
  // Life type seconds, 3600.
  expect([...notify.data]).toEqual([0x80, 1, 0, 1, 0x80, 2, 0x0e, 0x10]);
  const [child] = end.facts().children;
  expect(child?.rekeyAt).toBeLessThanOrEqual(end.now() + 3_600_000);
});

test("lifetimes in kilobytes are accepted", () => {
  const { caller, end } = calledAndUp();
  connect({ caller, end }, { kilobytes: 32_768 });
  expect(end.facts().children).toHaveLength(1);
});

test("more Child SAs than child_sas_max are refused", () => {
  const { caller, end } = calledAndUp();
  for (const local of ["192.168.0.0/26", "192.168.0.64/26", "192.168.0.128/26", "192.168.1.0/26"]) {
    connect({ caller, end }, { local });
  }
  end.hear(caller.quick({ local: "192.168.1.64/26" }).octets);
  expect(reasonsOf(end).at(-1)).toBe("no-additional-sas");
  expect(end.facts().children).toHaveLength(4);
});

test("a rekey by the peer: the old Child SA goes after a while, or with the peer's Delete", () => {
  const { caller, end } = calledWithChild({ vendors: [] });
  const [old] = end.facts().children;
  const before = effectsOf(end, "child-outbound").length;
  const quick = caller.quick();
  end.hear(quick.octets);
  expect(end.installed.at(-1)?.inboundOnly).toBe(true);
  caller.granted(quick, end.said());
  expect(effectsOf(end, "child-outbound")).toHaveLength(before);
  end.hear(caller.quickThird(quick));
  expect(effectsOf(end, "child-outbound")).toHaveLength(before + 1);
  expect(reasonsOf(end).at(-1)).toBe("child-sa-rekeyed");
  expect(end.facts().children).toHaveLength(2);
  end.advance(9_000);
  expect(effectsOf(end, "child-down")).toEqual([]);
  end.sent.splice(0);
  end.advance(2_000);
  expect(effectsOf(end, "child-down").map(({ spiIn }) => spiIn)).toEqual([old?.spiIn as never]);
  const { payloads } = caller.open(end.said());
  expect(find(payloads, "DELETE").spis).toHaveLength(1);
});

test("rekeys in quick succession: never more than two Child SAs, whatever the limit", () => {
  const { caller, end } = calledWithChild(
    { vendors: [] },
    { credentials: (own) => ok({ ...own, policy: { ...own.policy, childSasMax: 1 } }) },
  );
  for (let rekeys = 0; rekeys < 100; rekeys++) {
    const quick = caller.quick();
    end.hear(quick.octets);
    const answer = end.sent.splice(0).at(-1);
    caller.granted(quick, answer?.octets ?? new Uint8Array(0));
    end.hear(caller.quickThird(quick));
    expect(end.facts().children).toHaveLength(2);
    end.advance(500);
  }
  end.advance(11_000);
  expect(end.facts().children).toHaveLength(1);
});

test("a hundred rekeys leave one Child SA", () => {
  const { caller, end } = calledWithChild({ vendors: [], lifetimeSeconds: 14_400 });
  for (let rekeys = 0; rekeys < 100; rekeys++) {
    connect({ caller, end });
    end.advance(40_000);
    end.sent.splice(0);
  }
  expect(end.facts().children).toHaveLength(1);
  expect(effectsOf(end, "child-down")).toHaveLength(100);
});

function never(): never {
  throw new Error("it is gone");
}
