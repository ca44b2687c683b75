/** Aggressive Mode as responder, against callers with the habits of devices in the field. */

import { expect, test } from "bun:test";
import { Integ, PrfId } from "../../src/crypto/transform.ts";
import { stageOf } from "../../src/ike/ike-sa.ts";
import { cookieOctets } from "../../src/ike/v1/keys.ts";
import { err, ok } from "../../src/octets/result.ts";
import { parseHeader } from "../../src/wire/header.ts";
import { ExchangeType } from "../../src/wire/v1/header.ts";
import type { Payload } from "../../src/wire/v1/message.ts";
import { NotifyType } from "../../src/wire/v1/notify-type.ts";
import { parsePayloads } from "../../src/wire/v1/payload-chain.ts";
import { ikev1Caller } from "./ikev1-caller.ts";
import { CALLER_PATH, calledAndUp, calledEnd, connect, effectsOf, reasonsOf } from "./ikev1-end.ts";
import { find } from "./ikev1-payloads.ts";
import { IKEV1_IKE_SUITE } from "./ikev1-suites.ts";
import { endpointOf } from "./plan.ts";

test("Aggressive Mode: three messages, and the site has proved who it is", () => {
  const { end } = calledAndUp();
  expect(effectsOf(end, "authenticated")).toEqual([
    { kind: "authenticated", initialContact: false, holder: undefined, phase1: "aggressive" },
  ]);
  expect(end.facts()).toMatchObject({ version: 1, nat: "none", children: [], isReplaced: false });
  expect(end.sent).toEqual([]);
});

test("the row is read before any key exchange", () => {
  const asked: string[] = [];
  const caller = ikev1Caller();
  const end = calledEnd({
    credentials: (own) => {
      asked.push("row");
      return ok(own);
    },
    keyExchange: () => {
      asked.push("key exchange");
      return err({ kind: "internal", detail: "" });
    },
  });
  end.hear(caller.first());
  expect(asked).toEqual(["row", "key exchange"]);
});

test("an unknown ID gets no answer, and costs no key exchange", () => {
  const refusal = { kind: "no-credentials", reason: "no-row", detail: "", isUnanswered: false };
  let exchanges = 0;
  const end = calledEnd({
    credentials: () => err({ ...refusal, kind: "no-credentials", reason: "no-row" }),
    keyExchange: () => {
      exchanges++;
      return err({ kind: "internal", detail: "" });
    },
  });
  end.hear(ikev1Caller().first());
  expect(end.sa).toBeUndefined();
  expect(end.sent).toEqual([]);
  expect(exchanges).toBe(0);
  expect(reasonsOf(end)).toEqual(["no-row"]);
});

test("a wrong key: the negotiation ends without an answer", () => {
  const caller = ikev1Caller({ psk: "another key" });
  const end = calledEnd();
  end.hear(caller.first());
  end.hear(caller.third(end.said(), CALLER_PATH));
  expect(end.sa).toBeUndefined();
  expect(end.sent).toEqual([]);
  expect(reasonsOf(end)).toEqual(["wrong-psk"]);
  expect(effectsOf(end, "authenticated")).toEqual([]);
});

test("no common proposal: one NO-PROPOSAL-CHOSEN, and both sides in the journal", () => {
  const sha1 = { ...IKEV1_IKE_SUITE, prf: [PrfId.HMAC_SHA1], integ: [Integ.HMAC_SHA1_96] };
  const end = calledEnd();
  end.hear(ikev1Caller({ suites: [sha1] }).first());
  const answer = end.said();
  const header = parseHeader(answer);
  expect(header.ok && header.value.exchangeType).toBe(ExchangeType.INFORMATIONAL);
  const parsed = parsePayloads(11, answer.subarray(28), "answer");
  expect(parsed.ok && find(parsed.value.payloads, "NOTIFY").type).toBe(
    NotifyType.NO_PROPOSAL_CHOSEN,
  );
  expect(end.sa).toBeUndefined();
  const [note] = effectsOf(end, "note");
  expect(note?.note.offered?.join()).toContain("SHA1");
  expect(note?.note.wanted?.join()).toContain("SHA2_256");
});

test("the third message may come in clear", () => {
  const { end, caller } = calledAndUp({ thirdInClear: true });
  connect({ end, caller });
  expect(end.facts().children).toHaveLength(1);
});

test("INITIAL-CONTACT in the third message", () => {
  const { end } = calledAndUp({ initialContact: true });
  expect(effectsOf(end, "authenticated")[0]?.initialContact).toBe(true);
});

test("the ID may have any protocol and port; the HASH covers the octets received", () => {
  for (const idProtocolPort of [
    [17, 500],
    [17, 4_500],
    [17, 0],
    [0, 0],
    [6, 80],
  ] as const) {
    const { end } = calledAndUp({ idProtocolPort });
    expect(stageOf(end.sa ?? never())).toBe("up");
  }
});

test("Vendor IDs and payloads of any kind and number are ignored", () => {
  const extra: Payload[] = Array.from({ length: 20 }, (_, i) => ({
    kind: "VENDOR",
    data: new Uint8Array(16).fill(i),
  }));
  extra.push({ kind: "OPAQUE", payloadType: 15, data: new Uint8Array(20) });
  const { end } = calledAndUp({ extra });
  expect(end.facts().version).toBe(1);
});

test("repeats of the first message get the same answer, a few times and not at once", () => {
  const caller = ikev1Caller();
  const end = calledEnd();
  const first = caller.first();
  end.hear(first);
  const answer = end.said();
  end.hear(first);
  expect(end.sent).toEqual([]);
  for (let copies = 0; copies < 10; copies++) {
    end.advance(600);
    end.hear(first);
  }
  const again = end.sent.splice(0);
  expect(again.map(({ octets }) => octets)).toEqual([answer, answer, answer, answer]);
  end.hear(caller.third(answer, CALLER_PATH));
  expect(end.facts().version).toBe(1);
});

test("the third message is lost: once the site goes on, it gets the second one again", () => {
  const caller = ikev1Caller();
  const end = calledEnd();
  end.hear(caller.first());
  const second = end.said();
  const third = caller.third(second, CALLER_PATH);
  end.advance(1_000);
  const quick = caller.quick();
  end.hear(quick.octets);
  // Upon which it sends its own once more.
  expect(end.said()).toEqual(second);
  end.hear(third);
  end.hear(quick.octets);
  caller.granted(quick, end.said());
  expect(end.installed).toHaveLength(1);
  // Not for others: they do not know the cookie of the responder.
  const other = calledEnd();
  other.hear(caller.first());
  other.said();
  other.advance(1_000);
  other.hear(quick.octets.with(8, (quick.octets[8] ?? 0) ^ 1));
  expect(other.sent).toEqual([]);
});

test("a negotiation that is not finished is forgotten", () => {
  const end = calledEnd();
  end.hear(ikev1Caller().first());
  end.said();
  end.advance(31_000);
  expect(end.sa).toBeUndefined();
  expect(reasonsOf(end)).toEqual(["timeout"]);
});

test("NAT: another address than the caller's own shows in NAT-D, by the RFC", () => {
  const path = { local: endpointOf("192.0.2.2", 500), remote: endpointOf("203.0.113.9", 61_000) };
  const { end } = calledAndUp({ inner: "10.9.9.9" }, {}, path);
  expect(end.facts().nat).toBe("remote");
});

test("NAT-D by draft and RFC in one message: those of the agreed text count", () => {
  const { end } = calledAndUp({ natDOfBoth: true });
  expect(end.facts().nat).toBe("none");
});

test("without a Vendor ID of NAT traversal there is none", () => {
  const path = { local: endpointOf("192.0.2.2", 500), remote: endpointOf("203.0.113.9", 61_000) };
  const { end } = calledAndUp({ inner: "10.9.9.9", vendors: ["dpd"] }, {}, path);
  expect(end.facts().nat).toBe("none");
});

test("the third message may come from the NAT port, to which the caller has floated", () => {
  const caller = ikev1Caller({ inner: "10.9.9.9" });
  const end = calledEnd();
  const before = { local: endpointOf("192.0.2.2", 500), remote: endpointOf("203.0.113.9", 61_000) };
  const path = { local: endpointOf("192.0.2.2", 4_500), remote: endpointOf("203.0.113.9", 61_001) };
  end.hear(caller.first(), before);
  end.hear(caller.third(end.said(), before), path);
  expect(end.facts()).toMatchObject({ nat: "remote", path });
});

test("an obstacle on our side: the site is held back, and gets no answer", () => {
  const obstacle = { kind: "no-credentials", reason: "already-connected" } as const;
  const caller = ikev1Caller();
  const end = calledEnd({
    credentials: (own) =>
      ok({ ...own, obstacle: { ...obstacle, detail: "is connected", isUnanswered: true } }),
  });
  end.hear(caller.first());
  end.hear(caller.third(end.said(), CALLER_PATH));
  expect(end.sa).toBeUndefined();
  expect(end.sent).toEqual([]);
  expect(effectsOf(end, "held-back")).toHaveLength(1);
});

test("octets that are cut or changed never establish an ISAKMP SA, and never throw", () => {
  const caller = ikev1Caller();
  const first = caller.first();
  for (let at = 28; at < first.length; at += 7) {
    const end = calledEnd();
    const changed = first.slice();
    changed[at] = (changed[at] ?? 0) ^ 0xff;
    end.hear(changed);
    expect(effectsOf(end, "authenticated")).toEqual([]);
  }
  const reference = calledEnd();
  reference.hear(first);
  const answer = reference.said();
  const third = caller.third(answer, CALLER_PATH);
  for (let at = 28; at < third.length; at++) {
    const end = calledEnd();
    end.hear(first);
    expect(end.said()).toEqual(answer);
    const changed = third.slice();
    changed[at] = (changed[at] ?? 0) ^ 0x01;
    end.hear(changed);
    const hash = at < 28 + 48;
    if (hash) expect(effectsOf(end, "authenticated")).toEqual([]);
  }
  expect(cookieOctets({ spiI: caller.spiI, spiR: caller.spiI })).toHaveLength(16);
});

function never(): never {
  throw new Error("it is gone");
}
