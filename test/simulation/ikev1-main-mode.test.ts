/** Main Mode as responder, with a pre-shared key that the caller's address selects. */

import { expect, test } from "bun:test";
import { ok } from "../../src/octets/result.ts";
import { identityText } from "../../src/wire/identity.ts";
import { type CallerKnobs, ikev1Caller } from "./ikev1-caller.ts";
import {
  CALLER_PATH,
  type CalledSettings,
  calledEnd,
  connect,
  effectsOf,
  reasonsOf,
} from "./ikev1-end.ts";
import { endpointOf } from "./plan.ts";

function upByMainMode(
  knobs: CallerKnobs = {},
  settings: CalledSettings = {},
  path = CALLER_PATH,
  last = path,
) {
  const caller = ikev1Caller(knobs);
  const end = calledEnd(settings);
  end.hear(caller.mainFirst(), path);
  end.hear(caller.mainThird(end.said(), path), path);
  const fifth = caller.mainFifth(end.said());
  end.hear(fifth, last);
  return { caller, end, fifth };
}

test("Main Mode: the row is found by the address, and six messages establish it", () => {
  const { caller, end } = upByMainMode();
  const [asked] = effectsOf(end, "identify");
  expect(asked?.exchange).toBe("Main Mode");
  expect(asked === undefined ? "" : identityText(asked.peer)).toBe("192.0.2.1");
  caller.mainEnd(end.said());
  expect(identityText(end.facts().peer)).toBe("site-1");
  connect({ caller, end });
  expect(end.facts().children).toHaveLength(1);
});

test("Main Mode: a wrong key ends it without an answer", () => {
  const { end } = upByMainMode({ psk: "another key" });
  expect(end.sa).toBeUndefined();
  expect(end.sent).toEqual([]);
  expect(reasonsOf(end)).toEqual(["wrong-psk"]);
});

test("Main Mode: ID and HASH in clear are refused, with the reason", () => {
  const caller = ikev1Caller();
  const end = calledEnd();
  end.hear(caller.mainFirst());
  end.hear(caller.mainThird(end.said(), CALLER_PATH));
  end.hear(caller.mainFifth(end.said(), true));
  expect(end.sa).toBeUndefined();
  expect(effectsOf(end, "note").at(-1)?.note.detail).toContain("not encrypted");
  expect(effectsOf(end, "authenticated")).toEqual([]);
});

test("Main Mode: the ID has to be that of the site at this address, or the address itself", () => {
  const withExpected: CalledSettings = {
    credentials: (own) => {
      const isPeer = (identity: Parameters<typeof identityText>[0]) =>
        identityText(identity) === "site-1";
      const expected = { peerId: "site-1", isPeer };
      return ok({
        ...own,
        ikev1: {
          ...{ xauth: false, isUserKnown: false, isSha256Short: false, pushesConfig: false },
          expected,
        },
      });
    },
  };
  expect(upByMainMode({}, withExpected).end.facts().version).toBe(1);
  expect(upByMainMode({ id: "192.0.2.1" }, withExpected).end.facts().version).toBe(1);
  const { end } = upByMainMode({ id: "site-2" }, withExpected);
  expect(end.sa).toBeUndefined();
  expect(reasonsOf(end)).toEqual(["wrong-peer"]);
});

test("Main Mode: each message of the caller may be repeated", () => {
  const caller = ikev1Caller();
  const end = calledEnd();
  const first = caller.mainFirst();
  end.hear(first);
  const second = end.said();
  end.advance(1_000);
  end.hear(first);
  expect(end.said()).toEqual(second);
  const third = caller.mainThird(second, CALLER_PATH);
  end.hear(third);
  const fourth = end.said();
  end.advance(1_000);
  end.hear(third);
  expect(end.said()).toEqual(fourth);
  const fifth = caller.mainFifth(fourth);
  end.hear(fifth);
  const sixth = end.said();
  end.hear(fifth);
  expect(end.said()).toEqual(sixth);
  caller.mainEnd(sixth);
  connect({ caller, end });
  end.hear(fifth);
  expect(end.sent).toEqual([]);
});

test("Main Mode: behind a NAT the fifth message comes from the NAT port", () => {
  const local = endpointOf("192.0.2.2", 500);
  const path = { local, remote: endpointOf("203.0.113.9", 61_000) };
  const last = { local: endpointOf("192.0.2.2", 4_500), remote: endpointOf("203.0.113.9", 61_001) };
  const { caller, end } = upByMainMode({ inner: "10.9.9.9" }, {}, path, last);
  expect(end.facts()).toMatchObject({ nat: "remote", path: last });
  expect(end.sent[0]?.path).toEqual(last);
  caller.mainEnd(end.said());
  connect({ caller, end }, { mode: 3 });
  expect(end.facts().children).toHaveLength(1);
});

test("behind a NAT, a mode without UDP is refused, and so is that of the drafts by the RFC", () => {
  const local = endpointOf("192.0.2.2", 500);
  const path = { local, remote: endpointOf("203.0.113.9", 61_000) };
  for (const mode of [1, 2, 4, 61_443]) {
    const { caller, end } = upByMainMode({ inner: "10.9.9.9" }, {}, path);
    caller.mainEnd(end.said());
    end.hear(caller.quick({ mode }).octets);
    expect(reasonsOf(end).at(-1)).toBe("no-proposal-chosen");
  }
});

test("Main Mode: INITIAL-CONTACT in the fifth message", () => {
  const { end } = upByMainMode({ initialContact: true });
  expect(effectsOf(end, "authenticated")[0]?.initialContact).toBe(true);
});

test("Main Mode: a negotiation that stops is forgotten at each step", () => {
  for (let steps = 1; steps <= 2; steps++) {
    const caller = ikev1Caller();
    const end = calledEnd();
    end.hear(caller.mainFirst());
    const second = end.said();
    if (steps === 2) end.hear(caller.mainThird(second, CALLER_PATH));
    end.advance(31_000);
    expect(end.sa).toBeUndefined();
    expect(effectsOf(end, "note").at(-1)?.note).toMatchObject({
      step: "Main Mode",
      reason: "timeout",
    });
  }
});
