/** Child SAs: refusals, selectors, mode, key exchange, SPIs, keys (RFC 7296 §1.2, §1.3, §2.9). */

import { expect, test } from "bun:test";
import { performKeyExchange as keyExchange } from "../../../src/crypto/key-exchange.ts";
import { Encr, Ke, TransformType } from "../../../src/crypto/transform.ts";
import { selectorText } from "../../../src/ike/selector-text.ts";
import { narrow } from "../../../src/ike/v2/narrow.ts";
import { notify } from "../../../src/ike/v2/notify.ts";
import { concat } from "../../../src/octets/concat.ts";
import { Writer } from "../../../src/octets/writer.ts";
import type { TrafficSelector } from "../../../src/wire/traffic-selector.ts";
import { ExchangeType } from "../../../src/wire/v2/exchange-type.ts";
import type { Payload } from "../../../src/wire/v2/message.ts";
import { NotifyType } from "../../../src/wire/v2/notify-type.ts";
import { emitTs } from "../../../src/wire/v2/payload/ts.ts";
import { putRow, seat, settingsOf } from "../caller.ts";
import { connectedEnds, type Ends, type EndsSettings, established, takeSeen } from "../ends.ts";
import { ESP_SUITE, GCM_ESP, selectorOf } from "../plan.ts";
import { espOffer, transformOf } from "../site-messages.ts";
import type { SiteSettings } from "../site-state.ts";
import { layTable } from "../table.ts";

test.each<[string, Partial<SiteSettings>, number]>([
  [
    "no algorithms in common",
    { esp: [transformOf(TransformType.ENCR, Encr.AES_GCM_16, 192)] },
    NotifyType.NO_PROPOSAL_CHOSEN,
  ],
  ["no subnets in common", { tsI: [selectorOf("10.9.0.0/16")] }, NotifyType.TS_UNACCEPTABLE],
  ["an empty offer of selectors", { tsI: [] }, NotifyType.TS_UNACCEPTABLE],
])("V2-58: with %s the IKE SA stands, and the notify says why", (_, changes, wanted) => {
  const table = layTable();
  putRow(table, 1);
  const caller = seat(table, settingsOf(1, changes));
  caller.connect();
  caller.settle();
  expect(caller.heard).toMatchObject([
    { kind: "established" },
    { kind: "refused", notify: wanted },
  ]);
  expect(table.kernel.states.size).toBe(0);
  expect(table.concentrator.snapshot().gauges).toMatchObject({ ikeSas: 1, childSas: 0 });
  caller.ask({ kind: "liveness" });
  caller.settle();
  expect(caller.heard.at(-1)?.kind).toBe("answer");
});

test("V2-59: the packet's selector, first in the offer, is inside the answer", () => {
  const packet = { ...selectorOf("10.0.1.7/32"), protocol: 17, startPort: 53, endPort: 53 };
  const wide = [packet, selectorOf("10.0.1.0/25"), selectorOf("0.0.0.0/0")];
  const ends = connectedEnds();
  const answer = askChild(ends, { tsR: wide });
  const tsR = answer.find(({ kind }) => kind === "TSr");
  expect(tsR).toMatchObject({ selectors: [selectorOf("10.0.1.0/24")] });
  const narrowOnly = askChild(ends, { tsR: [packet] });
  expect(narrowOnly.find(({ kind }) => kind === "TSr")).toMatchObject({ selectors: [packet] });
});

test("V2-59: also when there is no room for all that was offered", () => {
  const packet = { ...selectorOf("10.0.0.7/32"), protocol: 6, startPort: 80, endPort: 80 };
  const others = Array.from({ length: 99 }, (_, i) => selectorOf(`10.${i + 1}.0.0/16`));
  const offered = [packet, ...others, selectorOf("10.0.0.0/16")];
  const remote = [selectorOf("192.168.0.0/16")];
  const result = narrow({ local: offered, remote }, { local: [selectorOf("10.0.0.0/8")], remote });
  const local = result.ok ? result.value.local.map(selectorText) : [];
  expect(local.length).toBe(64);
  expect(local[0]).toBe("10.0.0.0/16");
});

test("V2-60: OPAQUE ports alone are refused; of several selectors the others are agreed on", () => {
  const opaque = { ...selectorOf("10.0.1.0/24"), protocol: 6, startPort: 65_535, endPort: 0 };
  const ends = connectedEnds();
  expect(errorOf(askChild(ends, { tsR: [opaque] }))).toBe(NotifyType.TS_UNACCEPTABLE);
  const answer = askChild(ends, { tsR: [opaque, selectorOf("10.0.1.0/28")] });
  expect(answer.find(({ kind }) => kind === "TSr")).toMatchObject({
    selectors: [selectorOf("10.0.1.0/28")],
  });
});

test("V2-60: one ICMP type is agreed on as offered", () => {
  const echo = { ...selectorOf("10.0.1.0/24"), protocol: 1, startPort: 0x0800, endPort: 0x08ff };
  const answer = askChild(connectedEnds(), { tsR: [echo] });
  expect(answer.find(({ kind }) => kind === "TSr")).toMatchObject({ selectors: [echo] });
});

test("V2-60: selectors of unknown type are skipped; if all are unknown, TS_UNACCEPTABLE", () => {
  const unknown = new Writer(12).u8(9).u8(0).u16(12).zeros(8).done();
  const ends = connectedEnds();
  const known = selectorOf("10.0.1.0/24");
  const mixed = askChild(ends, { rawTsR: tsOctets([known], unknown) });
  expect(mixed.find(({ kind }) => kind === "TSr")).toMatchObject({ selectors: [known] });
  const alone = askChild(ends, { rawTsR: tsOctets([], unknown) });
  expect(errorOf(alone)).toBe(NotifyType.TS_UNACCEPTABLE);
});

test("V2-61: transport mode is agreed to, and confirmed, if requested and allowed", () => {
  const ends = connectedEnds(withTransport(true));
  const answer = askChild(ends, { notifies: [notify(NotifyType.USE_TRANSPORT_MODE)] });
  expect(typesOf(answer)).toEqual([NotifyType.USE_TRANSPORT_MODE]);
  expect(ends.b.installed.at(-1)?.child.mode).toBe("transport");
  expect(typesOf(askChild(ends, {}))).toEqual([]);
  expect(ends.b.installed.at(-1)?.child.mode).toBe("tunnel");
});

test("V2-61: if it is not allowed, the Child SA has tunnel mode, and the answer says so", () => {
  const ends = connectedEnds();
  const answer = askChild(ends, { notifies: [notify(NotifyType.USE_TRANSPORT_MODE)] });
  expect(typesOf(answer)).toEqual([]);
  expect(ends.b.installed.at(-1)?.child.mode).toBe("tunnel");
});

test("V2-61: there is no TFC padding; NON_FIRST_FRAGMENTS_ALSO is not agreed to", () => {
  const ends = connectedEnds();
  const notifies = [
    notify(NotifyType.ESP_TFC_PADDING_NOT_SUPPORTED),
    notify(NotifyType.NON_FIRST_FRAGMENTS_ALSO),
  ];
  const answer = askChild(ends, { notifies });
  expect(typesOf(answer)).toEqual([]);
  expect(answer.some(({ kind }) => kind === "SA")).toBe(true);
});

test("V2-64: each Child SA gets newly drawn SPIs, never below 256", () => {
  let draws = 0;
  const table = layTable({
    // The first numbers drawn are reserved ones, then one that is taken.
    random(count, prng) {
      if (count !== 4) return prng.octets(count);
      const [low, high] = [Uint8Array.of(0, 0, 0, 255), Uint8Array.of(0, 0, 0x20, 0)];
      draws++;
      return draws % 4 === 1 ? low : draws % 4 === 2 ? high : prng.octets(count);
    },
  });
  putRow(table, 1);
  const caller = seat(table, settingsOf(1));
  caller.connect();
  caller.settle();
  for (let i = 0; i < 5; i++) {
    caller.ask({ kind: "new-child" });
    caller.settle();
  }
  const spis = caller.session().children.map(({ spiOut }) => spiOut);
  expect(spis.length).toBe(6);
  expect(new Set(spis).size).toBe(6);
  expect(Math.min(...spis)).toBeGreaterThan(255);
});

test("V2-64: keys are wiped with their IKE SA, secrets of an exchange with the exchange", () => {
  const secrets: Uint8Array[] = [];
  const ends = connectedEnds({
    keyExchange(_, op) {
      const result = keyExchange(op);
      if (result.ok && "sharedSecret" in result.value) secrets.push(result.value.sharedSecret);
      return result;
    },
    credentials: (_, own) => ({ ...own, policy: { ...own.policy, suites: [PFS] } }),
  });
  const [child] = established(ends.a).children;
  ends.feed(ends.a, { kind: "rekey-child", spiIn: child?.spiIn ?? 0 });
  ends.run();
  const old = [established(ends.a).keys, established(ends.b).keys];
  ends.feed(ends.a, { kind: "rekey-ike" });
  ends.run();
  expect(secrets.length).toBeGreaterThanOrEqual(6);
  const fresh = [established(ends.a).keys, established(ends.b).keys];
  ends.feed(ends.b, { kind: "close", why: "disconnected-by-hand" });
  ends.run();
  const keysOf = ({ epoch: _, ...keys }: (typeof old)[number]) => Object.values(keys);
  const left = [...secrets, ...[...old, ...fresh].flatMap(keysOf)];
  expect(left.filter((octets) => octets.some((octet: number) => octet !== 0))).toEqual([]);
});

test("V2-73: a group other than the chosen one, or none: INVALID_KE_PAYLOAD names it", () => {
  const suites = [{ ...PFS, ke: [Ke.ECP_256] }];
  const ends = connectedEnds({
    credentials: (_, own) => ({ ...own, policy: { ...own.policy, suites } }),
  });
  const offer = { ke: [Ke.X25519, Ke.ECP_256] };
  const x25519: Payload = { kind: "KE", method: Ke.X25519, data: new Uint8Array(32).fill(9) };
  for (const ke of [[x25519], []]) {
    const [refusal, ...more] = askChild(ends, { ...offer, more: ke });
    expect(refusal).toMatchObject({
      ...{ type: NotifyType.INVALID_KE_PAYLOAD, data: Uint8Array.of(0, Ke.ECP_256) },
    });
    expect(more).toEqual([]);
  }
});

test("V2-73: if no group is chosen there is no KE payload, even if the request had one", () => {
  const ends = connectedEnds();
  const x25519: Payload = { kind: "KE", method: Ke.X25519, data: new Uint8Array(32).fill(9) };
  const answer = askChild(ends, { more: [x25519] });
  expect(answer.map(({ kind }) => kind)).toEqual(["SA", "NONCE", "TSi", "TSr"]);
});

test("V2-73: if a group is chosen both ends have the same, new keys", () => {
  const ends = connectedEnds({
    credentials: (_, own) => ({ ...own, policy: { ...own.policy, suites: [PFS] } }),
  });
  const [child] = established(ends.a).children;
  ends.feed(ends.a, { kind: "rekey-child", spiIn: child?.spiIn ?? 0 });
  ends.run();
  const kinds = takeSeen(ends.b).flatMap(({ payloads }) => payloads.map(({ kind }) => kind));
  expect(kinds.filter((kind) => kind === "KE").length).toBe(2);
  const [a, b] = [ends.a.installed.at(-1)?.keys, ends.b.installed.at(-1)?.keys];
  expect([a?.in, a?.out]).toEqual([b?.out, b?.in]);
  expect(a).not.toEqual(ends.a.installed[0]?.keys);
});

test("V2-84: transport mode is not agreed to if a NAT is on the way", () => {
  const ends = connectedEnds({ ...withTransport(true), isNatted: true });
  expect(established(ends.b).nat).toBe("remote");
  // It is not requested either.
  expect(ends.a.seen.flatMap(({ payloads }) => typesOf(payloads))).not.toContain(
    NotifyType.USE_TRANSPORT_MODE,
  );
  const answer = askChild(ends, { notifies: [notify(NotifyType.USE_TRANSPORT_MODE)] });
  expect(typesOf(answer)).toEqual([]);
  expect(ends.b.installed.map(({ child }) => child.mode)).toEqual(["tunnel", "tunnel"]);
});

const PFS = { ...ESP_SUITE, ke: [Ke.X25519] };

function withTransport(transport: boolean): EndsSettings {
  return { credentials: (_, own) => ({ ...own, policy: { ...own.policy, transport } }) };
}

type Asked = {
  readonly notifies?: readonly Payload[];
  readonly tsR?: readonly TrafficSelector[];
  readonly rawTsR?: Uint8Array;
  readonly ke?: readonly number[];
  readonly more?: readonly Payload[];
};

let spi = 0x1000;

/** Sends a CREATE_CHILD_SA request as end a; returns the answer of end b. */
function askChild(ends: Ends, asked: Asked): readonly Payload[] {
  const { proposals } = espOffer(GCM_ESP, spi++, undefined);
  const groups = (asked.ke ?? []).map((id) => transformOf(TransformType.KE, id));
  const offered = proposals.map((one) => ({ ...one, transforms: [...one.transforms, ...groups] }));
  const tsR: Payload =
    asked.rawTsR === undefined
      ? { kind: "TSr", selectors: asked.tsR ?? [selectorOf("10.0.1.0/24")], unknown: 0 }
      : { kind: "OPAQUE", payloadType: 45, data: asked.rawTsR };
  const payloads: readonly Payload[] = [
    ...(asked.notifies ?? []),
    { kind: "SA", proposals: offered },
    { kind: "NONCE", data: new Uint8Array(32).fill(spi) },
    ...(asked.more ?? []),
    { kind: "TSi", selectors: [selectorOf("10.0.0.0/24")], unknown: 0 },
    tsR,
  ];
  takeSeen(ends.b);
  const { nextId: messageId } = established(ends.b).inbound;
  const exchangeType = ExchangeType.CREATE_CHILD_SA;
  ends.say(ends.a, { exchangeType, messageId, response: false }, payloads);
  const answer = takeSeen(ends.b).find(({ way, response }) => way === "sent" && response);
  if (answer === undefined) throw new Error("it was not answered");
  return answer.payloads;
}

/** Body of a TS payload: known selectors, and an unknown one. */
function tsOctets(selectors: readonly TrafficSelector[], unknown: Uint8Array): Uint8Array {
  const w = new Writer(64);
  emitTs(w, { kind: "TSr", selectors, unknown: 0 });
  const known = w.done();
  return concat(Uint8Array.of(selectors.length + 1), known.subarray(1), unknown);
}

function typesOf(payloads: readonly Payload[]): readonly number[] {
  return payloads.flatMap((payload) => (payload.kind === "NOTIFY" ? [payload.type] : []));
}

function errorOf(payloads: readonly Payload[]): number | undefined {
  return typesOf(payloads).find((type) => type < 16_384);
}
