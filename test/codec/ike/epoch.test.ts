/** No IV of a counter mode is used twice, whichever copies of an IKE SA go on (RFC 5282 §3). */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { ikeAlgorithmsOf } from "../../../src/ike/algorithms.ts";
import { EPOCH_MAX, nextEpoch } from "../../../src/ike/v2/epoch.ts";
import { deriveIkeKeys } from "../../../src/ike/v2/keys.ts";
import { type Secured, sealMessage } from "../../../src/ike/v2/protect.ts";
import { toHex } from "../../../src/octets/hex.ts";
import { asIkeSpi } from "../../../src/wire/header.ts";
import { ExchangeType } from "../../../src/wire/v2/exchange-type.ts";
import { PayloadType } from "../../../src/wire/v2/message.ts";

const AES_GCM_16 = 20;
const PRF_HMAC_SHA2_256 = 5;

function secured(fragmentOctets: number | undefined, epoch: number): Secured {
  const encr = { id: AES_GCM_16, keyBits: 128 };
  const choice = { encr, integ: 0, prf: PRF_HMAC_SHA2_256, ke: 31, esn: false };
  const algorithms = ikeAlgorithmsOf(choice);
  if (algorithms === undefined) throw new Error("built in");
  const id = { spiI: asIkeSpi(1n), spiR: asIkeSpi(2n), role: "initiator" } as const;
  const seed = { Ni: new Uint8Array(32), Nr: new Uint8Array(32), ...id };
  const keys = { ...deriveIkeKeys(algorithms, new Uint8Array(32), seed), epoch };
  return { id, algorithms, keys, fragmentOctets };
}

/** A copy of the IKE SA, with which its process would go on. */
type Copy = { readonly generation: number; readonly epoch: number; readonly nextId: number };

/** What happens next to one of the copies. */
type Turn = {
  readonly which: number;
  readonly what: "seal" | "answer" | "read";
  readonly octets: number;
};

const turns: fc.Arbitrary<readonly Turn[]> = fc.array(
  fc.record({
    which: fc.nat({ max: 1_000 }),
    what: fc.constantFrom("seal", "answer", "read"),
    octets: fc.integer({ min: 0, max: 400 }),
  }),
  { maxLength: 40 },
);

/** The IV of a datagram, and the datagram itself. */
function ivsOf(datagrams: readonly Uint8Array[]): [string, string][] {
  return datagrams.map((octets) => {
    const bodyAt = octets[16] === PayloadType.SKF ? 36 : 32;
    return [toHex(octets.subarray(bodyAt, bodyAt + 8)), toHex(octets)];
  });
}

/** Lives through the turns; returns the IVs under which two different messages were sealed. */
function repeatsOf(list: readonly Turn[], raise: (from: Copy, generation: number) => number) {
  const seen = new Map<string, string>();
  const repeats: string[] = [];
  const copies: Copy[] = [{ generation: 0, epoch: 0, nextId: 0 }];
  let content = 0;
  list.forEach(({ which, what, octets }, turn) => {
    const at = which % copies.length;
    const copy = copies[at];
    if (copy === undefined) return;
    if (what === "read") {
      // The copy that is read also goes on, and may be read again.
      const generation = turn + 1;
      copies.push({ generation, epoch: raise(copy, generation), nextId: copy.nextId });
      return;
    }
    const messageId = copy.nextId;
    copies[at] = { ...copy, nextId: messageId + 1 };
    const head = { exchangeType: ExchangeType.INFORMATIONAL, response: what === "answer" };
    const data = new Uint8Array(octets).fill(content++);
    const datagrams = sealMessage(
      secured(200, copy.epoch),
      { ...head, messageId },
      [{ kind: "NOTIFY", protocol: 0, spi: new Uint8Array(0), type: 40_000, data }],
      { random: (count) => new Uint8Array(count), onMessage: undefined },
    );
    for (const [iv, datagram] of ivsOf(datagrams)) {
      if (seen.has(iv) && seen.get(iv) !== datagram) repeats.push(iv);
      seen.set(iv, datagram);
    }
  });
  return repeats;
}

test("whichever copies are read, and how often, two messages never have one IV", () => {
  const raise = ({ epoch, generation: writer }: Copy, reader: number) => {
    const next = nextEpoch(epoch, { writer, reader });
    if (!next.ok) throw new Error(next.error.detail);
    return next.value;
  };
  fc.assert(fc.property(turns, (list) => expect(repeatsOf(list, raise)).toEqual([])));
});

test("the check sees an epoch that stays, and one that counts readings of the copy only", () => {
  const list: readonly Turn[] = [
    { which: 0, what: "read", octets: 0 },
    { which: 0, what: "read", octets: 0 },
    ...[0, 1, 2].map((which) => ({ which, what: "seal", octets: 3 }) as const),
  ];
  expect(repeatsOf(list, ({ epoch }) => epoch)).toHaveLength(2);
  expect(repeatsOf(list, ({ epoch }) => epoch + 1)).toHaveLength(1);
});

test("both directions of a copy, and fragments, have IVs of their own", () => {
  const list = ["seal", "answer", "seal", "answer"] as const;
  expect(
    repeatsOf(
      list.map((what) => ({ which: 0, what, octets: 400 })),
      () => 0,
    ),
  ).toEqual([]);
});

test("the epoch fills its bits and spills into no others", () => {
  const head = { exchangeType: ExchangeType.INFORMATIONAL, response: false, messageId: 7 };
  const ivOf = (epoch: number, response: boolean) =>
    ivsOf(
      sealMessage(secured(undefined, epoch), { ...head, response }, [], {
        ...{ random: (count: number) => new Uint8Array(count), onMessage: undefined },
      }),
    )[0]?.[0];
  expect(ivOf(0, false)).toBe("0000000000000007");
  expect(ivOf(0, true)).toBe("0001000000000007");
  expect(ivOf(1, false)).toBe("0002000000000007");
  expect(ivOf(EPOCH_MAX, true)).toBe("ffff000000000007");
});

test("an epoch that has no room, and a generation that is not later, are refused", () => {
  const last = nextEpoch(EPOCH_MAX - 1, { writer: 4, reader: 5 });
  expect(last).toEqual({ ok: true, value: EPOCH_MAX });
  const over = nextEpoch(EPOCH_MAX, { writer: 4, reader: 5 });
  expect(over.ok ? "" : over.error.kind).toBe("epoch-used-up");
  for (const reader of [3, 4]) {
    const same = nextEpoch(0, { writer: 4, reader });
    expect(same.ok ? "" : same.error.kind).toBe("generation-not-later");
  }
});
