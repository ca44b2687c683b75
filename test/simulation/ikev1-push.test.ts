/** Mode Config push: a site that waits for its address is told it. */

import { expect, test } from "bun:test";
import type { BaseEroute, Ikev1Rule } from "../../src/eroute/eroute.ts";
import { deadlineOf, stageOf } from "../../src/ike/ike-sa.ts";
import { readIkeSa, writeIkeSa } from "../../src/ike/state/written-ike-sa.ts";
import { parseAddress } from "../../src/inet/address.ts";
import { ok } from "../../src/octets/result.ts";
import { CfgAttribute, CfgType, XauthAttribute } from "../../src/wire/v1/cfg-attribute.ts";
import type { Attribute, AttributePayload } from "../../src/wire/v1/message.ts";
import { rowOf } from "./database.ts";
import { type Caller, ikev1Caller } from "./ikev1-caller.ts";
import {
  CALLER_PATH,
  type CalledEnd,
  type CalledSettings,
  calledAndUp,
  calledEnd,
  connect,
  effectsOf,
  reasonsOf,
} from "./ikev1-end.ts";
import { find } from "./ikev1-payloads.ts";
import { IKEV1_ESP_SUITE, IKEV1_IKE_SUITE } from "./ikev1-suites.ts";
import { BASE_EROUTE, endpointOf, planOf, selectorOf } from "./plan.ts";
import { layTable } from "./table.ts";
import { toyKeyExchange } from "./toy-key-exchange.ts";

const { INTERNAL_IP4_ADDRESS, INTERNAL_IP4_NETMASK, INTERNAL_IP4_DNS } = CfgAttribute;
const { INTERNAL_IP4_SUBNET, UNITY_SPLIT_INCLUDE } = CfgAttribute;
const OWN = "192.168.1.7/32";

test("once Phase 1 is over, the site is told its address, name servers and our subnets", () => {
  const { caller, end } = calledAndUp({}, pushing(OWN));
  expect(stageOf(end.sa ?? never())).toBe("up");
  const { read, octets } = caller.answerTransaction(end.said(), ackOf(INTERNAL_IP4_ADDRESS));
  expect(read).toMatchObject({
    cfgType: CfgType.SET,
    attributes: [
      { type: INTERNAL_IP4_ADDRESS, octets: Uint8Array.of(192, 168, 1, 7) },
      { type: INTERNAL_IP4_NETMASK, octets: Uint8Array.of(255, 255, 255, 255) },
      { type: INTERNAL_IP4_DNS, octets: Uint8Array.of(10, 0, 0, 53) },
      { type: INTERNAL_IP4_SUBNET, octets: Uint8Array.of(10, 0, 0, 0, 255, 255, 0, 0) },
    ],
  });
  expect(reasonsOf(end)).not.toContain("inner-address");
  end.hear(octets);
  expect(notesOf(end).at(-1)).toMatchObject({
    reason: "inner-address",
    detail: "given 192.168.1.7",
  });
  end.advance(20_000);
  expect(end.sent).toEqual([]);
  connect({ caller, end }, { local: OWN });
  expect(end.facts().children).toHaveLength(1);
});

test("Main Mode as well: the SET follows the sixth message", () => {
  const caller = ikev1Caller();
  const end = calledEnd(pushing(OWN));
  end.hear(caller.mainFirst());
  end.hear(caller.mainThird(end.said(), CALLER_PATH));
  end.hear(caller.mainFifth(end.said()));
  const [sixth, set, ...others] = end.sent.splice(0);
  expect(others).toEqual([]);
  caller.mainEnd(sixth?.octets ?? never());
  const told = caller.answerTransaction(set?.octets ?? never(), ackOf(INTERNAL_IP4_ADDRESS));
  expect(told.read.cfgType).toBe(CfgType.SET);
  end.hear(told.octets);
  expect(reasonsOf(end).at(-1)).toBe("inner-address");
});

test("only a client of Cisco's gets Cisco's list of networks", () => {
  const { caller, end } = calledAndUp({ vendors: ["unity"] }, pushing(OWN));
  const { read } = caller.answerTransaction(end.said(), ackOf());
  expect(read.attributes.map(({ type }) => type)).toContain(UNITY_SPLIT_INCLUDE);
});

test("the SET is repeated until the ACK comes; a late ACK is known", () => {
  const { caller, end } = calledAndUp({}, pushing(OWN));
  const set = end.said();
  end.advance(3_000);
  expect(end.said()).toEqual(set);
  const { octets } = caller.answerTransaction(set, ackOf(INTERNAL_IP4_ADDRESS));
  end.hear(octets);
  end.hear(octets);
  expect(countersOf(end)).toEqual(["retransmissions", "messages_repeated"]);
  expect(reasonsOf(end).filter((reason) => reason === "inner-address")).toHaveLength(1);
});

test("a site that never answers is named, and its ISAKMP SA goes on", () => {
  const { caller, end } = calledAndUp({}, pushing(OWN));
  end.advance(60_000);
  const sets = end.sent.splice(0).filter(({ octets }) => octets[18] === 6);
  expect(sets).toHaveLength(5);
  expect(notesOf(end).find(({ reason }) => reason === "mode-config-failed")).toMatchObject({
    ...{ level: "warning", step: "Transaction", outcome: "refused" },
    detail: "the site was told its address, 192.168.1.7; it does not acknowledge it",
  });
  connect({ caller, end }, { local: OWN });
  expect(end.facts().children).toHaveLength(1);
});

test("an ACK without the address: the site does not take it, and the journal says so", () => {
  const { caller, end } = calledAndUp({}, pushing(OWN));
  end.hear(caller.answerTransaction(end.said(), ackOf(INTERNAL_IP4_DNS)).octets);
  expect(notesOf(end).at(-1)).toMatchObject({
    reason: "mode-config-failed",
    detail: "the site was told its address, 192.168.1.7; it answers that it does not take it",
  });
  end.advance(20_000);
  expect(end.sent).toEqual([]);
});

test("a site whose subnets are no single address is told nothing; the journal says why", () => {
  const { caller, end } = calledAndUp({}, pushing("192.168.1.0/24"));
  expect(end.sent).toEqual([]);
  expect(notesOf(end).at(-1)).toMatchObject({
    reason: "internal-address-failure",
    detail: expect.stringContaining("192.168.1.0/24"),
  });
  connect({ caller, end });
  expect(end.facts().children).toHaveLength(1);
});

test("only where it is configured: other sites are told nothing", () => {
  const { end } = calledAndUp({}, pushing(OWN, false));
  expect(end.sent).toEqual([]);
});

test("a site that asks all the same is answered, and is told no more", () => {
  const { caller, end } = calledAndUp({}, pushing(OWN));
  end.said();
  const asked = caller.transact(payload(CfgType.REQUEST, [INTERNAL_IP4_ADDRESS]));
  end.hear(asked.octets);
  const reply = find(caller.open(end.said(), asked.iv).payloads, "ATTRIBUTE");
  expect(reply.cfgType).toBe(CfgType.REPLY);
  end.advance(20_000);
  expect(end.sent).toEqual([]);
});

test("a site that asks for something else is still told its address", () => {
  const { caller, end } = calledAndUp({}, pushing(OWN));
  const set = end.said();
  const asked = caller.transact(payload(CfgType.REQUEST, [INTERNAL_IP4_DNS]));
  end.hear(asked.octets);
  end.said();
  end.advance(3_000);
  expect(end.said()).toEqual(set);
});

test("a Quick Mode of the site counts before its ACK; one of ours waits for it", () => {
  const { caller, end } = calledAndUp({}, pushing(OWN));
  const set = end.said();
  const wish = { local: [selectorOf("10.0.0.0/16")], remote: [selectorOf(OWN)] };
  end.feed({ kind: "new-child", ...wish });
  expect(end.sent).toEqual([]);
  connect({ caller, end }, { local: OWN, remote: "10.0.0.0/17" });
  expect(end.facts().children).toHaveLength(1);
  end.hear(caller.answerTransaction(set, ackOf(INTERNAL_IP4_ADDRESS)).octets);
  end.feed({ kind: "new-child", ...wish });
  expect(end.said()[18]).toBe(32);
});

test("what is no authentic ACK ends nothing, and does not move the site", () => {
  const { caller, end } = calledAndUp({}, pushing(OWN));
  const set = end.said();
  const { octets } = caller.answerTransaction(set, ackOf(INTERNAL_IP4_ADDRESS));
  end.hear(octets.with(40, (octets[40] ?? 0) ^ 1), {
    ...CALLER_PATH,
    remote: endpointOf("203.0.113.9", 500),
  });
  expect(countersOf(end)).toEqual(["messages_bad_icv"]);
  expect(end.facts().path).toEqual(CALLER_PATH);
  end.hear(caller.answerTransaction(set, payload(CfgType.REPLY, [])).octets);
  end.advance(3_000);
  expect(end.said()).toEqual(set);
});

test("XAUTH comes first; whoever leaves it out at a new Phase 1 has the address", () => {
  const knows = { xauth: true, isUserKnown: true };
  const settings = { ...pushing(OWN, true, knows), password: () => true };
  const { caller, end } = asked(settings);
  const name = caller.answerTransaction(end.said(), {
    ...payload(CfgType.REPLY, []),
    attributes: [text(XauthAttribute.USER_NAME, "a"), text(XauthAttribute.USER_PASSWORD, "b")],
  });
  end.hear(name.octets);
  end.hear(caller.answerTransaction(end.said(), ackOf()).octets);
  expect(effectsOf(end, "authenticated")).toHaveLength(1);
  const set = caller.answerTransaction(end.said(), ackOf(INTERNAL_IP4_ADDRESS));
  expect(set.read.attributes[0]).toMatchObject({ type: INTERNAL_IP4_ADDRESS });
  const other = asked(settings);
  other.end.said();
  const quick = other.caller.quick({ local: OWN });
  other.end.hear(quick.octets);
  other.caller.granted(quick, other.end.said());
  expect(other.end.facts().children).toHaveLength(1);
});

test("a newer ISAKMP SA of the site is told; the former one repeats nothing", () => {
  const { end } = calledAndUp({}, pushing(OWN));
  end.said();
  end.feed({ kind: "stand-down", to: end.facts().id.spiI });
  end.advance(10_000);
  expect(end.sent.filter(({ octets }) => octets[18] === 6)).toEqual([]);
});

test("it goes on in another process: the SET is repeated, and its ACK is understood", () => {
  const { caller, end } = calledAndUp({}, pushing(OWN));
  const set = end.said();
  const place = (generation: number) => ({ anchor: { now: end.now(), wallMs: 0 }, generation });
  const document = writeIkeSa(end.sa ?? never(), place(1)) ?? never();
  const read = readIkeSa(document, place(2));
  if (!read.ok) throw new Error(read.error.detail);
  const before: unknown = end.sa;
  expect<unknown>(read.value).toEqual(before);
  end.sa = read.value;
  end.advance(3_000);
  expect(end.said()).toEqual(set);
  end.hear(caller.answerTransaction(set, ackOf(INTERNAL_IP4_ADDRESS)).octets);
  expect(reasonsOf(end).at(-1)).toBe("inner-address");
  expect(deadlineOf(end.sa ?? never())).toBeGreaterThan(end.now());
});

test("mode_config: only sites of an eroute that pushes are told", () => {
  for (const pushesConfig of [true, false]) {
    const v1: Ikev1Rule = {
      ...{ mode: "both", legacy: false, xauth: false, pushesConfig, sha256With96Bits: false },
      ...{ ike: [IKEV1_IKE_SUITE], esp: [IKEV1_ESP_SUITE] },
    };
    const base: BaseEroute = { ...BASE_EROUTE, versions: { v2: true, v1 } };
    const plan = planOf({}, { eroutes: [base] });
    const table = layTable({ plan, keyExchange: toyKeyExchange });
    table.database.put(rowOf("site-1", "one key for both", OWN));
    const caller = ikev1Caller();
    table.deliver(caller.first(), CALLER_PATH);
    const second = table.sent.splice(0)[0]?.octets ?? never();
    table.deliver(caller.third(second, CALLER_PATH), CALLER_PATH);
    const [set] = table.sent.splice(0);
    expect(set !== undefined).toBe(pushesConfig);
    if (set === undefined) continue;
    const told = caller.answerTransaction(set.octets, ackOf(INTERNAL_IP4_ADDRESS));
    table.deliver(told.octets, CALLER_PATH);
    expect(table.journal).toContainEqual(
      expect.objectContaining({ reason: "inner-address", peerId: "site-1" }),
    );
  }
});

/** A site with this remote subnet, which is told its address. */
function pushing(
  remote: string,
  pushesConfig = true,
  more: { readonly xauth?: boolean; readonly isUserKnown?: boolean } = {},
): CalledSettings {
  const server = parseAddress("10.0.0.53") ?? never();
  return {
    credentials: (own) =>
      ok({
        ...own,
        policy: { ...own.policy, remote: [selectorOf(remote)], dns: [server] },
        ikev1: { ...(own.ikev1 ?? never()), ...more, pushesConfig },
      }),
  };
}

/** Phase 1 is over, and the site is asked for its user. */
function asked(settings: CalledSettings): { readonly caller: Caller; readonly end: CalledEnd } {
  const caller = ikev1Caller({ xauth: true });
  const end = calledEnd(settings);
  end.hear(caller.first());
  end.hear(caller.third(end.said(), CALLER_PATH));
  return { caller, end };
}

function ackOf(...types: readonly number[]): AttributePayload {
  return payload(CfgType.ACK, types);
}

function payload(cfgType: number, types: readonly number[]): AttributePayload {
  const attributes = types.map((type) => text(type, ""));
  return { kind: "ATTRIBUTE", cfgType, identifier: 1, attributes };
}

function text(type: number, content: string): Attribute {
  return { type, form: "TLV", octets: new TextEncoder().encode(content) };
}

function notesOf(end: CalledEnd) {
  return effectsOf(end, "note").map(({ note }) => note);
}

function countersOf(end: CalledEnd): readonly string[] {
  return effectsOf(end, "count").map(({ counter }) => counter);
}

function never(): never {
  throw new Error("it is there");
}
