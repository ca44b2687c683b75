/**
 * What peers with additional key exchanges were seen to do, or what the network does to them: the
 * same IKE_INTERMEDIATE or IKE_FOLLOWUP_KE again, in other fragments and out of order, and a
 * Configuration payload or a PPK in a Child rekey (RFC 9242, RFC 7383 §2.5.2, RFC 7296 §3.15, RFC
 * 9867).
 */

import { expect, test } from "bun:test";
import { performKeyExchange } from "../../../src/crypto/key-exchange.ts";
import type { Suite } from "../../../src/crypto/suite.ts";
import { Ke } from "../../../src/crypto/transform.ts";
import { notify } from "../../../src/ike/v2/notify.ts";
import { sealMessage } from "../../../src/ike/v2/protect.ts";
import { ExchangeType } from "../../../src/wire/v2/exchange-type.ts";
import type { Payload } from "../../../src/wire/v2/message.ts";
import { NotifyType } from "../../../src/wire/v2/notify-type.ts";
import { connectedEnds, type Ends, established, layEnds, takeSeen } from "../ends.ts";
import { ESP_SUITE, IKE_SUITE } from "../plan.ts";

const IKE: Suite = { ...IKE_SUITE, additional: [[Ke.ML_KEM_768]], ke: [Ke.X25519] };
const SOURCES = { random: (count: number) => new Uint8Array(count).fill(9), onMessage: undefined };
const { IKE_INTERMEDIATE, IKE_FOLLOWUP_KE, CREATE_CHILD_SA } = ExchangeType;
const HEAD = { exchangeType: IKE_INTERMEDIATE, response: false, messageId: 1 };

test("X-07: IKE_INTERMEDIATE again, whole or in other fragments, gets the same answer", () => {
  const { ends, exchanges } = answeredOnce();
  const answer = [...answers(ends)];
  for (const fragmentOctets of [undefined, 200, 400, 1_200]) {
    const before = answers(ends).length;
    for (const octets of requestAgain(ends, fragmentOctets)) ends.deliver(ends.b, octets);
    expect(answers(ends).slice(before)).toEqual(answer);
  }
  expect(exchanges()).toBe(1);
});

test("X-07: of an IKE_INTERMEDIATE in fragments the last may come first, and each twice", () => {
  const { ends, exchanges } = answeredOnce((octets) => octets[18] !== IKE_INTERMEDIATE);
  const fragments = requestAgain(ends, 300);
  expect(fragments.length).toBeGreaterThan(3);
  for (const octets of fragments.toReversed()) {
    for (let times = 0; times < 2; times++) ends.deliver(ends.b, octets);
  }
  expect(exchanges()).toBe(1);
  expect(answers(ends).length).toBeGreaterThan(0);
});

test("X-07: a hundred repeats cost a stranger's place one key exchange, and no more memory", () => {
  const { ends, exchanges } = answeredOnce();
  const [sa] = [...ends.b.sas.values()];
  for (let times = 0; times < 100; times++) {
    for (const octets of requestAgain(ends, undefined)) ends.deliver(ends.b, octets);
  }
  expect(exchanges()).toBe(1);
  expect([...ends.b.sas.values()]).toEqual([sa as NonNullable<typeof sa>]);
});

test("X-07: IKE_FOLLOWUP_KE again, in other fragments, gets the same answer and no keys", () => {
  let isLosing = true;
  let exchanges = 0;
  const ends = connectedEnds({
    credentials: (_, given) => ({ ...given, policy: { ...given.policy, ikeSuites: [IKE] } }),
    keyExchange: (end, op) => {
      if (end === "b" && op.method === Ke.ML_KEM_768) exchanges++;
      return performKeyExchange(op);
    },
    onWay: ({ from, octets }) =>
      isLosing && from === "b" && octets[18] === IKE_FOLLOWUP_KE ? undefined : octets,
  });
  const former = established(ends.a);
  const before = exchanges;
  ends.feed(ends.a, { kind: "rekey-ike" });
  ends.run();
  const request = takeSeen(ends.a).findLast(({ exchangeType }) => exchangeType === IKE_FOLLOWUP_KE);
  const messageId = established(ends.a).outbound.nextId - 1;
  const head = { exchangeType: IKE_FOLLOWUP_KE, response: false, messageId };
  const answer = [...answers(ends, IKE_FOLLOWUP_KE)];
  expect(answer.length).toBeGreaterThan(0);
  for (const fragmentOctets of [300, 500, 1_000]) {
    const had = answers(ends, IKE_FOLLOWUP_KE).length;
    const again = { ...established(ends.a), fragmentOctets };
    for (const octets of sealMessage(again, head, request?.payloads ?? [], SOURCES)) {
      ends.deliver(ends.b, octets);
    }
    expect(answers(ends, IKE_FOLLOWUP_KE).slice(had)).toEqual(answer);
  }
  expect(exchanges).toBe(before + 1);
  isLosing = false;
  ends.advance(3_000);
  expect(established(ends.a).id.spiI).not.toBe(former.id.spiI);
  expect(established(ends.a).algorithms).toEqual(established(ends.b).algorithms);
});

test("§3.15: a Configuration payload in a Child rekey (MikroTik) changes nothing", () => {
  const attributes = [{ type: 1, value: new Uint8Array() }];
  expect(kindsAfterRekeyWith({ kind: "CP", cfgType: 1, attributes })).not.toContain("CP");
});

test("X-14: a PPK proposed in a Child rekey is not answered, so the rekey goes without it", () => {
  const data = new TextEncoder().encode("fresh key 7");
  const proposed = notify(NotifyType.PPK_IDENTITY_KEY, data);
  expect(kindsAfterRekeyWith(proposed)).not.toContain("NOTIFY");
});

/** End a rekeys the Child SA, with one more payload; what the answer has. */
function kindsAfterRekeyWith(extra: Payload): readonly string[] {
  const ends: Ends = connectedEnds({
    onWay: ({ from, octets }) => {
      if (from !== "a" || octets[18] !== CREATE_CHILD_SA) return octets;
      const request = takeSeen(ends.a).findLast(({ way }) => way === "sent");
      const head = { ...HEAD, exchangeType: CREATE_CHILD_SA, messageId: octets[23] ?? 0 };
      const payloads = [extra, ...(request?.payloads ?? [])];
      return sealMessage(established(ends.a), head, payloads, SOURCES)[0];
    },
  });
  const before = established(ends.b).children.map(({ spiIn }) => spiIn);
  ends.feed(ends.a, { kind: "rekey-child", spiIn: established(ends.a).children[0]?.spiIn ?? 0 });
  ends.run();
  const answered = takeSeen(ends.b).find(({ way, exchangeType }) => {
    return way === "sent" && exchangeType === CREATE_CHILD_SA;
  });
  const after = established(ends.b).children.map(({ spiIn }) => spiIn);
  expect(after).toHaveLength(1);
  expect(after).not.toEqual(before);
  expect(established(ends.a).children.map(({ spiOut }) => spiOut)).toEqual(after);
  return answered?.payloads.map(({ kind }) => kind) ?? [];
}

/** End b has answered IKE_INTERMEDIATE; end a has not got the answer, or b not the request. */
function answeredOnce(passes = (octets: Uint8Array) => (octets[19] ?? 0) < 0x20): {
  readonly ends: Ends;
  exchanges(): number;
} {
  let done = 0;
  const ends = layEnds({
    credentials: (_, given) => ({
      ...given,
      policy: { ...given.policy, ikeSuites: [IKE], suites: [ESP_SUITE] },
    }),
    keyExchange: (end, op) => {
      if (end === "b" && op.method === Ke.ML_KEM_768) done++;
      return performKeyExchange(op);
    },
    onWay: ({ octets }) => (octets[18] !== IKE_INTERMEDIATE || passes(octets) ? octets : undefined),
  });
  ends.run();
  return { ends, exchanges: () => done };
}

/** End a's request once more, with the same content. */
function requestAgain(ends: Ends, fragmentOctets: number | undefined): readonly Uint8Array[] {
  const [sa] = [...ends.a.sas.values()];
  if (sa?.phase !== "initiating") throw new Error("end a is not calling");
  sent.set(ends, sent.get(ends) ?? takeSeen(ends.a).filter(({ way }) => way === "sent"));
  const request = sent.get(ends)?.find(({ exchangeType }) => exchangeType === IKE_INTERMEDIATE);
  return sealMessage({ ...sa.half, fragmentOctets }, HEAD, request?.payloads ?? [], SOURCES);
}

const sent = new WeakMap<Ends, ReturnType<typeof takeSeen>>();

/** What end b has sent of this exchange, datagram by datagram. */
function answers({ wire }: Ends, exchange: number = IKE_INTERMEDIATE): readonly string[] {
  return wire
    .filter(({ from, octets }) => from === "b" && octets[18] === exchange)
    .map(({ octets }) => octets.toHex());
}
