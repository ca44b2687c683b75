/** XAUTH: what is asked, and what a site may answer. */

import { expect, test } from "bun:test";
import { readXauthReply, xauthRequest, xauthStatus } from "../../../../src/ike/v1/xauth.ts";
import { numberAttribute } from "../../../../src/wire/v1/attribute.ts";
import {
  CfgType,
  XAUTH_TYPE_GENERIC,
  XauthAttribute,
} from "../../../../src/wire/v1/cfg-attribute.ts";
import type { Attribute, AttributePayload } from "../../../../src/wire/v1/message.ts";
import { emitPayloadBody } from "../../../../src/wire/v1/payload-chain.ts";

const { TYPE, USER_NAME, USER_PASSWORD, STATUS } = XauthAttribute;

test("the question and the verdict, octet for octet", () => {
  expect(emitPayloadBody(xauthRequest(0x1234)).toHex()).toBe("01001234" + "40890000" + "408a0000");
  expect(emitPayloadBody(xauthStatus(0x1234, true)).toHex()).toBe("03001234" + "c08f0001");
  expect(emitPayloadBody(xauthStatus(0x1234, false)).toHex()).toBe("03001234" + "c08f0000");
});

test("a name and a password, in any order, with a type and other attributes", () => {
  const answer = readXauthReply(
    reply(
      text(USER_PASSWORD, "secret"),
      numberAttribute(TYPE, XAUTH_TYPE_GENERIC),
      text(16_526, "domain"),
      text(USER_NAME, "site-4711"),
    ),
  );
  expect(answer).toEqual({
    ok: true,
    value: { user: "site-4711", password: new TextEncoder().encode("secret") },
  });
});

test("a name that ends in NUL loses it; the password keeps its own, and is a copy", () => {
  const password = text(USER_PASSWORD, "secret\0");
  const answer = readXauthReply(reply(text(USER_NAME, "site-4711\0"), password));
  if (!answer.ok) throw new Error(answer.error);
  expect(answer.value.user).toBe("site-4711");
  if (password.form === "TLV") password.octets.fill(0);
  expect(new TextDecoder().decode(answer.value.password)).toBe("secret\0");
});

test("a password of two octets in the short form", () => {
  const short = numberAttribute(USER_PASSWORD, 0x6162);
  const answer = readXauthReply(reply(text(USER_NAME, "u"), short));
  expect(answer.ok && new TextDecoder().decode(answer.value.password)).toBe("ab");
});

test("what is wrong is said in words, without the password", () => {
  const [name, password] = [text(USER_NAME, "u"), text(USER_PASSWORD, "hunter2")];
  const faults = [
    [reply(password), "the site names no user"],
    [reply(name), "the site sends no password"],
    [reply(name, password, numberAttribute(TYPE, 1)), "XAUTH type 1, needed is 0"],
    [reply(name, password, numberAttribute(STATUS, 0)), "ends XAUTH with status 0"],
    [reply(text(USER_NAME, ""), password), "user name is empty"],
    [reply(text(USER_NAME, "\0"), password), "user name is empty"],
    [reply(text(USER_NAME, "a\nb"), password), "no text"],
    [reply(text(USER_NAME, "x".repeat(256)), password), "too long"],
    [reply(name, text(USER_PASSWORD, "x".repeat(256))), "password has 256 octets"],
    [{ ...reply(name, password), cfgType: CfgType.ACK }, "CFG type 4, needed is a REPLY (2)"],
  ] as const;
  for (const [payload, words] of faults) {
    const answer = readXauthReply(payload);
    expect(answer.ok ? "no fault" : answer.error).toContain(words);
    expect(answer.ok ? "" : answer.error).not.toContain("hunter2");
  }
  const octets = Uint8Array.of(0xff, 0xfe);
  const broken = readXauthReply(reply({ type: USER_NAME, form: "TLV", octets }, password));
  expect(broken.ok).toBe(false);
});

function reply(...attributes: readonly Attribute[]): AttributePayload {
  return { kind: "ATTRIBUTE", cfgType: CfgType.REPLY, identifier: 7, attributes };
}

function text(type: number, value: string): Attribute {
  return { type, form: "TLV", octets: new TextEncoder().encode(value) };
}
