/**
 * A well-formed message is not refused for its length, nor for other payloads in it (§2.5, §3.3).
 */

import { expect, test } from "bun:test";
import { Integ, TransformType } from "../../../src/crypto/transform.ts";
import { IKE_HEADER_OCTETS, parseHeader } from "../../../src/wire/header.ts";
import { isErrorNotify } from "../../../src/wire/v2/notify-type.ts";
import { parsePayloads } from "../../../src/wire/v2/payload-chain.ts";
import { putRow, seat, settingsOf } from "../caller.ts";
import { GCM_ESP, GCM_IKE } from "../plan.ts";
import { transformOf } from "../site-messages.ts";
import { layTable } from "../table.ts";
import { worstMessages } from "../worst-messages.ts";

test.each([
  "empty vendor IDs",
  "payloads of unknown type",
  "NAT_DETECTION notifies",
  "nonces",
  "hash algorithms",
])("V2-13: an IKE_SA_INIT with hundreds of %s is answered like any other", (name) => {
  expect(answersTo(`IKE_SA_INIT: ${name}`)).toEqual([[33, 34, 40, 41, 41]]);
});

test.each(["many small proposals", "proposals of 255 transforms"])(
  "V2-13: an IKE_SA_INIT with %s, none of them good, is told that none is chosen",
  (name) => {
    expect(answersTo(`IKE_SA_INIT: ${name}`)).toEqual([["N(14)"]]);
  },
);

test("V2-37: a site that offers an integrity algorithm with AEAD connects, without it", () => {
  const table = layTable();
  putRow(table, 1);
  const integ = transformOf(TransformType.INTEG, Integ.HMAC_SHA2_256_128);
  const changes = { ike: [...GCM_IKE, integ], esp: [...GCM_ESP, integ] };
  const caller = seat(table, settingsOf(1, changes));
  caller.connect();
  caller.settle();
  expect(caller.heard.map(({ kind }) => kind)).toEqual(["established", "child-up"]);
  expect(caller.session().secured.algorithms.integ).toBeUndefined();
  expect(caller.session().children[0]?.algorithms.integ).toBeUndefined();
});

/** The payload types of each answer, up to the NAT detection; errors by number. */
function answersTo(name: string) {
  const message = worstMessages({ debug: false }).find((one) => one.name === name);
  if (message === undefined) throw new Error(`there is no message ${name}`);
  const { table, deliver } = message.prepare();
  deliver();
  return table.sent.map(({ octets }) => {
    const header = parseHeader(octets);
    if (!header.ok) throw new Error(header.error.detail);
    const inner = octets.subarray(IKE_HEADER_OCTETS);
    const parsed = parsePayloads(header.value.nextPayload, inner, "answer");
    const payloads = parsed.ok ? parsed.value.payloads : [];
    const types = { SA: 33, KE: 34, NONCE: 40 } as Readonly<Record<string, number>>;
    return payloads.slice(0, 5).map((payload) => {
      if (payload.kind !== "NOTIFY") return types[payload.kind] ?? payload.kind;
      return isErrorNotify(payload.type) ? `N(${payload.type})` : 41;
    });
  });
}
