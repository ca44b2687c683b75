/** Private keys are kept as long as the configuration that has them, and work after it as well. */

import { afterAll, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SignatureResult, SigningKey } from "../../../src/crypto/signature.ts";
import { forgetKeysBut, keptKeyIds } from "../../../src/crypto/signature-work.ts";
import { readSigningKey } from "../../../src/crypto/signing-key.ts";
import { openSigner, type Signer } from "../../../src/daemon/signer.ts";
import { createPki, type PkiKey } from "../../real/pki.ts";

const folder = mkdtempSync(join(tmpdir(), "erouted-signer-"));
const pki = createPki(folder);
const [quick, other, slow] = (["ed25519", "p256", "rsa"] as const).map(makeKey);

afterAll(() => rmSync(folder, { recursive: true }));

beforeEach(() => forgetKeysBut(new Set()));

function makeKey(kind: PkiKey): SigningKey {
  const issued = pki.issue({ name: kind, key: kind });
  const read = readSigningKey(issued.pem, issued.keyPem, "pss");
  if (!read.ok) throw new Error(read.error.what);
  return read.value.key;
}

/** One of this process or of its thread. */
async function sign(signer: Signer, key: SigningKey | undefined): Promise<SignatureResult> {
  if (key === undefined) throw new Error("there is a key");
  const { promise, resolve } = Promise.withResolvers<SignatureResult>();
  const op = { op: "sign", key, octets: new Uint8Array(40), hashes: [2, 3, 4, 5] } as const;
  const now = signer.perform(op, { rank: "established", prefix: "a" }, resolve);
  return now ?? (await promise);
}

test("a key is kept from its first signature on", async () => {
  const signer = openSigner(() => 0, keys(quick, other));
  expect(keptKeyIds()).toEqual([]);
  expect((await sign(signer, quick)).ok).toBe(true);
  expect(keptKeyIds()).toEqual(ids(quick));
  signer.close();
});

test("after a reload the keys of the former configuration are kept no longer", async () => {
  const signer = openSigner(() => 0, keys(quick, other));
  await sign(signer, quick);
  await sign(signer, other);
  signer.useKeys(keys(other));
  expect(keptKeyIds()).toEqual(ids(other));
  // A site that called before the reload gets its answer, and brings none of them back.
  expect((await sign(signer, quick)).ok).toBe(true);
  expect(keptKeyIds()).toEqual(ids(other));
  signer.useKeys([]);
  expect(keptKeyIds()).toEqual([]);
  signer.close();
});

test("slow signatures under way are made with the former key, and others after them", async () => {
  const signer = openSigner(() => 0, keys(slow));
  const under = Array.from({ length: 8 }, () => sign(signer, slow));
  signer.useKeys(keys(quick));
  const after = [sign(signer, slow), sign(signer, quick)];
  const results = await Promise.all([...under, ...after]);
  expect(results.map(({ ok }) => ok)).toEqual(results.map(() => true));
  expect(keptKeyIds()).toEqual(ids(quick));
  signer.close();
});

function keys(...all: readonly (SigningKey | undefined)[]): readonly SigningKey[] {
  return all.flatMap((key) => key ?? []);
}

function ids(...all: readonly (SigningKey | undefined)[]): string[] {
  return keys(...all).map(({ id }) => id);
}
