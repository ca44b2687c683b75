/** ML-KEM by the runtime and by the library in `crypto`: two implementations of one method. */

import { expect, test } from "bun:test";
import {
  type KeyExchangeRequest,
  type KeyExchangeResult,
  performKeyExchange,
} from "../../../src/crypto/key-exchange.ts";
import { Ke } from "../../../src/crypto/transform.ts";
import { openKeyExchanger } from "../../../src/daemon/key-exchange.ts";
import { beginMlKem } from "../../../src/daemon/ml-kem.ts";

const NATIVE = [
  { name: "ML-KEM-768", method: Ke.ML_KEM_768, ciphertextOctets: 1_088 },
  { name: "ML-KEM-1024", method: Ke.ML_KEM_1024, ciphertextOctets: 1_568 },
];

test.each(NATIVE)("$name: the same seed gives the same key as the library", async ({ method }) => {
  for (const octet of [0, 1, 255]) {
    const request = { op: "offer", method, random: new Uint8Array(64).fill(octet) } as const;
    expect(await native(request)).toEqual(performKeyExchange(request));
  }
});

test.each(NATIVE)("$name: each opens what the other has sent", async ({ method }) => {
  const random = new Uint8Array(64).fill(3);
  const peerPublic = octetsOf(performKeyExchange({ op: "offer", method, random })).publicValue;
  const request = { op: "respond", method, random, peerPublic } as const;
  for (const answer of [await native(request), performKeyExchange(request)]) {
    const { publicValue, sharedSecret } = octetsOf(answer);
    const derived = { op: "derive", method, random, peerPublic: publicValue } as const;
    const expected = { publicValue: new Uint8Array(0), sharedSecret };
    expect(octetsOf(await native(derived))).toEqual(expected);
    expect(octetsOf(performKeyExchange(derived))).toEqual(expected);
  }
});

test.each(NATIVE)("$name: each refuses the same keys in the same words", async (each) => {
  const { method, ciphertextOctets } = each;
  const random = new Uint8Array(64).fill(3);
  const key = octetsOf(performKeyExchange({ op: "offer", method, random })).publicValue;
  const notReduced = key.slice();
  notReduced.set([255, 255], 0);
  const requests: readonly KeyExchangeRequest[] = [
    { op: "respond", method, random, peerPublic: notReduced },
    { op: "respond", method, random, peerPublic: key.slice(1) },
    { op: "derive", method, random, peerPublic: new Uint8Array(ciphertextOctets + 1) },
  ];
  for (const request of requests) {
    const result = await native(request);
    expect(result.ok ? "" : result.error.kind).toBe("invalid-public");
    expect(result).toEqual(performKeyExchange(request));
  }
});

/** Its own check is not the only one: the runtime judges the key as well. */
test.each(NATIVE)("$name: a wrong ciphertext gives the library's secret", async (each) => {
  const { method, ciphertextOctets } = each;
  const random = new Uint8Array(64).fill(3);
  const peerPublic = new Uint8Array(ciphertextOctets).fill(9);
  const request = { op: "derive", method, random, peerPublic } as const;
  expect(await native(request)).toEqual(performKeyExchange(request));
});

test("the runtime has no ML-KEM-512, and nothing but ML-KEM is asked of it", () => {
  for (const method of [Ke.ML_KEM_512, Ke.X25519, Ke.MODP_2048, 99]) {
    const random = new Uint8Array(64);
    expect(beginMlKem({ op: "offer", method, random })).toBeUndefined();
  }
});

test("each ML-KEM is answered later, and its private octets may be wiped at once", async () => {
  const exchanger = openKeyExchanger();
  for (const method of [Ke.ML_KEM_512, Ke.ML_KEM_768, Ke.ML_KEM_1024]) {
    const request = { op: "offer", method, random: new Uint8Array(64).fill(8) } as const;
    const expected = performKeyExchange(request);
    const answer = await new Promise<KeyExchangeResult>((resolve) => {
      const atOnce = exchanger.perform(request, { rank: "stranger", prefix: "a" }, resolve);
      expect(atOnce).toBeUndefined();
      request.random.fill(0);
    });
    expect(answer).toEqual(expected);
  }
  exchanger.close();
});

test("after it is closed, nobody is answered", async () => {
  const exchanger = openKeyExchanger();
  const request = { op: "offer", method: Ke.ML_KEM_768, random: new Uint8Array(64) } as const;
  const answers: KeyExchangeResult[] = [];
  const precedence = { rank: "stranger", prefix: "a" } as const;
  exchanger.perform(request, precedence, (result) => answers.push(result));
  exchanger.close();
  await Bun.sleep(20);
  expect(answers).toEqual([]);
});

async function native(request: KeyExchangeRequest): Promise<KeyExchangeResult> {
  const begun = beginMlKem(request);
  if (begun === undefined) throw new Error("the runtime does not have the method");
  return await begun;
}

function octetsOf(result: KeyExchangeResult) {
  if (!result.ok) throw new Error(result.error.detail);
  return result.value;
}
