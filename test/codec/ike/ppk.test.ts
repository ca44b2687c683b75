/** Keys with a PPK in them, and the identity of one (RFC 8784 §3, §5.1). */

import { expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import fc from "fast-check";
import { prfFor } from "../../../src/crypto/prf.ts";
import { PrfId } from "../../../src/crypto/transform.ts";
import { type DerivedKeys, wipeHalfOpenKeys } from "../../../src/ike/v2/keys.ts";
import {
  dropPpk,
  isPpkOf,
  keepPpk,
  ppkIdentity,
  ppkIdentityText,
  withPpk,
} from "../../../src/ike/v2/ppk-keys.ts";
import { toHex } from "../../../src/octets/hex.ts";

const HASHES = [
  [PrfId.HMAC_SHA1, "sha1", 20],
  [PrfId.HMAC_SHA2_256, "sha256", 32],
  [PrfId.HMAC_SHA2_384, "sha384", 48],
  [PrfId.HMAC_SHA2_512, "sha512", 64],
] as const;

const MIXED = ["SK_d", "SK_pi", "SK_pr"] as const;
const OTHERS = ["SK_ai", "SK_ar", "SK_ei", "SK_er"] as const;

const octets = (count: number) => fc.uint8Array({ minLength: count, maxLength: count });

function anyKeys(count: number): fc.Arbitrary<DerivedKeys> {
  return fc.record({
    ...{ SK_d: octets(count), SK_ai: octets(32), SK_ar: octets(32), SK_ei: octets(36) },
    ...{ SK_er: octets(36), SK_pi: octets(count), SK_pr: octets(count), epoch: fc.constant(0) },
  });
}

const hexOf = (keys: DerivedKeys, names: readonly (keyof DerivedKeys)[]) =>
  names.map((name) => toHex(keys[name] as Uint8Array));

for (const [id, hash, count] of HASHES) {
  const algorithm = prfFor(id);
  if (algorithm === undefined) throw new Error("built in");
  const ppks = fc.uint8Array({ minLength: 1, maxLength: 200 });

  test(`${hash}: SK_d, SK_pi and SK_pr become prf+(PPK, SK_x'), the others stay`, () => {
    fc.assert(
      fc.property(anyKeys(count), ppks, (keys, ppk) => {
        const before = hexOf(keys, OTHERS);
        const wanted = MIXED.map((name) =>
          createHmac(hash, ppk).update(keys[name]).update(Uint8Array.of(1)).digest("hex"),
        );
        const mixed = withPpk(algorithm, keys, ppk);
        expect(hexOf(mixed, MIXED)).toEqual(wanted);
        expect(hexOf(mixed, OTHERS)).toEqual(before);
      }),
    );
  });

  test(`${hash}: the one of both that is not used is wiped, and all are in the end`, () => {
    fc.assert(
      fc.property(anyKeys(count), ppks, (keys, ppk) => {
        const plain = hexOf(keys, MIXED);
        const dropped = withPpk(algorithm, keys, ppk);
        expect(hexOf(dropPpk(dropped), MIXED)).toEqual(plain);
        expect(MIXED.every((name) => dropped[name].every((octet) => octet === 0))).toBe(true);
        const open = withPpk(algorithm, keys, ppk);
        const kept = keepPpk(open);
        expect(Object.keys(kept)).not.toContain("plain");
        expect(hexOf(kept, MIXED)).not.toEqual(plain);
        expect(MIXED.every((name) => keys[name].every((octet) => octet === 0))).toBe(true);
        wipeHalfOpenKeys(open);
        expect([...MIXED, ...OTHERS].every((name) => kept[name].every((o) => o === 0))).toBe(true);
      }),
    );
  });
}

test("a PPK_ID is the type 2 and the identifier; other types and identifiers name another", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), octets(1), (id, [type = 0]) => {
      const ppk = { id, key: new Uint8Array(1), isRequired: true };
      const identity = ppkIdentity(ppk);
      expect(toHex(identity)).toBe(`02${toHex(id)}`);
      expect(isPpkOf(identity, ppk)).toBe(true);
      expect(isPpkOf(Uint8Array.of(type, ...id), ppk)).toBe(type === 2);
      expect(isPpkOf(Uint8Array.of(...identity, 0), ppk)).toBe(false);
      expect(isPpkOf(identity.subarray(0, id.length), ppk)).toBe(false);
    }),
  );
});

test("a PPK_ID of a stranger is shown as text only if it is text, and shortened", () => {
  const text = (octets: Uint8Array) => ppkIdentityText(octets);
  expect(text(new TextEncoder().encode("\u0002pq-1"))).toBe("pq-1");
  expect(text(Uint8Array.of(2, 0x1b, 0x5b))).toBe("0x1b5b");
  expect(text(Uint8Array.of(1, 0x61))).toBe("a (PPK_ID of type 1)");
  expect(text(new Uint8Array(0))).toBe("0x (PPK_ID of type none)");
  expect(text(new Uint8Array(5_000).fill(0x61)).length).toBeLessThan(100);
});
