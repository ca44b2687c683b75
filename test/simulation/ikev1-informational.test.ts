/** Informational exchanges of IKEv1: Delete, notifies, liveness; and changes of the ISAKMP SA. */

import { expect, test } from "bun:test";
import { stageOf } from "../../src/ike/ike-sa.ts";
import { asEspSpi } from "../../src/inet/esp-spi.ts";
import { Writer } from "../../src/octets/writer.ts";
import { asIkeSpi } from "../../src/wire/header.ts";
import { DOI_IPSEC, type Payload, Protocol } from "../../src/wire/v1/message.ts";
import { NotifyType } from "../../src/wire/v1/notify-type.ts";
import { calledAndUp, calledWithChild, connect, effectsOf, reasonsOf } from "./ikev1-end.ts";
import { aboutIsakmp, find } from "./ikev1-payloads.ts";
import { endpointOf } from "./plan.ts";

const u32 = (value: number) => new Writer(4).u32(value).done();
const deleteOf = (protocol: number, ...spis: Uint8Array[]): Payload => {
  return { kind: "DELETE", doi: DOI_IPSEC, protocol, spis };
};

test("Delete of an IPsec SA names the sender's SPI; ours is understood, too", () => {
  for (const which of ["spiOut", "spiIn"] as const) {
    const { caller, end } = calledWithChild();
    const [child] = end.facts().children;
    end.hear(caller.inform([deleteOf(Protocol.ESP, u32(child?.[which] ?? 0))]));
    expect(end.facts().children).toEqual([]);
    expect(effectsOf(end, "child-down").map(({ why }) => why)).toEqual(["peer-deleted"]);
    expect(reasonsOf(end).at(-1)).toBe("child-deleted");
  }
});

test("Delete of the ISAKMP SA: its Child SAs stay", () => {
  const { caller, end } = calledWithChild();
  end.hear(caller.inform([deleteOf(Protocol.ISAKMP, caller.cookies())]));
  expect(end.sa).toBeUndefined();
  expect(effectsOf(end, "child-down")).toEqual([]);
  expect(effectsOf(end, "ended")).toEqual([
    { kind: "ended", reason: { kind: "peer-deleted" }, childSasStay: true },
  ]);
});

test("Delete of another ISAKMP SA changes nothing", () => {
  const { caller, end } = calledWithChild();
  end.hear(caller.inform([deleteOf(Protocol.ISAKMP, new Uint8Array(16).fill(7))]));
  expect(end.facts().children).toHaveLength(1);
});

test("what is not protected is ignored", () => {
  const { caller, end } = calledWithChild();
  const [child] = end.facts().children;
  end.hear(caller.informInClear([deleteOf(Protocol.ISAKMP, caller.cookies())]));
  end.hear(caller.informInClear([deleteOf(Protocol.ESP, u32(child?.spiOut ?? 0))]));
  end.hear(caller.informInClear([aboutIsakmp(NotifyType.INITIAL_CONTACT, caller.cookies())]));
  expect(end.facts().children).toHaveLength(1);
  expect(effectsOf(end, "initial-contact")).toEqual([]);
  expect(end.sent).toEqual([]);
});

test("a replayed Informational is not worked on again", () => {
  const { caller, end } = calledAndUp();
  const octets = caller.inform([aboutIsakmp(NotifyType.INITIAL_CONTACT, caller.cookies())]);
  end.hear(octets);
  end.hear(octets);
  expect(effectsOf(end, "initial-contact")).toHaveLength(1);
});

test("INITIAL-CONTACT in an Informational or a late Quick Mode", () => {
  const contact = (caller: { cookies(): Uint8Array }) =>
    aboutIsakmp(NotifyType.INITIAL_CONTACT, caller.cookies());
  const one = calledWithChild();
  one.end.hear(one.caller.inform([contact(one.caller)]));
  expect(effectsOf(one.end, "initial-contact")).toHaveLength(1);
  expect(one.end.facts().children).toHaveLength(1);
  const two = calledWithChild();
  connect(two, { local: "192.168.0.0/24", extra: [contact(two.caller)] });
  expect(effectsOf(two.end, "initial-contact")).toHaveLength(1);
  expect(two.end.facts().children).toHaveLength(2);
});

test("R-U-THERE is answered with its number, also when the number is repeated", () => {
  const { caller, end } = calledAndUp();
  for (const sequence of [41, 42, 42, 7]) {
    end.hear(caller.inform([aboutIsakmp(NotifyType.R_U_THERE, caller.cookies(), u32(sequence))]));
    const notify = find(caller.open(end.said()).payloads, "NOTIFY");
    expect(notify.type).toBe(NotifyType.R_U_THERE_ACK);
    expect([...notify.spi]).toEqual([...caller.cookies()]);
    expect([...notify.data]).toEqual([...u32(sequence)]);
  }
});

test("a silent peer is asked, and answers", () => {
  const { caller, end } = calledWithChild();
  end.advance(30_100);
  const asked = find(caller.open(end.said()).payloads, "NOTIFY");
  expect(asked.type).toBe(NotifyType.R_U_THERE);
  expect((asked.data[0] ?? 0) & 0x80).toBe(0);
  end.hear(caller.inform([aboutIsakmp(NotifyType.R_U_THERE_ACK, caller.cookies(), asked.data)]));
  end.advance(29_000);
  expect(end.sent).toEqual([]);
  end.advance(2_000);
  const again = find(caller.open(end.said()).payloads, "NOTIFY");
  expect(again.data[3]).toBe(((asked.data[3] ?? 0) + 1) & 0xff);
});

test("a peer that answers no question is gone, with its Child SAs", () => {
  const { end } = calledWithChild();
  end.advance(200_000);
  expect(end.sa).toBeUndefined();
  expect(effectsOf(end, "child-down").map(({ why }) => why)).toEqual(["peer-silent"]);
  expect(effectsOf(end, "ended")).toEqual([
    { kind: "ended", reason: { kind: "we-deleted", why: "peer-silent" } },
  ]);
});

test("an answer with another number does not count", () => {
  const { caller, end } = calledWithChild();
  end.advance(30_100);
  end.sent.splice(0);
  end.hear(caller.inform([aboutIsakmp(NotifyType.R_U_THERE_ACK, caller.cookies(), u32(1))]));
  end.advance(200_000);
  expect(end.sa).toBeUndefined();
});

test("a peer without the Vendor ID of liveness checks is not asked", () => {
  const { end } = calledWithChild({ vendors: ["nat-t"] });
  end.advance(120_000);
  expect(end.sent).toEqual([]);
  expect(end.facts().children).toHaveLength(1);
});

test("closing deletes the IPsec SAs and then the ISAKMP SA", () => {
  const { caller, end } = calledWithChild();
  end.feed({ kind: "close", why: "disconnected-by-hand" });
  const deletes = end.sent.map(({ octets }) => find(caller.open(octets).payloads, "DELETE"));
  expect(deletes.map(({ protocol }) => protocol)).toEqual([Protocol.ESP, Protocol.ISAKMP]);
  expect([...(deletes[1]?.spis[0] ?? [])]).toEqual([...caller.cookies()]);
  expect(end.sa).toBeUndefined();
});

test("the lifetime of Phase 1 ends: its Child SAs stay", () => {
  const { end, caller } = calledWithChild({ lifetimeSeconds: 60 }, {});
  end.hear(caller.inform([aboutIsakmp(NotifyType.R_U_THERE, caller.cookies(), u32(9))]));
  end.advance(29_000);
  end.sent.splice(0);
  const down = effectsOf(end, "child-down").length;
  end.hear(caller.inform([aboutIsakmp(NotifyType.R_U_THERE, caller.cookies(), u32(10))]));
  end.advance(25_000);
  end.advance(10_000);
  expect(end.sa).toBeUndefined();
  expect(effectsOf(end, "child-down")).toHaveLength(down);
  expect(effectsOf(end, "ended")[0]).toMatchObject({
    reason: { kind: "we-deleted", why: "lifetime-over" },
    childSasStay: true,
  });
});

test("a longer lifetime than ours is accepted: the site begins Phase 1 anew", () => {
  const { end } = calledWithChild({ lifetimeSeconds: 36_000, vendors: [] });
  end.advance(20_000_000);
  expect(end.facts().version).toBe(1);
  end.advance(17_000_000);
  expect(end.sa).toBeUndefined();
});

test("a newer ISAKMP SA takes the Child SAs over; this one waits for its Delete", () => {
  const { caller, end } = calledWithChild();
  const children = end.facts().children;
  const to = asIkeSpi(5n);
  end.feed({ kind: "stand-down", to });
  expect(effectsOf(end, "hand-over")).toEqual([{ kind: "hand-over", to, children }]);
  expect(stageOf(end.sa ?? never())).toBe("replaced");
  expect(end.facts()).toMatchObject({ children: [], isReplaced: true, canTakeChildSas: false });
  // A Quick Mode that the site still begins here: its Child SA follows the others.
  connect({ caller, end }, { local: "192.168.0.0/24" });
  expect(effectsOf(end, "hand-over")).toHaveLength(2);
  end.sent.splice(0);
  end.advance(31_000);
  expect(end.sa).toBeUndefined();
  expect(effectsOf(end, "child-down")).toEqual([]);
});

test("a Delete that comes in the former ISAKMP SA goes to the newest", () => {
  const { caller, end } = calledWithChild();
  const [child] = end.facts().children;
  const to = asIkeSpi(5n);
  end.feed({ kind: "stand-down", to });
  end.hear(caller.inform([deleteOf(Protocol.ESP, u32(child?.spiOut ?? 0))]));
  const event = { kind: "child-deleted", spiIn: asEspSpi(child?.spiIn ?? 0) } as const;
  expect(effectsOf(end, "tell")).toEqual([{ kind: "tell", to, event }]);
  const newer = calledAndUp();
  newer.end.feed({ kind: "adopt", children: child === undefined ? [] : [child] });
  newer.end.feed(event);
  expect(newer.end.facts().children).toEqual([]);
  expect(effectsOf(newer.end, "child-down").map(({ why }) => why)).toEqual(["peer-deleted"]);
});

test("adopted Child SAs are rekeyed and deleted here", () => {
  const older = calledWithChild({ seed: 3 });
  const newer = calledAndUp();
  const spiIn = asEspSpi(300);
  const children = older.end.facts().children.map((child) => ({ ...child, spiIn }));
  newer.end.feed({ kind: "adopt", children });
  expect(newer.end.facts().children).toHaveLength(1);
  connect(newer);
  expect(reasonsOf(newer.end).at(-1)).toBe("child-sa-rekeyed");
});

test("a peer that moves is followed, and its Child SAs move with it", () => {
  const { caller, end } = calledWithChild();
  const path = { local: endpointOf("192.0.2.2", 4_500), remote: endpointOf("203.0.113.4", 4_500) };
  const octets = caller.inform([aboutIsakmp(NotifyType.R_U_THERE, caller.cookies(), u32(1))]);
  end.hear(octets, path);
  expect(end.facts().path).toEqual(path);
  expect(effectsOf(end, "moved")).toHaveLength(1);
  end.hear(octets);
  expect(end.facts().path).toEqual(path);
});

test("an ISAKMP SA without a Child SA is deleted after a while", () => {
  const { end } = calledAndUp({ vendors: ["nat-t"] });
  end.advance(301_000);
  expect(end.sa).toBeUndefined();
});

function never(): never {
  throw new Error("it is gone");
}
