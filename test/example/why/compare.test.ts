/** Both sides of a refusal: which parts differ, and what to change at which end. */

import { expect, test } from "bun:test";
import type { JournalRecord } from "../../../src/concentrator/journal/journal.ts";
import { alignment } from "../../../src/why/alignment.ts";
import { apart, type Comparison, compare } from "../../../src/why/compare.ts";

const FLEET = { name: "fleet", isNormal: false };

const CONFIGURED = [
  "AES_GCM_16_256/AES_GCM_16_128/PRF_HMAC_SHA2_256/X25519/MODP_2048",
  "AES_CBC_256/AES_CBC_128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/X25519/MODP_2048",
];

function compared(
  offered: readonly string[],
  wanted: readonly string[],
  step: JournalRecord["step"] = "IKE_SA_INIT",
  reason: JournalRecord["reason"] = "no-proposal-chosen",
): Comparison {
  const comparison = compare({
    ...{ level: "warning", step, outcome: "failed", reason },
    ...{ peerId: undefined, eroute: undefined, remote: undefined, ikeSa: undefined, detail: "" },
    ...{ offered, wanted, sequence: 1, wallMs: 0 },
  });
  if (comparison === undefined) throw new Error("nothing to compare");
  return comparison;
}

const partsApart = (comparison: Comparison) => apart(comparison).map(({ part }) => part);

test("of several proposals the two most similar are compared, part by part", () => {
  const offered = [
    "3DES/HMAC_MD5_96/PRF_HMAC_MD5/MODP_1024",
    "AES_CBC_128/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_2048",
  ];
  const comparison = compared(offered, CONFIGURED);
  expect(comparison.about).toBe("ike");
  expect(comparison.nearest).toEqual([
    {
      part: "encryption",
      offered: ["AES_CBC_128"],
      configured: ["AES_CBC_256", "AES_CBC_128"],
      common: ["AES_CBC_128"],
    },
    { part: "integrity", offered: ["HMAC_SHA1_96"], configured: ["HMAC_SHA2_256_128"], common: [] },
    { part: "PRF", offered: ["PRF_HMAC_SHA1"], configured: ["PRF_HMAC_SHA2_256"], common: [] },
    {
      part: "key exchange",
      offered: ["MODP_2048"],
      configured: ["X25519", "MODP_2048"],
      common: ["MODP_2048"],
    },
  ]);
  const advice = alignment(comparison, FLEET);
  expect(advice[0]).toContain("integrity HMAC_SHA2_256_128; PRF PRF_HMAC_SHA2_256");
  expect(advice[1]).toContain(
    'eroute fleet: "aes128-sha1-modp2048" as a further proposal of `ike`',
  );
  expect(advice[1]).toContain("SHA-1 is weak");
});

test("what cannot be allowed here is named, and no proposal of it is recommended", () => {
  const comparison = compared(["3DES/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_2048"], CONFIGURED);
  expect(comparison.proposal).toBeUndefined();
  expect(alignment(comparison, FLEET)[1]).toStartWith("3DES, HMAC_SHA1_96, PRF_HMAC_SHA1 cannot");
  const unknown = compared(["ENCR_99_256/PRF_HMAC_SHA2_256/X25519"], CONFIGURED);
  expect(apart(unknown)[0]?.offered).toEqual(["ENCR_99_256"]);
});

test("a Child SA: no key exchange of its own in IKE_AUTH; a lack of ESN is no difference", () => {
  const configured = ["AES_GCM_16_128/X25519/ESN/NO_ESN"];
  const offered = ["AES_CBC_256/HMAC_SHA1_96"];
  const first = compared(offered, configured, "IKE_AUTH");
  expect([first.about, ...partsApart(first)]).toEqual(["esp", "encryption", "integrity"]);
  expect(alignment(first, undefined)[1]).toContain('its eroute: "aes256-sha1" as a further');
  const later = compared(["AES_GCM_16_128/NO_ESN"], configured, "CREATE_CHILD_SA");
  expect(partsApart(later)).toEqual(["key exchange"]);
});

test("subnets: the side that is wrong, and where it is corrected", () => {
  const subnets = (offered: string) => compared([offered], allowed, "IKE_AUTH", "ts-unacceptable");
  const allowed = ["10.0.0.0/16 === 192.168.2.0/24"];
  const there = subnets("10.0.0.0/16 === 192.168.3.0/24,172.16.0.1-172.16.0.9");
  expect([there.about, ...partsApart(there)]).toEqual(["subnets", "network of the site"]);
  expect(alignment(there, FLEET)).toEqual([
    "the site says that its own network is 192.168.3.0/24, 172.16.0.1-172.16.0.9, here it is " +
      "192.168.2.0/24: correct it there, or remip and remmsk of its row",
  ]);
  const normal = { name: "lab", isNormal: true };
  expect(alignment(there, normal)[0]).toContain("or remote_subnet of eroute lab");
  const here = subnets("10.77.0.0/16 === 192.168.2.0/25[6/80]");
  expect(partsApart(here)).toEqual(["network here"]);
  expect(alignment(here, FLEET)[0]).toContain("local_subnet of eroute fleet");
  const both = subnets("::/0 === ::/0");
  expect(alignment(both, FLEET).length).toBe(2);
});

test("texts that were shortened, or are not ours, do no harm", () => {
  const comparison = compared(["AES_CBC_128/HMAC_SH…", "and 4 more", ""], [...CONFIGURED, ""]);
  expect(partsApart(comparison)).toContain("integrity");
  expect(compared(["what"], ["ever"]).nearest).toEqual([]);
  expect(alignment(compared(["what"], ["ever"]), FLEET)).toEqual([]);
});

test("additional key exchanges and unknown types are named, and are what decides", () => {
  const [, cbc = ""] = CONFIGURED;
  const more = compared([`${cbc}/ADDKE1_ML_KEM_768/ADDKE2_99`], CONFIGURED);
  expect(apart(more)).toEqual([
    {
      part: "additional key exchange 1",
      offered: ["ADDKE1_ML_KEM_768"],
      configured: ["NONE"],
      common: [],
    },
    { part: "additional key exchange 2", offered: ["ADDKE2_99"], configured: ["NONE"], common: [] },
  ]);
  const [first, second] = alignment(more, FLEET);
  expect(first).toContain("no additional key exchange 1; no additional key exchange 2");
  expect(second).toContain("ADDKE1_ML_KEM_768, ADDKE2_99 cannot be allowed here");
  expect(partsApart(compared([`${cbc}/TRANSFORM_13_4`], CONFIGURED))).toEqual([
    "transform type 13",
  ]);
});

test("an unknown attribute or key length is noticed, and decides", () => {
  const [, cbc = ""] = CONFIGURED;
  const odd = cbc.replace("AES_CBC_256/AES_CBC_128", "AES_CBC_256 with attribute 15=1");
  expect(partsApart(compared([odd], CONFIGURED))).toEqual(["encryption"]);
  const long = cbc.replace("HMAC_SHA2_256_128", "HMAC_SHA2_256_128 with key length 256");
  expect(partsApart(compared([long], CONFIGURED))).toEqual(["integrity"]);
});

test("what does not decide is not said to: NONE, and integrity beside an AEAD", () => {
  const [gcm = "", cbc = ""] = CONFIGURED;
  const group = gcm.replace("X25519/MODP_2048", "ECP_384");
  const beside = compared([`${group}/HMAC_SHA1_96/ADDKE1_NONE/ADDKE1_ML_KEM_768`], CONFIGURED);
  expect(partsApart(beside)).toEqual(["key exchange"]);
  expect(partsApart(compared([`${cbc}/NO_ESN`], CONFIGURED))).toEqual([
    "extended sequence numbers",
  ]);
});

test("a Child SA: extended sequence numbers decide if only they are allowed", () => {
  const esn = compared(["AES_GCM_16_128"], ["AES_GCM_16_128/ESN"], "IKE_AUTH");
  expect(apart(esn)).toEqual([
    {
      part: "extended sequence numbers",
      offered: ["NO_ESN"],
      configured: ["ESN"],
      common: [],
    },
  ]);
  const configured = ["AES_GCM_16_128/X25519/ADDKE1_ML_KEM_768/NO_ESN"];
  expect(partsApart(compared(["AES_GCM_16_256"], configured, "IKE_AUTH"))).toEqual(["encryption"]);
});

test("two equal columns are not shown: both sides are, as they came", () => {
  const both = "AES_GCM_16_256/AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/X25519";
  const comparison = compared([both], [both]);
  expect([comparison.nearest, comparison.offered]).toEqual([[], [both]]);
});

test("the rekey of an IKE SA is compared as IKE, not as ESP", () => {
  const [, cbc = ""] = CONFIGURED;
  const offered = [cbc.replace("X25519/MODP_2048", "MODP_1024")];
  const comparison = compared(offered, CONFIGURED, "CREATE_CHILD_SA");
  expect([comparison.about, ...partsApart(comparison)]).toEqual(["ike", "key exchange"]);
});

test("IDs of PPKs are not proposals: both sides are shown as they came", () => {
  const comparison = compared(["ppk-1"], ["ppk-2"], "IKE_AUTH", "ppk-unknown");
  expect([comparison.about, comparison.nearest, comparison.offered]).toEqual([
    "proof",
    [],
    ["ppk-1"],
  ]);
  expect(alignment(comparison, FLEET)).toEqual([]);
});
