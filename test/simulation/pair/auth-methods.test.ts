/** Announcements of authentication methods, in both roles (RFC 9593). */

import { expect, test } from "bun:test";
import { AuthMethod, type SignatureRequest } from "../../../src/crypto/signature.ts";
import type { Credentials } from "../../../src/ike/event.ts";
import { peerMethodsOf } from "../../../src/ike/v2/auth-methods.ts";
import { parseHeader } from "../../../src/wire/header.ts";
import { parsePayloads } from "../../../src/wire/v2/payload-chain.ts";
import { type EndsSettings, layEnds } from "../ends.ts";
import { TOY_ANCHORS, toyAuth, toyKey } from "../toy-signature.ts";
import { judgeEmpty, judgeSettled } from "./judge.ts";
import { FINE, layPair, type Pair, type PairSettings } from "./pair.ts";

const NOT_ACCEPTED = "auth-methods-unfit";

function called(auth: NonNullable<PairSettings["auth"]>): Pair {
  const pair = layPair({ seed: 1, weather: FINE, auth });
  pair.feed(pair.a, { kind: "connect", peerId: "end-b" });
  pair.runUntil(60_000);
  return pair;
}

/** The methods announced in IKE_SA_INIT and IKE_AUTH, in this order. */
function announced(settings: EndsSettings): readonly (readonly number[] | undefined)[] {
  const ends = layEnds(settings);
  ends.run();
  const [, response] = ends.wire;
  const header = parseHeader(response?.octets ?? new Uint8Array(0));
  if (response === undefined || !header.ok) throw new Error("no response");
  const parsed = parsePayloads(header.value.nextPayload, response.octets.subarray(28), "response");
  const inInit = parsed.ok ? peerMethodsOf(parsed.value.payloads) : undefined;
  const requests = ends.b.seen.filter(({ messageId, response }) => messageId === 1 && !response);
  const inAuth = requests.map(({ payloads }) => peerMethodsOf(payloads));
  return [inInit, ...inAuth].map((methods) => methods?.map(({ method }) => method));
}

const DIGITAL = new Array<number>(10).fill(AuthMethod.DIGITAL_SIGNATURE);
const SIGNATURES = [...DIGITAL, 9, 10, 11, AuthMethod.RSA];
const certReq = TOY_ANCHORS.keyIds;

test("X-13: the responder announces in IKE_SA_INIT, then the initiator in IKE_AUTH", () => {
  const psk = { certReq: undefined, acceptsPsk: true };
  expect(announced({ announced: psk })).toEqual([[2], [2]]);
  expect(announced({ announced: { certReq, acceptsPsk: true } })).toEqual([
    [...SIGNATURES, 2],
    [2],
  ]);
  expect(announced({ announced: { certReq, acceptsPsk: false } })).toEqual([SIGNATURES, [2]]);
});

test("X-13: an initiator announces nothing to a peer that announces nothing", () => {
  const none = { certReq: undefined, acceptsPsk: false };
  expect(announced({ announced: none })).toEqual([undefined, undefined]);
});

test("X-13: IKE_SA_INIT does not become too long for a packet", () => {
  const long = { certReq: new Uint8Array(50 * 20), acceptsPsk: true };
  expect(announced({ announced: long })).toEqual([undefined, undefined]);
});

test("X-13: both ends sign with what the other one announces", () => {
  for (const signs of ["a", "b"] as const) {
    const accepted: SignatureRequest[] = [];
    const credentials = (end: "a" | "b", own: Credentials): Credentials =>
      end === signs
        ? { ...own, own: { kind: "signature", key: toyKey(`end-${end}`) } }
        : { ...own, peer: { kind: "certificate", anchors: TOY_ANCHORS } };
    const ends = layEnds({ credentials, announced: { certReq, acceptsPsk: true } });
    ends.run();
    for (const effect of [...ends.a.effects, ...ends.b.effects]) {
      if (effect.kind === "signature") accepted.push(effect.op);
    }
    const [op] = accepted;
    const methods = op?.op === "sign" ? op.accepted?.map(({ method }) => method) : undefined;
    // Strangers learn what all eroutes accept, the responder what this one does.
    expect([signs, methods]).toEqual([signs, signs === "a" ? [...SIGNATURES, 2] : SIGNATURES]);
  }
});

test("X-13: a caller whose method is not accepted is refused, and knows why", () => {
  const pair = called((end) => toyAuth(undefined, end === "a" ? "psk" : "certificate"));
  expect(judgeEmpty(pair)).toEqual([]);
  expect([...pair.reasons.keys()]).toEqual(expect.arrayContaining([NOT_ACCEPTED, "auth-method"]));
});

test("X-13: a responder whose method is not accepted says who it is, and notes both sides", () => {
  const pair = called((end) => toyAuth(undefined, end === "b" ? "psk" : "certificate"));
  expect(judgeEmpty(pair)).toEqual([]);
  expect([...pair.reasons.keys()]).toEqual(expect.arrayContaining([NOT_ACCEPTED, "auth-method"]));
});

test("X-13: ends that fit do not mention it", () => {
  for (const kind of ["psk", "either"] as const) {
    const pair = called(() => toyAuth(undefined, kind));
    expect(judgeSettled(pair)).toEqual([]);
    expect(pair.reasons.has(NOT_ACCEPTED)).toBe(false);
  }
  const pair = called((end) => toyAuth(`end-${end}`, "certificate"));
  expect(judgeSettled(pair)).toEqual([]);
  expect(pair.reasons.has(NOT_ACCEPTED)).toBe(false);
});
