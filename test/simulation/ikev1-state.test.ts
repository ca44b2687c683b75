/** ISAKMP SAs that go on in another process. */

import { expect, test } from "bun:test";
import { factsOf } from "../../src/ike/ike-sa.ts";
import { readIkeSa, writeIkeSa } from "../../src/ike/state/written-ike-sa.ts";
import { Writer } from "../../src/octets/writer.ts";
import { NotifyType } from "../../src/wire/v1/notify-type.ts";
import { ikev1Caller } from "./ikev1-caller.ts";
import {
  type CalledEnd,
  calledAndUp,
  calledEnd,
  calledWithChild,
  connect,
  effectsOf,
} from "./ikev1-end.ts";
import { aboutIsakmp, find } from "./ikev1-payloads.ts";

/** The ISAKMP SA is written and read by the next process, whose clock is the same. */
function goOn(end: CalledEnd): void {
  const place = (generation: number) => ({ anchor: { now: end.now(), wallMs: 0 }, generation });
  const document = end.sa === undefined ? undefined : writeIkeSa(end.sa, place(1));
  const read = document === undefined ? undefined : readIkeSa(document, place(2));
  expect(read?.ok).toBe(true);
  if (read?.ok === true) end.sa = read.value;
}

test("an established ISAKMP SA is read as it was written", () => {
  const { end } = calledWithChild();
  const before = end.sa;
  goOn(end);
  expect(end.sa).toEqual(before);
  expect(end.sa === undefined ? undefined : factsOf(end.sa)).toEqual(
    before === undefined ? undefined : factsOf(before),
  );
});

test("it goes on: liveness checks, Quick Modes, Deletes", () => {
  const { caller, end } = calledWithChild();
  goOn(end);
  const data = new Writer(4).u32(5).done();
  end.hear(caller.inform([aboutIsakmp(NotifyType.R_U_THERE, caller.cookies(), data)]));
  expect(find(caller.open(end.said()).payloads, "NOTIFY").type).toBe(NotifyType.R_U_THERE_ACK);
  connect({ caller, end });
  expect(end.facts().children).toHaveLength(2);
});

test("a Quick Mode whose answer is out is finished in the next process", () => {
  const { caller, end } = calledAndUp();
  const quick = caller.quick();
  end.hear(quick.octets);
  caller.granted(quick, end.said());
  goOn(end);
  end.hear(caller.quickThird(quick));
  expect(effectsOf(end, "child-outbound")).toHaveLength(1);
});

test("a rekey of ours that was under way begins anew", () => {
  const { caller, end } = calledWithChild();
  end.feed({ kind: "rekey-child", spiIn: end.facts().children[0]?.spiIn ?? 0 });
  end.said();
  goOn(end);
  end.feed({ kind: "deadline" });
  const granted = caller.grant(end.said());
  end.hear(granted.answer);
  expect(granted.isRight(end.said())).toBe(true);
});

test("a negotiation is not written", () => {
  const end = calledEnd();
  end.hear(ikev1Caller().first());
  const place = { anchor: { now: end.now(), wallMs: 0 }, generation: 1 };
  expect(end.sa === undefined ? undefined : writeIkeSa(end.sa, place)).toBeUndefined();
});
