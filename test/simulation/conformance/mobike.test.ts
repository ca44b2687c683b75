/** MOBIKE as responder: who may go where, and when the Child SAs follow (RFC 4555). */

import { expect, test } from "bun:test";
import { natDetectionNotifies } from "../../../src/ike/v2/nat.ts";
import { notify } from "../../../src/ike/v2/notify.ts";
import { sealMessage } from "../../../src/ike/v2/protect.ts";
import type { Path } from "../../../src/inet/endpoint.ts";
import { Writer } from "../../../src/octets/writer.ts";
import { ExchangeType } from "../../../src/wire/v2/exchange-type.ts";
import type { Payload } from "../../../src/wire/v2/message.ts";
import { NotifyType } from "../../../src/wire/v2/notify-type.ts";
import { change, connectedEnds, type Ends, established, takeSeen } from "../ends.ts";
import { endpointOf } from "../plan.ts";

const US = endpointOf("192.0.2.2", 4_500);
const ELSEWHERE: Path = { local: US, remote: endpointOf("198.51.100.77", 4_500) };

test("X-05: IKE moves at once, the Child SAs once COOKIE2 has come back", () => {
  const ends = roaming();
  const { id } = established(ends.b);
  const nat = natDetectionNotifies(id.spiI, id.spiR, {
    ...{ local: ELSEWHERE.remote, remote: ELSEWHERE.local },
  });
  const [answer, check] = told(ends, [update(), ...nat], ELSEWHERE);
  expect(answer?.payloads).toMatchObject([
    { type: NotifyType.NAT_DETECTION_SOURCE_IP },
    { type: NotifyType.NAT_DETECTION_DESTINATION_IP },
  ]);
  expect(ends.wire.at(-1)?.path).toEqual(ELSEWHERE);
  expect(established(ends.b)).toMatchObject({ path: ELSEWHERE, nat: "none" });
  expect(check?.payloads).toMatchObject([{ type: NotifyType.COOKIE2 }]);
  expect(moves(ends)).toBe(0);
  say(ends, { response: true, messageId: 0 }, check?.payloads ?? [], ELSEWHERE);
  expect(moves(ends)).toBe(1);
});

test("X-05: another COOKIE2, or none, moves no Child SA", () => {
  for (const wrong of [[], [notify(NotifyType.COOKIE2, new Uint8Array(16))]]) {
    const ends = roaming();
    told(ends, [update()], ELSEWHERE);
    say(ends, { response: true, messageId: 0 }, wrong, ELSEWHERE);
    expect(moves(ends)).toBe(0);
  }
});

test("X-05: the COOKIE2 of the peer is returned unchanged", () => {
  const ends = roaming();
  const cookie2 = notify(NotifyType.COOKIE2, new Uint8Array(32).fill(0xc2));
  const [answer] = told(ends, [cookie2], PATH);
  expect(answer?.payloads).toEqual([cookie2]);
});

test("X-05: invalid addresses are unacceptable, an unwanted NAT is reported", () => {
  for (const text of ["224.0.0.5", "255.255.255.255", "0.0.0.1"]) {
    const ends = roaming();
    const [answer, check] = told(ends, [update()], { ...ELSEWHERE, remote: endpointOf(text, 500) });
    expect(answer?.payloads).toMatchObject([{ type: NotifyType.UNACCEPTABLE_ADDRESSES }]);
    expect([check, established(ends.b).path]).toEqual([undefined, PATH]);
  }
  const ends = roaming();
  const [answer] = told(ends, [update(), noNats("10.1.1.1")], ELSEWHERE);
  expect(answer?.payloads).toMatchObject([{ type: NotifyType.UNEXPECTED_NAT_DETECTED }]);
  expect(established(ends.b).path).toEqual(PATH);
  told(ends, [update(), noNats("198.51.100.77")], ELSEWHERE);
  expect(established(ends.b).path).toEqual(ELSEWHERE);
});

test("X-05: a peer that has not sent MOBIKE_SUPPORTED stays at its address", () => {
  const ends = connectedEnds();
  const [answer, check] = told(ends, [update()], ELSEWHERE);
  expect([answer?.payloads, check]).toEqual([[], undefined]);
  expect(established(ends.b).path).toEqual(PATH);
});

/** Where end a is at first. */
const PATH: Path = { local: endpointOf("192.0.2.2", 500), remote: endpointOf("192.0.2.1", 500) };

function roaming(): Ends {
  const ends = connectedEnds();
  change(ends.b, { mobike: true });
  return ends;
}

/** What end b sends after an INFORMATIONAL on this path: its answer, and its own request. */
function told(ends: Ends, payloads: readonly Payload[], path: Path) {
  takeSeen(ends.b);
  const { nextId: messageId } = established(ends.b).inbound;
  say(ends, { response: false, messageId }, payloads, path);
  return takeSeen(ends.b).filter(({ way }) => way === "sent");
}

function say(
  ends: Ends,
  head: { readonly response: boolean; readonly messageId: number },
  payloads: readonly Payload[],
  path: Path,
): void {
  const whole = { exchangeType: ExchangeType.INFORMATIONAL, ...head };
  const sealed = sealMessage(established(ends.a), whole, payloads, {
    ...{ random: ends.a.context.random, onMessage: undefined },
  });
  for (const octets of sealed) ends.deliver(ends.b, octets, path);
}

function update(): Payload {
  return notify(NotifyType.UPDATE_SA_ADDRESSES);
}

/** NO_NATS_ALLOWED from a peer that believes this address to be its own. */
function noNats(own: string): Payload {
  const w = new Writer(12);
  for (const text of [own, "192.0.2.2"]) {
    w.u32(Number(endpointOf(text, 0).address.value));
  }
  return notify(NotifyType.NO_NATS_ALLOWED, w.u16(4_500).u16(4_500).done());
}

function moves(ends: Ends): number {
  return ends.b.effects.filter(({ kind }) => kind === "moved").length;
}
