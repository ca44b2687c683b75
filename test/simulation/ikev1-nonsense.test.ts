/** Authentic nonsense: a peer that has the keys, and sends anything in any order. */

import { expect, test } from "bun:test";
import { ExchangeType } from "../../src/wire/v1/header.ts";
import {
  type Attribute,
  DOI_IPSEC,
  type Payload,
  SIT_IDENTITY_ONLY,
} from "../../src/wire/v1/message.ts";
import type { Caller } from "./ikev1-caller.ts";
import { type CalledEnd, calledWithChild, effectsOf } from "./ikev1-end.ts";
import { createPrng, type Prng } from "./prng.ts";

const SEEDS = 40;
const MESSAGES = 100;
const EXCHANGES = [
  ExchangeType.QUICK_MODE,
  ExchangeType.INFORMATIONAL,
  ExchangeType.TRANSACTION,
  ExchangeType.AGGRESSIVE_MODE,
  ExchangeType.NEW_GROUP_MODE,
  99,
];

test("no message of an authenticated peer makes it fail, and none leaves what nobody owns", () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const prng = createPrng(seed);
    const { caller, end } = calledWithChild({ seed, lifetimeSeconds: 14_400 });
    for (let count = 0; count < MESSAGES && end.sa !== undefined; count++) {
      const messageId = prng.between(0, 6);
      const exchangeType = pick(prng, EXCHANGES);
      const payloads = payloadsOf(prng);
      const isHashed = prng.between(0, 9) > 0;
      const octets = caller.say(exchangeType, messageId, payloads, { isHashed });
      if (prng.between(0, 4) === 0) damage(prng, octets);
      end.hear(octets);
      if (prng.between(0, 9) === 0) end.advance(prng.between(1, 40_000));
      if (prng.between(0, 19) === 0) happen(prng, end);
      if (prng.between(0, 9) === 0) begin(prng, end, caller);
    }
    expect(ownedOf(end)).toEqual(upOf(end));
  }
});

/** A Quick Mode that is in order, and is finished or is not. */
function begin(prng: Prng, end: CalledEnd, caller: Caller): void {
  end.sent.splice(0);
  const local = pick(prng, ["192.168.1.0/24", "192.168.0.0/24", "10.9.0.0/16"]);
  const quick = caller.quick({ local, pfs: prng.between(0, 1) === 0 });
  end.hear(quick.octets);
  const answer = end.sent.splice(0).at(-1);
  const isGranted = end.installed.at(-1)?.child.spiOut === quick.spi;
  if (answer === undefined || !isGranted || prng.between(0, 2) === 0) return;
  caller.granted(quick, answer.octets);
  end.hear(caller.quickThird(quick));
}

/** Child SAs that the ISAKMP SA knows of, or has given away. */
function ownedOf(end: CalledEnd): readonly number[] {
  const given = effectsOf(end, "hand-over").flatMap(({ children }) => children);
  const isUp = end.sa !== undefined;
  const ended = effectsOf(end, "ended")[0];
  if (!isUp && ended?.childSasStay === true) return upOf(end);
  const own = isUp ? end.facts().children : [];
  return [...own, ...given].map(({ spiIn }) => spiIn).sort((a, b) => a - b);
}

/** Child SAs that are in the kernel. */
function upOf(end: CalledEnd): readonly number[] {
  const gone = new Set(effectsOf(end, "child-down").map(({ spiIn }) => spiIn));
  const up = end.installed.map(({ child }) => child.spiIn);
  return up.filter((spiIn) => !gone.has(spiIn)).sort((a, b) => a - b);
}

function happen(prng: Prng, end: CalledEnd): void {
  const [child] = end.sa === undefined ? [] : end.facts().children;
  if (child === undefined) return;
  const { spiIn } = child;
  if (prng.between(0, 1) === 0) end.feed({ kind: "rekey-child", spiIn });
  else end.feed({ kind: "close-child", spiIn });
}

function payloadsOf(prng: Prng): readonly Payload[] {
  return Array.from({ length: prng.between(0, 6) }, () => payloadOf(prng));
}

function payloadOf(prng: Prng): Payload {
  const data = prng.octets(prng.between(0, 40));
  const doi = prng.between(0, 2);
  const protocol = prng.between(0, 4);
  switch (prng.between(0, 9)) {
    case 0:
      return { kind: "NONCE", data: prng.octets(prng.between(8, 40)) };
    case 1:
      return { kind: "KE", data: prng.octets(pick(prng, [0, 32, 64, 256])) };
    case 2: {
      const identity = { idType: prng.between(0, 12), data: prng.octets(prng.between(1, 9)) };
      return { kind: "ID", identity, protocol: prng.between(0, 20), port: prng.between(0, 600) };
    }
    case 3: {
      const types = [1, 14, 16_384, 24_576, 24_578, 36_136, 36_137, 40_000];
      return { kind: "NOTIFY", doi, protocol, spi: prng.octets(16), type: pick(prng, types), data };
    }
    case 4:
      return { kind: "DELETE", doi, protocol: prng.between(2, 4), spis: [prng.octets(4)] };
    case 5: {
      const attributes = attributesOf(prng);
      return { kind: "ATTRIBUTE", cfgType: prng.between(0, 5), identifier: 1, attributes };
    }
    case 6:
      return { kind: "OPAQUE", payloadType: prng.between(21, 200), data };
    case 7:
      return { kind: "HASH", data };
    default: {
      const transform = { number: 1, id: pick(prng, [3, 12, 20]), attributes: attributesOf(prng) };
      const spi = prng.octets(pick(prng, [0, 4, 16]));
      const proposal = { number: 1, protocol: 3, spi, transforms: [transform] };
      const situation = SIT_IDENTITY_ONLY;
      return { kind: "SA", doi: DOI_IPSEC, situation, proposals: [proposal] };
    }
  }
}

function attributesOf(prng: Prng): readonly Attribute[] {
  return Array.from({ length: prng.between(0, 6) }, (): Attribute => {
    const type = prng.between(1, 9);
    const isShort = prng.between(0, 2) > 0;
    if (isShort) return { type, form: "TV", value: pick(prng, [1, 2, 3, 5, 14, 19, 128, 256]) };
    return { type, form: "TLV", octets: prng.octets(prng.between(0, 8)) };
  });
}

function pick<T>(prng: Prng, of: readonly T[]): T {
  return of[prng.between(0, of.length - 1)] as T;
}

function damage(prng: Prng, octets: Uint8Array): void {
  const at = prng.between(28, octets.length - 1);
  octets[at] = (octets[at] ?? 0) ^ prng.between(1, 255);
}
