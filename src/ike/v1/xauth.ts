/**
 * XAUTH, as the end that asks: a name and a password, and then whether they are right
 * (draft-beaulieu-ike-xauth-02 §4).
 */

import { err, ok, type Result } from "../../octets/result.ts";
import { hasUnseen } from "../../octets/visible-text.ts";
import { attributeNumber, attributeOctets, numberAttribute } from "../../wire/v1/attribute.ts";
import { CfgType, XAUTH_TYPE_GENERIC, XauthAttribute } from "../../wire/v1/cfg-attribute.ts";
import type { Attribute, AttributePayload } from "../../wire/v1/message.ts";

// Initiator                       Responder
//                             <-- HDR*, HASH, ATTR(REQUEST: USER_NAME, USER_PASSWORD)
// HDR*, HASH, ATTR(REPLY: USER_NAME, USER_PASSWORD) -->
//                             <-- HDR*, HASH, ATTR(SET: STATUS)
// HDR*, HASH, ATTR(ACK) -->

/** What a site has answered. The password is a copy, and a secret. */
export type XauthAnswer = { readonly user: string; readonly password: Uint8Array };

/** Octets of a name or a password: no table has longer ones. */
const ANSWER_OCTETS_MAX = 255;

/** Asks for a name and a password. */
export function xauthRequest(identifier: number): AttributePayload {
  const { USER_NAME, USER_PASSWORD } = XauthAttribute;
  const attributes = [USER_NAME, USER_PASSWORD].map((type): Attribute => {
    return { type, form: "TLV", octets: new Uint8Array(0) };
  });
  return { kind: "ATTRIBUTE", cfgType: CfgType.REQUEST, identifier, attributes };
}

/** Says whether they are right. */
export function xauthStatus(identifier: number, isRight: boolean): AttributePayload {
  const attributes = [numberAttribute(XauthAttribute.STATUS, isRight ? 1 : 0)];
  return { kind: "ATTRIBUTE", cfgType: CfgType.SET, identifier, attributes };
}

/**
 * Reads a REPLY; or says in words what is wrong with it, without the password. Some clients end a
 * name with a NUL, which is left out; that of a password is left to the comparison.
 */
export function readXauthReply(payload: AttributePayload): Result<XauthAnswer, string> {
  const find = (type: number) => payload.attributes.find((one) => one.type === type);
  const { TYPE, USER_NAME, USER_PASSWORD, STATUS } = XauthAttribute;
  if (payload.cfgType !== CfgType.REPLY) {
    return err(`the site sends CFG type ${payload.cfgType}, needed is a REPLY (${CfgType.REPLY})`);
  }
  const [type, status] = [find(TYPE), find(STATUS)];
  if (status !== undefined) {
    return err(`the site ends XAUTH with status ${attributeNumber(status) ?? "?"}`);
  }
  const kind = type === undefined ? XAUTH_TYPE_GENERIC : attributeNumber(type);
  if (kind !== XAUTH_TYPE_GENERIC) {
    return err(`the site answers with XAUTH type ${kind ?? "?"}, needed is ${XAUTH_TYPE_GENERIC}`);
  }
  const [name, password] = [find(USER_NAME), find(USER_PASSWORD)];
  if (name === undefined) return err("the site names no user");
  if (password === undefined) return err("the site sends no password");
  const octets = attributeOctets(password);
  const user = userText(attributeOctets(name));
  if (user === undefined) return err("the site's user name is empty, too long, or no text");
  if (octets.length > ANSWER_OCTETS_MAX) {
    return err(`the site's password has ${octets.length} octets, at most ${ANSWER_OCTETS_MAX}`);
  }
  return ok({ user, password: octets.slice() });
}

function userText(octets: Uint8Array): string | undefined {
  const end = octets.at(-1) === 0 ? octets.length - 1 : octets.length;
  if (end === 0 || octets.length > ANSWER_OCTETS_MAX) return undefined;
  try {
    const text = utf8.decode(octets.subarray(0, end));
    return hasUnseen(text) || text.trim() !== text ? undefined : text;
  } catch {
    return undefined;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
