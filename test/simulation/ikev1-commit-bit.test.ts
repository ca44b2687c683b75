/** The Commit bit of a peer: ESP waits for its CONNECTED (RFC 2408 §3.1). */

import { expect, test } from "bun:test";
import { readIkeSa, writeIkeSa } from "../../src/ike/state/written-ike-sa.ts";
import { Writer } from "../../src/octets/writer.ts";
import { ExchangeType } from "../../src/wire/v1/header.ts";
import { DOI_IPSEC, type Payload, Protocol } from "../../src/wire/v1/message.ts";
import { NotifyType } from "../../src/wire/v1/notify-type.ts";
import type { Caller } from "./ikev1-caller.ts";
import type { CallerQuick } from "./ikev1-caller-exchanges.ts";
import { type CalledEnd, calledAndUp, calledWithChild, effectsOf } from "./ikev1-end.ts";
import { selectorOf } from "./plan.ts";

const FLAGS_AT = 19;
const COMMIT = 2;

function committed(octets: Uint8Array): Uint8Array {
  const marked = octets.slice();
  marked[FLAGS_AT] = (marked[FLAGS_AT] ?? 0) | COMMIT;
  return marked;
}

function connectedOf(spi: number): Payload {
  const about = { doi: DOI_IPSEC, protocol: Protocol.ESP, type: NotifyType.CONNECTED };
  return { kind: "NOTIFY", ...about, spi: new Writer(4).u32(spi).done(), data: new Uint8Array(0) };
}

const outbounds = (end: CalledEnd) => effectsOf(end, "child-outbound").length;

/** A Quick Mode whose third message has the Commit bit. */
function begun(): {
  readonly caller: Caller;
  readonly end: CalledEnd;
  readonly quick: CallerQuick;
  readonly third: Uint8Array;
} {
  const { caller, end } = calledAndUp();
  const quick = caller.quick();
  end.hear(committed(quick.octets));
  const answer = end.said();
  expect((answer[FLAGS_AT] ?? 0) & COMMIT).toBe(0);
  caller.granted(quick, answer);
  const third = caller.quickThird(quick);
  end.hear(committed(third));
  expect(outbounds(end)).toBe(0);
  return { caller, end, quick, third };
}

test("CONNECTED in an Informational exchange: we send from then on", () => {
  const { caller, end, quick } = begun();
  end.hear(caller.inform([connectedOf(quick.spi)]));
  expect(outbounds(end)).toBe(1);
  end.advance(5_000);
  expect(outbounds(end)).toBe(1);
});

test("CONNECTED in a fourth message of Quick Mode, if its HASH is right", () => {
  const { caller, end, quick, third } = begun();
  const { QUICK_MODE } = ExchangeType;
  const iv = third.slice(-16);
  const payloads = [connectedOf(quick.spi)];
  const forged = caller.say(QUICK_MODE, quick.messageId, [...payloads, ...payloads], {
    ...{ isHashed: false, iv },
  });
  end.hear(forged);
  expect(outbounds(end)).toBe(0);
  end.hear(caller.say(QUICK_MODE, quick.messageId, payloads, { isHashed: true, iv }));
  expect(outbounds(end)).toBe(1);
});

test("without CONNECTED we send after two seconds", () => {
  const { end } = begun();
  end.advance(1_900);
  expect(outbounds(end)).toBe(0);
  end.advance(200);
  expect(outbounds(end)).toBe(1);
  end.advance(60_000);
  expect(outbounds(end)).toBe(1);
});

test("the next process knows what waits for CONNECTED", () => {
  const { end } = begun();
  const place = (generation: number) => ({ anchor: { now: end.now(), wallMs: 0 }, generation });
  const document = end.sa === undefined ? undefined : writeIkeSa(end.sa, place(1));
  const read = document === undefined ? undefined : readIkeSa(document, place(2));
  expect(read?.ok).toBe(true);
  if (read?.ok === true) end.sa = read.value;
  end.advance(2_100);
  expect(outbounds(end)).toBe(1);
});

test("a Child SA that is deleted meanwhile does not send", () => {
  const { caller, end, quick } = begun();
  const spis = [new Writer(4).u32(quick.spi).done()];
  end.hear(caller.inform([{ kind: "DELETE", doi: DOI_IPSEC, protocol: Protocol.ESP, spis }]));
  end.hear(caller.inform([connectedOf(quick.spi)]));
  end.advance(5_000);
  expect(outbounds(end)).toBe(0);
});

test("the Commit bit in the answer to our Quick Mode", () => {
  const { caller, end } = calledAndUp({ vendors: [] });
  const [local, remote] = [selectorOf("10.0.0.0/16"), selectorOf("192.168.0.0/24")];
  end.feed({ kind: "new-child", local: [local], remote: [remote] });
  const granted = caller.grant(end.said());
  end.hear(committed(granted.answer));
  expect(granted.isRight(end.said())).toBe(true);
  expect(outbounds(end)).toBe(0);
  end.hear(caller.inform([connectedOf(end.facts().children[0]?.spiOut ?? 0)]));
  expect(outbounds(end)).toBe(1);
});

test("CONNECTED without a Commit bit changes nothing", () => {
  const { caller, end } = calledWithChild();
  end.hear(caller.inform([connectedOf(1)]));
  expect(outbounds(end)).toBe(1);
  expect(end.sent).toEqual([]);
});
