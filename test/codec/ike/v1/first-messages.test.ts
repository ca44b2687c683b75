/** What programs of others send first: it is read, and something in it can be chosen. */

import { expect, test } from "bun:test";
import type { Suite } from "../../../../src/crypto/suite.ts";
import { Encr, Integ, Ke, PrfId } from "../../../../src/crypto/transform.ts";
import { chooseIsakmp } from "../../../../src/ike/v1/proposal.ts";
import { isakmpOfferOf } from "../../../../src/ike/v1/transform.ts";
import { AuthMethod } from "../../../../src/ike/v1/transform-numbers.ts";
import { identityText } from "../../../../src/wire/identity.ts";
import { vendorsIn } from "../../../../src/wire/v1/vendor-id.ts";
import recorded from "../../vectors/ikev1_first_messages.json";
import { readMessage } from "../../wire/v1/read-message.ts";
import { the } from "./golden.ts";

const OLD: Suite = {
  encr: [
    { id: Encr.AES_CBC, keyBits: 256 },
    { id: Encr.AES_CBC, keyBits: 128 },
    { id: Encr.DES3, keyBits: undefined },
  ],
  prf: [PrfId.HMAC_SHA2_256, PrfId.HMAC_SHA1, PrfId.HMAC_MD5],
  integ: [Integ.HMAC_SHA2_256_128, Integ.HMAC_SHA1_96, Integ.HMAC_MD5_96],
  ke: [Ke.MODP_2048, Ke.MODP_1536, Ke.MODP_1024],
  esn: [],
};

test("ike-scan in Main Mode: the first transform that an old eroute has", () => {
  const sa = the("SA", messageOf("ike-scan, Main Mode"));
  const chosen = choose(sa, AuthMethod.PRE_SHARED_KEY, undefined);
  expect(chosen).toBe("3DES/PRF_HMAC_SHA1/2");
});

test("ike-scan --aggressive: its ID is read, and the group is that of its KE payload", () => {
  const message = messageOf("ike-scan --aggressive, group 2");
  const ke = the("KE", message).data;
  expect(ke.length).toBe(128);
  expect(identityText(the("ID", message).identity)).toBe("site-4711");
  expect(choose(the("SA", message), AuthMethod.PRE_SHARED_KEY, ke.length)).toBe(
    "3DES/PRF_HMAC_SHA1/2",
  );
});

test.each([
  ["vpnc, group 2", 128, "AES_CBC_256/PRF_HMAC_SHA1/2"],
  ["vpnc, group 14", 256, "AES_CBC_256/PRF_HMAC_SHA1/14"],
])("%s: a group name as KEY_ID, XAUTH, two dozen transforms", (title, octets, best) => {
  const message = messageOf(title);
  const sa = the("SA", message);
  const { identity } = the("ID", message);
  expect([identity.idType, identityText(identity)]).toEqual([11, "group-1"]);
  expect(the("KE", message).data.length).toBe(octets);
  const vendors = [...vendorsIn(message.payloads)];
  expect(vendors).toContain("xauth");
  expect(vendors).toContain("nat-t");
  expect(vendors).toContain("dpd");
  const offers = (sa.proposals[0]?.transforms ?? []).map(isakmpOfferOf);
  expect(offers.map(({ odd }) => odd)).toEqual(offers.map(() => undefined));
  expect(choose(sa, AuthMethod.XAUTH_INIT_PRE_SHARED, octets)).toBe(best);
});

function messageOf(title: string) {
  const found = recorded.messages.find((one) => one.title === title);
  const message = readMessage(Uint8Array.fromHex(found?.octets ?? ""));
  if (!message.ok) throw new Error(message.error.detail);
  expect(message.value.payloads.filter(({ kind }) => kind === "UNREADABLE")).toEqual([]);
  expect(message.value.trailing).toBe(0);
  return message.value;
}

function choose(
  sa: ReturnType<typeof the<"SA">>,
  authMethod: number,
  keOctets: number | undefined,
): string {
  const chosen = chooseIsakmp(sa, { suites: [OLD], authMethods: [authMethod], keOctets });
  if (!chosen.ok) return JSON.stringify(chosen.error);
  const { encr, prf, ke } = chosen.value.algorithms;
  return `${encr.name}/${prf.name}/${ke}`;
}
