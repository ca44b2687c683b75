/** The limit of Child SAs: a replacement does not count as a further one (RFC 7296 §1.3, §2.8). */

import { expect, test } from "bun:test";
import { DEFAULT_LIFE } from "../../src/eroute/defaults.ts";
import { hasRoomFor } from "../../src/ike/child-count.ts";
import { NotifyType } from "../../src/wire/v2/notify-type.ts";
import { type Caller, putRow, seat, settingsOf } from "./caller.ts";
import { connectedEnds, type Ends, established, type IkeEnd } from "./ends.ts";
import { selectorOf } from "./plan.ts";
import { siteChildren } from "./site-child.ts";
import { layTable } from "./table.ts";

test("a site at its limit rekeys every one of its Child SAs, and gets no more", () => {
  const max = DEFAULT_LIFE.childSasMax;
  const table = layTable();
  putRow(table, 1);
  const caller = seat(table, settingsOf(1));
  caller.connect();
  for (let i = 0; i < max + 3; i++) {
    caller.ask({ kind: "new-child" });
    caller.settle();
  }
  const before = spisOf(caller);
  expect(before.length).toBe(max);
  expect(refusals(caller)).toEqual(new Array(3).fill(NotifyType.NO_ADDITIONAL_SAS));
  for (const spiIn of before) caller.ask({ kind: "rekey-child", spiIn });
  caller.settle();
  expect(refusals(caller).length).toBe(3);
  const after = spisOf(caller);
  expect(after.length).toBe(max);
  expect(after.filter((spi) => before.includes(spi))).toEqual([]);
  expect(table.concentrator.snapshot().counters.child_sas_refused_full).toBe(3);
});

test("a site that replaces and never deletes has twice its limit at most", () => {
  const table = layTable();
  putRow(table, 1);
  const caller = seat(table, settingsOf(1, { deletesReplaced: false }));
  caller.connect();
  caller.settle();
  for (let i = 0; i < 4 * DEFAULT_LIFE.childSasMax; i++) {
    caller.ask({ kind: "rekey-child", spiIn: spisOf(caller).at(-1) ?? 0 });
    caller.settle();
  }
  const { childSas } = table.concentrator.snapshot().gauges;
  expect(childSas).toBeLessThanOrEqual(2 * DEFAULT_LIFE.childSasMax);
  expect(refusals(caller)).toContain(NotifyType.NO_ADDITIONAL_SAS);
});

for (const who of ["a", "b"] as const) {
  test(`both ends at their limit: end ${who} rekeys all Child SAs`, () => {
    const ends = atLimit(4);
    const spis = (end: IkeEnd) => established(end).children.map(({ spiIn }) => spiIn);
    const before = spis(ends[who]);
    expect(before.length).toBe(4);
    for (const spiIn of before) ends.feed(ends[who], { kind: "rekey-child", spiIn });
    ends.run();
    ends.advance(60_000);
    expect(spis(ends[who]).length).toBe(4);
    expect(spis(ends[who]).filter((spi) => before.includes(spi))).toEqual([]);
  });
}

test("a second replacement of the same Child SA counts, the first one does not", () => {
  const [child, ...more] = established(atLimit(2).a).children;
  if (child === undefined) throw new Error("it has two");
  const policy = { ...established(connectedEnds().a).policy, childSasMax: 2 };
  const heir = { ...child, spiIn: (child.spiIn + 1) as typeof child.spiIn, replaces: child.spiIn };
  expect(hasRoomFor({ children: [child, ...more], policy }, undefined)).toBe(false);
  expect(hasRoomFor({ children: [child, ...more], policy }, child)).toBe(true);
  expect(hasRoomFor({ children: [child, heir, ...more], policy }, child)).toBe(false);
  expect(hasRoomFor({ children: [child, heir], policy }, child)).toBe(true);
  expect(hasRoomFor({ children: [child, heir], policy }, undefined)).toBe(true);
});

/** Two ends with the most Child SAs that are allowed, each for a subnet of its own. */
function atLimit(childSasMax: number): Ends {
  const ends = connectedEnds({
    credentials: (_, own) => ({ ...own, policy: { ...own.policy, childSasMax } }),
  });
  const spiIn = established(ends.a).children[0]?.spiIn ?? 0;
  ends.feed(ends.a, { kind: "close-child", spiIn });
  ends.run();
  const remote = [selectorOf("10.0.1.0/24")];
  for (let i = 0; i < childSasMax; i++) {
    const local = [selectorOf(`10.0.0.${i * 16}/28`)];
    ends.feed(ends.a, { kind: "new-child", local, remote });
    ends.run();
  }
  return ends;
}

function spisOf(caller: Caller): readonly number[] {
  return siteChildren(caller.site).map(({ spiIn }) => spiIn);
}

function refusals(caller: Caller): readonly number[] {
  return caller.heard.flatMap((heard) => (heard.kind === "refused" ? [heard.notify] : []));
}
