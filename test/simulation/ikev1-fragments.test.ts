/** Messages of IKEv1 in fragments, from the network and to it. */

import { expect, test } from "bun:test";
import { halfOpenOctets, saIdOf } from "../../src/ike/ike-sa.ts";
import { addFragment, fragmentsOf, type Reassembly } from "../../src/ike/v1/fragments.ts";
import { concat } from "../../src/octets/concat.ts";
import { asInstant } from "../../src/octets/instant.ts";
import { ok } from "../../src/octets/result.ts";
import { parseHeader } from "../../src/wire/header.ts";
import { type Payload, PayloadType } from "../../src/wire/v1/message.ts";
import { emitMessage, parsePayloads } from "../../src/wire/v1/payload-chain.ts";
import { type Vendor, vendorsIn } from "../../src/wire/v1/vendor-id.ts";
import { type CallerKnobs, ikev1Caller } from "./ikev1-caller.ts";
import {
  CALLER_PATH,
  type CalledEnd,
  type CalledSettings,
  calledAndUp,
  calledEnd,
  connect,
  effectsOf,
} from "./ikev1-end.ts";
import { find } from "./ikev1-payloads.ts";

const VENDORS: readonly Vendor[] = ["dpd", "nat-t", "fragmentation"];
const ANNOUNCED: CallerKnobs = { vendors: VENDORS };
/** The header of a fragment and those of its payload. */
const AROUND = 36;
const FLAGS_AT = 19;

/** The fragments of a message in datagrams of this size, as its sender makes them. */
function cut(octets: Uint8Array, datagramOctets: number, id = 1): readonly Uint8Array[] {
  const header = parseHeader(octets);
  if (!header.ok) throw new Error("no header");
  const { spiI, spiR, exchangeType, messageId } = header.value;
  const flags = { encryption: false, commit: false, authenticationOnly: false };
  const head = { spiI, spiR, exchangeType, messageId, flags };
  const parts = fragmentsOf(octets, head, { id, partOctets: datagramOctets - AROUND });
  if (parts === undefined) throw new Error("too many fragments");
  return parts;
}

/** Some devices mark their fragments as encrypted. */
function markedAsEncrypted(octets: Uint8Array): Uint8Array {
  const marked = octets.slice();
  marked[FLAGS_AT] = 1;
  return marked;
}

/** The message that these fragments make. */
function together(parts: readonly Uint8Array[]): Uint8Array {
  let known: Reassembly | undefined;
  for (const part of parts) {
    const header = parseHeader(part);
    const parsed = parsePayloads(PayloadType.FRAGMENT, part.subarray(28), "fragment");
    if (!header.ok || !parsed.ok) throw new Error("not a fragment");
    const fragment = find(parsed.value.payloads, "FRAGMENT");
    const added = addFragment(known, header.value, fragment, asInstant(0));
    if (added.kind === "whole") return added.octets;
    known = added.kind === "incomplete" ? added.reassembly : undefined;
  }
  throw new Error("not whole");
}

function smallFragments(fragmentSize: number): CalledSettings {
  return {
    credentials: (own) => ok({ ...own, settings: { ...own.settings, fragmentSize } }),
  };
}

function refusedBy(end: CalledEnd): number {
  return effectsOf(end, "count").filter(({ counter }) => counter === "fragments_refused").length;
}

function storedBy({ sa }: CalledEnd): unknown {
  return sa === undefined ? undefined : Reflect.get(sa, "fragments");
}

test("fragments are announced to a peer that announces them, unless the eroute forbids it", () => {
  const answered = (knobs: CallerKnobs, settings: CalledSettings = {}) => {
    const end = calledEnd(settings);
    end.hear(ikev1Caller(knobs).first());
    const parsed = parsePayloads(PayloadType.SA, end.said().subarray(28), "second");
    return parsed.ok && vendorsIn(parsed.value.payloads).has("fragmentation");
  };
  expect(answered(ANNOUNCED)).toBe(true);
  expect(answered({ vendors: ["dpd"] })).toBe(false);
  const forbidden: CalledSettings = {
    credentials: (own) => ok({ ...own, settings: { ...own.settings, fragmentation: false } }),
  };
  expect(answered(ANNOUNCED, forbidden)).toBe(false);
});

test("the third message of Aggressive Mode in fragments, in any order", () => {
  const caller = ikev1Caller(ANNOUNCED);
  const end = calledEnd();
  end.hear(caller.first());
  const third = caller.third(end.said(), CALLER_PATH);
  for (const part of cut(third, 60).toReversed()) end.hear(part);
  connect({ caller, end });
  expect(end.facts().children).toHaveLength(1);
});

test("Main Mode in fragments; the fifth message again gets the sixth again", () => {
  const caller = ikev1Caller(ANNOUNCED);
  const end = calledEnd();
  end.hear(caller.mainFirst());
  for (const part of cut(caller.mainThird(end.said(), CALLER_PATH), 80)) end.hear(part);
  const fifth = cut(caller.mainFifth(end.said()), 60);
  for (const part of fifth) end.hear(part);
  const sixth = end.said();
  caller.mainEnd(sixth);
  for (const part of fifth) end.hear(part);
  expect(end.said()).toEqual(sixth);
  connect({ caller, end });
  expect(end.facts().children).toHaveLength(1);
});

test("fragments of 552 and 1,280 octets, marked as encrypted", () => {
  for (const datagramOctets of [552, 1_280]) {
    const { caller, end } = calledAndUp(ANNOUNCED);
    const extra: Payload[] = [{ kind: "OPAQUE", payloadType: 200, data: new Uint8Array(3_000) }];
    const quick = caller.quick({ extra });
    const parts = cut(quick.octets, datagramOctets);
    expect(parts.length).toBe(Math.ceil(quick.octets.length / (datagramOctets - AROUND)));
    for (const part of parts) end.hear(markedAsEncrypted(part));
    caller.granted(quick, end.said());
    end.hear(caller.quickThird(quick));
    expect(end.facts().children).toHaveLength(1);
  }
});

test("without an agreement no fragment is taken", () => {
  const caller = ikev1Caller({ vendors: ["dpd"] });
  const end = calledEnd();
  end.hear(caller.first());
  const parts = cut(caller.third(end.said(), CALLER_PATH), 60);
  for (const part of parts) end.hear(part);
  expect(refusedBy(end)).toBe(parts.length);
  expect(storedBy(end)).toBeUndefined();
  expect(effectsOf(end, "authenticated")).toEqual([]);
});

test("before authentication fragments are bounded, and count as half-open memory", () => {
  const caller = ikev1Caller(ANNOUNCED);
  const end = calledEnd();
  end.hear(caller.first());
  end.said();
  const before = end.sa === undefined ? 0 : halfOpenOctets(end.sa);
  const [first] = cut(caller.first(), 60);
  if (first === undefined) throw new Error("no fragment");
  const header = parseHeader(first);
  if (!header.ok || end.sa === undefined) throw new Error("no header");
  const { spiI, exchangeType } = header.value;
  const { spiR } = saIdOf(end.sa);
  const flags = { encryption: false, commit: false, authenticationOnly: false };
  const stored: number[] = [];
  for (let number = 1; number <= 64; number++) {
    const data = new Uint8Array(500).fill(number);
    const fragment = { kind: "FRAGMENT", id: 1, number, isLast: false, data } as const;
    end.hear(emitMessage({ spiI, spiR, exchangeType, messageId: 0, flags }, [fragment]));
    stored.push(halfOpenOctets(end.sa) - before);
  }
  expect(Math.max(...stored)).toBe(4_000);
  expect(refusedBy(end)).toBe(7);
});

test("what is incomplete is forgotten after half a minute, also once the site is up", () => {
  const { caller, end } = calledAndUp(ANNOUNCED);
  const [first, ...others] = cut(caller.quick().octets, 100);
  end.hear(first ?? new Uint8Array(28));
  expect(storedBy(end)).toBeDefined();
  end.advance(30_000);
  expect(storedBy(end)).toBeUndefined();
  end.sent.length = 0;
  for (const part of others) end.hear(part);
  expect(end.sent).toEqual([]);
});

test("a whole that is itself a fragment, or has other cookies, is refused", () => {
  const { caller, end } = calledAndUp(ANNOUNCED);
  const other = calledAndUp({ vendors: VENDORS, seed: 5 }).caller;
  const quick = caller.quick().octets;
  const inner = cut(quick, 100)[0] ?? quick;
  for (const part of cut(inner, 60)) end.hear(part);
  expect(refusedBy(end)).toBe(1);
  const header = concat(quick.subarray(0, 16), other.quick().octets.subarray(16));
  const foreign = concat(other.quick().octets.subarray(0, 8), header.subarray(8));
  for (const part of cut(foreign, 100)) {
    const framed = part.slice();
    framed.set(quick.subarray(0, 16));
    end.hear(framed);
  }
  expect(refusedBy(end)).toBe(2);
  expect(end.facts().version).toBe(1);
});

test("our long messages go out in fragments, and repeats in the same ones", () => {
  const caller = ikev1Caller(ANNOUNCED);
  const end = calledEnd(smallFragments(252));
  const first = caller.first();
  end.hear(first);
  const parts = end.sent.splice(0).map(({ octets }) => octets);
  expect(parts.length).toBeGreaterThan(1);
  for (const part of parts) expect(part.length).toBeLessThanOrEqual(200);
  end.advance(600);
  end.hear(first);
  expect(end.sent.splice(0).map(({ octets }) => octets)).toEqual(parts);
  end.hear(caller.third(together(parts), CALLER_PATH));
  const quick = caller.quick();
  end.hear(quick.octets);
  const answer = end.sent.splice(0).map(({ octets }) => octets);
  caller.granted(quick, answer.length === 1 ? (answer[0] ?? quick.octets) : together(answer));
  end.hear(caller.quickThird(quick));
  expect(end.facts().children).toHaveLength(1);
});

test("to a peer that has not announced them our messages go out whole", () => {
  const end = calledEnd(smallFragments(252));
  end.hear(ikev1Caller({ vendors: ["dpd", "nat-t"] }).first());
  expect(end.said().length).toBeGreaterThan(200);
});
