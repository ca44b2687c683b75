/**
 * Sites with many subnets: those without room are reported, and one site cannot fill the kernel.
 */

import { expect, test } from "bun:test";
import { grantedSelectors } from "../../src/ike/v2/granted-child.ts";
import { notify } from "../../src/ike/v2/notify.ts";
import { parseAddress } from "../../src/inet/address.ts";
import { SITE_PAIRS_MAX, SUBNET_PAIRS_MAX } from "../../src/inet/subnet-pairs.ts";
import { asInstant } from "../../src/octets/instant.ts";
import { explain } from "../../src/why/explain.ts";
import type { TrafficSelector } from "../../src/wire/traffic-selector.ts";
import { ExchangeType } from "../../src/wire/v2/exchange-type.ts";
import type { Payload } from "../../src/wire/v2/message.ts";
import { NotifyType } from "../../src/wire/v2/notify-type.ts";
import { putRow, seat, settingsOf } from "./caller.ts";
import { BASE_EROUTE, planOf, selectorOf } from "./plan.ts";
import { layTable, type Table } from "./table.ts";

test("subnets without room are left out, counted, and named in the journal", () => {
  const { table } = connected({ tsI: hosts("192.168.1", 40), tsR: hosts("10.0.0", 40) });
  expect(table.kernel.policies.size).toBe(3 * SUBNET_PAIRS_MAX);
  expect(table.concentrator.snapshot().counters.child_sas_narrowed_by_limit).toBe(1);
  const told = table.journal.filter(({ reason }) => reason === "subnets-left-out");
  expect(told).toMatchObject([{ level: "warning", step: "IKE_AUTH", outcome: "refused" }]);
  expect(told[0]?.detail).toContain("10.0.0.16/32, 10.0.0.17/32");
  expect(told[0]?.detail).toContain("and 16 more of the site");
});

test("a site that gets all it asks for causes no such entry", () => {
  const { table } = connected({ tsI: hosts("192.168.1", 12), tsR: hosts("10.0.0", 12) });
  expect(table.kernel.policies.size).toBe(3 * 144);
  expect(table.concentrator.snapshot().counters.child_sas_narrowed_by_limit).toBe(0);
  expect(table.journal.map(({ reason }) => reason)).not.toContain("subnets-left-out");
});

test("all Child SAs of a site together have only so many pairs of subnets", () => {
  const { table, caller } = connected({ tsI: hosts("192.168.1", 16), tsR: hosts("10.0.0", 16) });
  const more = (number: number) => {
    const { site } = caller;
    site.settings = { ...site.settings, tsI: hosts("192.168.1", 16, 16 * number) };
    caller.ask({ kind: "new-child" });
    caller.settle();
  };
  more(1);
  expect(table.kernel.policies.size).toBe(3 * SITE_PAIRS_MAX);
  more(2);
  expect(table.kernel.policies.size).toBe(3 * SITE_PAIRS_MAX);
  expect(caller.heard.at(-1)).toMatchObject({ notify: NotifyType.NO_ADDITIONAL_SAS });
  expect(table.journal.at(-1)?.reason).toBe("no-additional-pairs");
});

test("a rekey takes the place of what it replaces, and equal Child SAs count once", () => {
  const { table, caller } = connected({ tsI: hosts("192.168.1", 16), tsR: hosts("10.0.0", 16) });
  for (let i = 0; i < 3; i++) {
    const spiIn = caller.session().children.at(-1)?.spiIn ?? 0;
    caller.ask({ kind: "rekey-child", spiIn });
    caller.settle();
  }
  expect(table.journal.filter(({ outcome }) => outcome === "refused")).toEqual([]);
  expect(table.kernel.policies.size).toBe(3 * SUBNET_PAIRS_MAX);
});

test("Deletes that name a Child SA again and again are answered once", () => {
  const { caller } = connected({});
  const spis = caller.session().children.map(({ spiIn }) => spiIn);
  const payloads = new Array<Payload>(100).fill({ kind: "DELETE", protocol: 3, spis });
  caller.ask({ kind: "say", exchangeType: ExchangeType.INFORMATIONAL, payloads });
  caller.settle();
  const answer = caller.heard.at(-1);
  const deleted = answer?.kind === "answer" ? answer.payloads : [];
  expect(deleted.flatMap((one) => (one.kind === "DELETE" ? one.spis : []))).toHaveLength(1);
});

test("an answer to a call may grant only a part of what was requested", () => {
  const asked = { local: [selectorOf("10.0.0.0/16")], remote: [selectorOf("192.168.0.0/16")] };
  const judge = (remote: readonly TrafficSelector[]) => {
    const payloads: readonly Payload[] = [
      { kind: "TSi", selectors: asked.local, unknown: 0 },
      { kind: "TSr", selectors: remote, unknown: 0 },
      notify(NotifyType.USE_TRANSPORT_MODE),
    ];
    return grantedSelectors({ ...asked, mode: "tunnel" }, payloads, { nat: "none", exchange: "" });
  };
  const range = rangeOf("192.168.0.1", "192.168.255.254");
  expect(judge([range])).toMatchObject({ ok: true, value: { remote: [range] } });
  expect(judge(hosts("192.168.0", 64)).ok).toBe(true);
  const cut = judge(hosts("192.168.0", 65));
  expect(cut).toMatchObject({ ok: false, error: { kind: "too-many-selectors" } });
  const wider = judge([selectorOf("192.168.0.0/15")]);
  expect(wider).toMatchObject({ ok: false, error: { kind: "malformed" } });
});

test("`why` says which subnets of a connected site have no room", () => {
  const { table } = connected({ tsI: hosts("192.168.1", 40), tsR: hosts("10.0.0", 40) });
  const told = table.journal.find(({ reason }) => reason === "subnets-left-out");
  if (told === undefined) throw new Error("it is told");
  const record = { ...told, sequence: 1, wallMs: 1_000 };
  const explanation = explain({
    ...{ asked: "site-1", now: asInstant(table.now()), nowWallMs: 1_000, isRunning: true },
    match: { kind: "eroute", eroute: "fleet", pattern: "site-*", egroup: "sites", canCall: false },
    ...{ row: { kind: "none" }, traffic: new Map(), call: undefined, similar: undefined },
    eroutes: table.concentrator.snapshot().site("site-1"),
    attempts: [{ outcome: "refused", times: 1, firstWallMs: 1_000, record }],
    ...{ peersThere: [], strangers: [], listening: [], overlaps: [] },
    ...{ tableIsFull: false, redirectedTo: undefined, removals: [] },
  });
  expect(explanation.state).toBe("connected");
  expect(explanation.findings.map(({ detail }) => detail).join()).toContain("10.0.0.16/32");
});

function connected(changes: Parameters<typeof settingsOf>[1]) {
  const table: Table = layTable({ plan: planOf({}, { eroutes: [BASE_EROUTE] }) });
  putRow(table, 1);
  const caller = seat(table, settingsOf(1, changes));
  caller.connect();
  caller.settle();
  return { table, caller };
}

function hosts(start: string, count: number, from = 0): readonly TrafficSelector[] {
  return Array.from({ length: count }, (_, i) => selectorOf(`${start}.${from + i}/32`));
}

function rangeOf(first: string, last: string): TrafficSelector {
  const [from, to] = [parseAddress(first)?.value ?? 0n, parseAddress(last)?.value ?? 0n];
  return {
    ...{ protocol: 0, startPort: 0, endPort: 65_535 },
    range: { family: 4, first: from, last: to },
  };
}
