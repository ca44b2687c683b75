/** AUTH_LIFETIME: which end has to reauthenticate, and by when (RFC 4478). */

import { expect, test } from "bun:test";
import { notify } from "../../../src/ike/v2/notify.ts";
import { Writer } from "../../../src/octets/writer.ts";
import { ExchangeType } from "../../../src/wire/v2/exchange-type.ts";
import { NotifyType } from "../../../src/wire/v2/notify-type.ts";
import {
  connectedEnds,
  type EndName,
  type EndsSettings,
  established,
  type IkeEnd,
  takeSeen,
} from "../ends.ts";

const TEN_MINUTES = 600_000;

test("X-10: the responder says how long authentication is valid; the initiator is in time", () => {
  const ends = connectedEnds(withReauth("b"));
  const [, response] = takeSeen(ends.a);
  expect(response?.payloads).toContainEqual(lifetime(600));
  ends.advance(TEN_MINUTES);
  expect(kindsOf(ends.a)).toContain("reauthenticate");
  expect(kindsOf(ends.b)).not.toContain("ended");
  ends.advance(60_000);
  expect(endsOf(ends.b)).toEqual(["reauthentication-overdue"]);
});

test.each<[EndName, EndName]>([
  ["a", "a"],
  ["a", "b"],
  ["b", "a"],
  ["b", "b"],
])("X-10: the caller is the one, with the time of end %s and a rekey by end %s", (whose, who) => {
  const ends = connectedEnds(withReauth(whose));
  ends.feed(who === "a" ? ends.a : ends.b, { kind: "rekey-ike" });
  ends.run();
  ends.advance(TEN_MINUTES);
  expect(kindsOf(ends.a)).toContain("reauthenticate");
  expect(kindsOf(ends.b)).not.toContain("reauthenticate");
  expect([...endsOf(ends.a), ...endsOf(ends.b)]).not.toContain("reauthentication-overdue");
  // The responder waits a little longer than it has announced, and no longer.
  ends.advance(60_000);
  const overdue = endsOf(ends.b).filter((why) => why === "reauthentication-overdue");
  expect(overdue.length).toBe(whose === "b" ? 1 : 0);
});

test("X-10: a time announced later, in an INFORMATIONAL, binds the initiator alone", () => {
  for (const [name, obeys] of [
    ["a", true],
    ["b", false],
  ] as const) {
    const ends = connectedEnds();
    const [to, from] = name === "a" ? [ends.a, ends.b] : [ends.b, ends.a];
    const { nextId: messageId } = established(to).inbound;
    const head = { exchangeType: ExchangeType.INFORMATIONAL, response: false, messageId };
    ends.say(from, head, [lifetime(600)]);
    ends.advance(TEN_MINUTES);
    expect(kindsOf(to).includes("reauthenticate")).toBe(obeys);
    expect(kindsOf(to)).not.toContain("ended");
  }
});

test("X-10: a time of only a few seconds is not followed to the letter", () => {
  const ends = connectedEnds();
  const { nextId: messageId } = established(ends.a).inbound;
  const head = { exchangeType: ExchangeType.INFORMATIONAL, response: false, messageId };
  ends.say(ends.b, head, [lifetime(1)]);
  ends.advance(40_000);
  expect(kindsOf(ends.a)).not.toContain("reauthenticate");
  ends.advance(20_000);
  expect(kindsOf(ends.a)).toContain("reauthenticate");
});

function withReauth(name: EndName): EndsSettings {
  return {
    credentials: (end, own) =>
      end === name ? { ...own, settings: { ...own.settings, reauthMs: TEN_MINUTES } } : own,
  };
}

function lifetime(seconds: number) {
  return notify(NotifyType.AUTH_LIFETIME, new Writer(4).u32(seconds).done());
}

function kindsOf(end: IkeEnd): readonly string[] {
  return end.effects.map(({ kind }) => kind);
}

/** Why each of its IKE SAs has ended. */
function endsOf(end: IkeEnd): readonly string[] {
  return end.effects.flatMap((effect) => {
    if (effect.kind !== "ended") return [];
    return [effect.reason.kind === "we-deleted" ? effect.reason.why : effect.reason.kind];
  });
}
