/** XAUTH as the end that asks. */

import { expect, test } from "bun:test";
import { stageOf } from "../../src/ike/ike-sa.ts";
import { ok } from "../../src/octets/result.ts";
import { CfgType, XauthAttribute } from "../../src/wire/v1/cfg-attribute.ts";
import type { Attribute, Payload } from "../../src/wire/v1/message.ts";
import { NotifyType } from "../../src/wire/v1/notify-type.ts";
import { type Caller, ikev1Caller } from "./ikev1-caller.ts";
import {
  CALLER_PATH,
  type CalledEnd,
  type CalledSettings,
  calledEnd,
  connect,
  effectsOf,
  reasonsOf,
} from "./ikev1-end.ts";
import { aboutIsakmp } from "./ikev1-payloads.ts";

const tlv = (type: number, text = ""): Attribute => {
  return { type, form: "TLV", octets: new TextEncoder().encode(text) };
};
const attributes = (cfgType: number, ...all: Attribute[]): Payload => {
  return { kind: "ATTRIBUTE", cfgType, identifier: 1, attributes: all };
};
const reply = (user: string, password: string) =>
  attributes(
    CfgType.REPLY,
    tlv(XauthAttribute.USER_NAME, user),
    tlv(XauthAttribute.USER_PASSWORD, password),
  );
const ACK = attributes(CfgType.ACK);

const NO_OTHER = { isSha256Short: false, pushesConfig: false, expected: undefined };
const WITH_XAUTH: CalledSettings = {
  credentials: (own) => ok({ ...own, ikev1: { ...NO_OTHER, xauth: true, isUserKnown: false } }),
  password: (user, password) => user === "anna" && password === "right",
};

function asked(): { readonly caller: Caller; readonly end: CalledEnd } {
  const caller = ikev1Caller({ xauth: true });
  const end = calledEnd(WITH_XAUTH);
  end.hear(caller.first());
  end.hear(caller.third(end.said(), CALLER_PATH));
  return { caller, end };
}

test("XAUTH: the site is up once its user's password is right, and not before", () => {
  const { caller, end } = asked();
  expect(effectsOf(end, "authenticated")).toEqual([]);
  expect(end.sa === undefined ? "" : stageOf(end.sa)).toBe("half-open");
  const request = caller.answerTransaction(end.said(), reply("anna", "right"));
  expect(request.read).toMatchObject({ cfgType: CfgType.REQUEST });
  end.hear(request.octets);
  const status = caller.answerTransaction(end.said(), ACK);
  expect(status.read).toMatchObject({
    cfgType: CfgType.SET,
    attributes: [{ type: XauthAttribute.STATUS, value: 1 }],
  });
  expect(effectsOf(end, "authenticated")).toEqual([]);
  end.hear(status.octets);
  expect(effectsOf(end, "authenticated")).toHaveLength(1);
  connect({ caller, end });
  expect(end.facts().children).toHaveLength(1);
});

test("XAUTH: a wrong password is answered with status 0, and ends the negotiation", () => {
  const { caller, end } = asked();
  end.hear(caller.answerTransaction(end.said(), reply("anna", "wrong")).octets);
  const status = caller.answerTransaction(end.said(), ACK);
  expect(status.read).toMatchObject({ attributes: [{ type: XauthAttribute.STATUS, value: 0 }] });
  expect(end.sa).toBeUndefined();
  expect(reasonsOf(end)).toEqual(["xauth-failed"]);
  expect(JSON.stringify(effectsOf(end, "note"))).not.toContain('wrong"');
});

test("XAUTH: Quick Mode before its success is ignored", () => {
  const { caller, end } = asked();
  end.said();
  end.hear(caller.quick().octets);
  expect(end.installed).toEqual([]);
  expect(end.sent).toEqual([]);
});

test("XAUTH: INITIAL-CONTACT meanwhile counts", () => {
  const { caller, end } = asked();
  end.hear(caller.inform([aboutIsakmp(NotifyType.INITIAL_CONTACT, caller.cookies())]));
  end.hear(caller.answerTransaction(end.said(), reply("anna", "right")).octets);
  end.hear(caller.answerTransaction(end.said(), ACK).octets);
  expect(effectsOf(end, "authenticated")[0]?.initialContact).toBe(true);
});

test("XAUTH: the request is repeated, and a site without a user is forgotten", () => {
  const { end } = asked();
  const request = end.said();
  end.advance(3_000);
  expect(end.said()).toEqual(request);
  end.advance(60_000);
  expect(end.sa).toBeUndefined();
  expect(reasonsOf(end)).toEqual(["timeout"]);
});

test("XAUTH: a site that does not offer it is refused, with both sides", () => {
  const end = calledEnd(WITH_XAUTH);
  end.hear(ikev1Caller().first());
  expect(end.sa).toBeUndefined();
  expect(reasonsOf(end)).toEqual(["no-proposal-chosen"]);
});
