/**
 * IKE SAs as documents: what is written is read, and what is not intact is refused with a reason.
 */

import { expect, test } from "bun:test";
import { sha256 } from "../../../src/crypto/hash.ts";
import { performKeyExchange } from "../../../src/crypto/key-exchange.ts";
import { Ke } from "../../../src/crypto/transform.ts";
import { DOCUMENT_OCTETS_MAX, STATE_VERSION } from "../../../src/ike/state/document.ts";
import {
  inEpoch,
  type Place,
  readIkeSa,
  writeIkeSa,
} from "../../../src/ike/state/written-ike-sa.ts";
import { EPOCH_MAX } from "../../../src/ike/v2/epoch.ts";
import type { IkeSa } from "../../../src/ike/v2/every-phase.ts";
import { sealMessage } from "../../../src/ike/v2/protect.ts";
import { list, octets, u8 } from "../../../src/octets/codec.ts";
import { equalOctets } from "../../../src/octets/concat.ts";
import { decode } from "../../../src/octets/reader.ts";
import { ok } from "../../../src/octets/result.ts";
import { ExchangeType } from "../../../src/wire/v2/exchange-type.ts";
import { change, type Ends, established, type IkeEnd, layEnds } from "../../simulation/ends.ts";
import { ESP_SUITE } from "../../simulation/plan.ts";
import { createPrng } from "../../simulation/prng.ts";

const WALL_MS = 1_800_000_000_000;
const HERE: Place = { anchor: { now: 1_000, wallMs: WALL_MS }, generation: 7 };
/** Another process, later, whose clock began at another time. */
const THERE: Place = { anchor: { now: 55, wallMs: WALL_MS + 3_000 }, generation: 8 };

const CHECKSUM_AT = 12;
const CONTENT_AT = 20;

/** All IKE SAs of both ends, at each datagram and each key exchange. */
function lived(): readonly IkeSa[] {
  const seen: IkeSa[] = [];
  const look = (): void => {
    for (const end of ends === undefined ? [] : [ends.a, ends.b]) seen.push(...end.sas.values());
  };
  let ends: Ends | undefined;
  ends = layEnds({
    credentials: (_, known) => ({
      ...known,
      policy: { ...known.policy, suites: [{ ...ESP_SUITE, ke: [Ke.X25519] }] },
    }),
    onWay: ({ octets }) => {
      look();
      return octets;
    },
    keyExchange: (_, op) => {
      look();
      return performKeyExchange(op);
    },
  });
  ends.run();
  const run = (end: IkeEnd, event: Parameters<Ends["feed"]>[1]): void => {
    ends?.feed(end, event);
    look();
    ends?.run();
  };
  const [spiIn, policy] = [established(ends.a).children[0]?.spiIn ?? 0, established(ends.b).policy];
  run(ends.a, { kind: "rekey-child", spiIn });
  run(ends.b, { kind: "new-child", local: policy.local, remote: policy.remote });
  run(ends.b, { kind: "redirect", to: { host: "vpn2.example", address: undefined } });
  halfAMessage(ends);
  look();
  run(ends.b, { kind: "rekey-ike" });
  run(ends.a, { kind: "close", why: "disconnected-by-hand" });
  return seen;
}

/** The first fragment of two arrives. */
function halfAMessage(ends: Ends): void {
  change(ends.b, { fragmentOctets: 300 });
  const data = new Uint8Array(400);
  const { outbound } = established(ends.b);
  const head = { exchangeType: ExchangeType.INFORMATIONAL, response: false };
  const [first] = sealMessage(
    established(ends.b),
    { ...head, messageId: outbound.nextId },
    [{ kind: "NOTIFY", protocol: 0, spi: new Uint8Array(0), type: 40_000, data }],
    { random: ends.b.context.random, onMessage: undefined },
  );
  if (first === undefined) throw new Error("it has fragments");
  ends.deliver(ends.a, first);
}

const STATES = lived();
const DOCUMENTS = STATES.flatMap((sa) => writeIkeSa(sa, HERE) ?? []);

test("the states are of many kinds", () => {
  const phases = new Set(STATES.map(({ phase }) => phase));
  for (const phase of [
    "responding",
    "initiating",
    "established",
    "replaced",
    "closing",
    "ended",
  ] as const) {
    expect(phases).toContain(phase);
  }
  const up = STATES.flatMap((sa) => (sa.phase === "established" ? [sa] : []));
  const asked = new Set(up.map(({ asking }) => asking?.kind));
  for (const kind of ["child-public-value", "child-response", "ike-response"] as const) {
    expect(asked).toContain(kind);
  }
  expect(asked).toContain("child-shared-secret");
  expect(new Set(up.map(({ serving }) => serving?.kind))).toContain("ike-key-exchange");
  expect(up.some(({ fragments }) => fragments.request !== undefined)).toBe(true);
});

test("what is read is written again in the same octets, except for the epoch of its keys", () => {
  expect(DOCUMENTS.length).toBeGreaterThan(20);
  for (const document of DOCUMENTS) {
    const read = readIkeSa(document, THERE);
    if (!read.ok) throw new Error(read.error.detail);
    const sa = read.value;
    const epochs: number[] = [];
    const before = inEpoch(sa, (epoch) => {
      epochs.push(epoch);
      return ok(0);
    });
    if (!before.ok) throw new Error("every epoch is taken");
    expect(epochs).toEqual(sa.phase === "ended" ? [] : [1]);
    const again = writeIkeSa(before.value, { ...THERE, generation: HERE.generation });
    expect(again).toEqual(document);
  }
});

test("instants keep their wall time, whatever the start of the process clock", () => {
  const [sa] = STATES.filter((one) => one.phase === "established");
  if (sa === undefined) throw new Error("there is one");
  const document = writeIkeSa(sa, HERE);
  const read = readIkeSa(document ?? new Uint8Array(0), THERE);
  if (!read.ok || read.value.phase !== "established") throw new Error("it is read");
  // 3 s of wall time have passed between the two anchors.
  const sinceHere = sa.heardAt - HERE.anchor.now;
  expect(read.value.heardAt - THERE.anchor.now).toBe(sinceHere - 3_000);
});

test("negotiations are not written: their peers repeat their requests", () => {
  const negotiating: readonly string[] = ["responding", "initiating", "awaiting-key-exchange"];
  const others = STATES.filter(({ phase }) => negotiating.includes(phase));
  expect(others.length).toBeGreaterThan(0);
  for (const sa of others) expect(writeIkeSa(sa, HERE)).toBeUndefined();
});

test("cut short anywhere, or longer: refused, never thrown", () => {
  const [document = new Uint8Array(0)] = DOCUMENTS;
  for (let length = 0; length < document.length; length++) {
    const read = readIkeSa(document.subarray(0, length), THERE);
    expect(read.ok ? "read" : read.error.kind).toBe("truncated");
    // The content is cut short as well, and the frame says that it is complete.
    if (length < CONTENT_AT) continue;
    const inner = readIkeSa(reframed(document.subarray(0, length)), THERE);
    expect(inner.ok ? "read" : inner.error.kind).toBe("malformed");
  }
  const longer = new Uint8Array(document.length + 1);
  longer.set(document);
  expect(readIkeSa(longer, THERE).ok).toBe(false);
  expect(readIkeSa(reframed(longer), THERE).ok).toBe(false);
});

test("the checksum finds any flipped bit; if the checksum is corrected, nothing throws", () => {
  const prng = createPrng(1);
  for (let round = 0; round < 4_000; round++) {
    const document = DOCUMENTS[prng.below(DOCUMENTS.length)]?.slice() ?? new Uint8Array(0);
    const at = prng.below(document.length);
    document[at] = (document[at] ?? 0) ^ (1 << prng.below(8));
    expect(readIkeSa(document, THERE).ok).toBe(false);
    const read = readIkeSa(reframed(document), THERE);
    // Either it is another state, which can be written, or it is refused with a reason.
    if (read.ok) expect(writeIkeSa(read.value, THERE)?.length).toBeGreaterThan(0);
    else expect(read.error.detail.length).toBeGreaterThan(0);
  }
});

test("noise that is framed as a state is refused, never thrown", () => {
  const prng = createPrng(2);
  const [document = new Uint8Array(0)] = DOCUMENTS;
  for (let round = 0; round < 4_000; round++) {
    const noise = document.slice(0, CONTENT_AT + prng.below(2_000));
    noise.set(prng.octets(noise.length - CONTENT_AT), CONTENT_AT);
    // With generation 0, more of it is read.
    noise.fill(0, CONTENT_AT, Math.min(noise.length, CONTENT_AT + 4 + prng.below(3)));
    expect(readIkeSa(reframed(noise), THERE).ok).toBe(false);
  }
});

test("a count allocates no memory before its items are there", () => {
  const reading = (text: readonly number[], codec: ReturnType<typeof list<number>>) =>
    decode(Uint8Array.from(text), "test", (r) =>
      codec.read({ r, anchor: HERE.anchor, shared: new Map() }),
    );
  const before = process.memoryUsage().heapUsed;
  for (let round = 0; round < 1_000; round++) {
    expect(reading([0xff, 0xff, 0xff, 0xff, 1, 2], list(u8, 2 ** 32 - 1)).ok).toBe(false);
  }
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(50_000_000);
  expect(reading([0, 3, 1, 2, 3], list(u8, 1_000)).ok).toBe(true);
  expect(reading([4, 1, 2, 3, 4], list(u8, 3)).ok).toBe(false);
  const long = decode(Uint8Array.from([0xff, 0xff, 0xff, 0xff]), "test", (r) =>
    octets(2 ** 32 - 1).read({ r, anchor: HERE.anchor, shared: new Map() }),
  );
  expect(long.ok).toBe(false);
});

test("each refusal says why: another version, no state, too much, an old generation", () => {
  const [document = new Uint8Array(0)] = DOCUMENTS;
  const kindOf = (octets: Uint8Array, place = THERE): string => {
    const read = readIkeSa(octets, place);
    return read.ok ? "read" : read.error.kind;
  };
  const newer = document.slice();
  newer[7] = STATE_VERSION + 1;
  expect(kindOf(newer)).toBe("unknown-version");
  expect(kindOf(reframed(newer))).toBe("unknown-version");
  expect(kindOf(new TextEncoder().encode("[ike]\nlisten = []\n"))).toBe("not-a-state");
  expect(kindOf(new Uint8Array(DOCUMENT_OCTETS_MAX + 1))).toBe("too-large");
  expect(kindOf(document)).toBe("read");
  expect(kindOf(document, { ...THERE, generation: HERE.generation })).toBe("generation-not-later");
  const last = { ...THERE, generation: HERE.generation + EPOCH_MAX + 1 };
  const [up] = STATES.filter(({ phase }) => phase === "established");
  const written = up === undefined ? undefined : writeIkeSa(up, HERE);
  expect(kindOf(written ?? new Uint8Array(0), last)).toBe("epoch-used-up");
});

test("what is read keeps no view of the document, so that it can be overwritten", () => {
  for (const document of DOCUMENTS) {
    const copy = document.slice();
    const read = readIkeSa(copy, THERE);
    if (!read.ok) throw new Error(read.error.detail);
    const before = writeIkeSa(read.value, THERE);
    copy.fill(0xee);
    expect(equalOctets(writeIkeSa(read.value, THERE) ?? copy, before ?? copy)).toBe(true);
  }
});

/** With length and checksum of the present content. */
function reframed(document: Uint8Array): Uint8Array {
  const made = document.slice();
  new DataView(made.buffer).setUint32(CHECKSUM_AT - 4, made.length - CONTENT_AT);
  const sum = sha256(made.subarray(0, CHECKSUM_AT), made.subarray(CONTENT_AT));
  made.set(sum.subarray(0, CONTENT_AT - CHECKSUM_AT), CHECKSUM_AT);
  return made;
}
