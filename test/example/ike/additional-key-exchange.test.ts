/** Choosing additional key exchanges, offering them, and what was agreed (RFC 9370 §2.2). */

import { expect, test } from "bun:test";
import { distinctMethods } from "../../../src/crypto/additional-key-exchange.ts";
import type { Suite } from "../../../src/crypto/suite.ts";
import { parseSuite, type SuiteKind } from "../../../src/crypto/suite-notation.ts";
import { Encr, Integ, Ke, PrfId, TransformType } from "../../../src/crypto/transform.ts";
import { acceptsIke, ikeAlgorithmsText } from "../../../src/ike/algorithms.ts";
import { additionalMethods, suitesAsAgreed } from "../../../src/ike/v2/additional.ts";
import {
  chooseEsp,
  chooseIke,
  chosenProposal,
  isAnswerTo,
  proposalsOf,
} from "../../../src/ike/v2/proposal.ts";
import { proposalText } from "../../../src/ike/v2/proposal-text.ts";
import { type Proposal, Protocol, type Transform } from "../../../src/wire/v2/message.ts";
import { cpuUs } from "../../bench/thread-time.ts";
import { transformOf } from "../../simulation/site-messages.ts";

const NO_SPI = new Uint8Array(0);
const ESP_SPI = Uint8Array.of(0, 0, 1, 0);
const GCM = "aes128gcm16-prfsha256";
const ADDKE1 = 6;
const ADDKE2 = 7;

const ke = (id: number) => transformOf(TransformType.KE, id);
const addke = (type: number, ...ids: readonly number[]) => ids.map((id) => transformOf(type, id));

const IKE: readonly Transform[] = [
  transformOf(TransformType.ENCR, Encr.AES_GCM_16, 128),
  transformOf(TransformType.PRF, PrfId.HMAC_SHA2_256),
];
const ESP: readonly Transform[] = [
  transformOf(TransformType.ENCR, Encr.AES_GCM_16, 128),
  transformOf(TransformType.ESN, 0),
];

const CLASSICAL = [...IKE, ke(Ke.X25519)];
const HYBRID = [...IKE, ke(Ke.X25519), ...addke(ADDKE1, Ke.ML_KEM_768)];

test("the methods are one of each type, the best common one", () => {
  const ours = ["x25519-ke1_mlkem1024-ke1_mlkem768-ke2_ecp384-ke2_ecp256"];
  const offered = [
    ...[...IKE, ke(Ke.X25519)],
    ...[...addke(ADDKE1, Ke.ML_KEM_768, Ke.ML_KEM_1024), ...addke(ADDKE2, Ke.ECP_256)],
  ];
  expect(agreed([offered], ours)).toBe("1: X25519/ML_KEM_1024/ECP_256");
  expect(agreed([[...offered, ...addke(8, Ke.NONE)]], ours)).toBe("1: X25519/ML_KEM_1024/ECP_256");
  // A type more, or one less, than is configured.
  expect(agreed([[...offered, ...addke(8, Ke.MODP_2048)]], ours)).toBe("nothing");
  expect(agreed([offered.slice(0, -1)], ours)).toBe("nothing");
});

test("hybrid and classical proposals in one payload: our order decides, whatever theirs", () => {
  const both = ["x25519-ke1_mlkem768", "x25519"];
  expect(agreed([CLASSICAL, HYBRID], both)).toBe("2: X25519/ML_KEM_768");
  expect(agreed([HYBRID, CLASSICAL], both)).toBe("1: X25519/ML_KEM_768");
  expect(agreed([CLASSICAL], both)).toBe("1: X25519");
  expect(agreed([HYBRID], both)).toBe("1: X25519/ML_KEM_768");
  expect(agreed([HYBRID, CLASSICAL], both.toReversed())).toBe("2: X25519");
  expect(agreed([HYBRID, CLASSICAL], ["x25519-ke1_mlkem768"])).toBe("1: X25519/ML_KEM_768");
  expect(agreed([CLASSICAL], ["x25519-ke1_mlkem768"])).toBe("nothing");
  expect(agreed([HYBRID], ["x25519"])).toBe("nothing");
});

test("an optional one is taken from whichever proposal has it", () => {
  const ours = ["x25519-ke1_mlkem768-ke1_none"];
  const withNone = [...IKE, ke(Ke.X25519), ...addke(ADDKE1, Ke.NONE, Ke.ML_KEM_768)];
  expect(agreed([withNone], ours)).toBe("1: X25519/ML_KEM_768");
  expect(agreed([HYBRID], ours)).toBe("1: X25519/ML_KEM_768");
  expect(agreed([CLASSICAL], ours)).toBe("1: X25519");
  expect(agreed([CLASSICAL, HYBRID], ours)).toBe("2: X25519/ML_KEM_768");
  expect(agreed([withNone], ["x25519"])).toBe("1: X25519");
});

test("no method is chosen twice, in whatever types it is offered", () => {
  const all = [Ke.X25519, Ke.ML_KEM_768, Ke.ECP_256];
  const offered = [
    ...[...IKE, ...all.map(ke)],
    ...[...addke(ADDKE1, ...all), ...addke(ADDKE2, Ke.ML_KEM_768)],
  ];
  const ours = ["mlkem768-x25519-ke1_mlkem768-ke1_x25519-ke1_ecp256-ke2_mlkem768"];
  expect(agreed([offered], ours)).toBe("1: X25519/ECP_256/ML_KEM_768");
  const same = [...IKE, ke(Ke.X25519), ...addke(ADDKE1, Ke.X25519)];
  expect(agreed([same], ["x25519-ke1_x25519-ke1_ecp256"])).toBe("nothing");
});

test("a search among many equal lists ends, and what needs none is still found", () => {
  const ids = Array.from({ length: 30 }, (_, i) => 100 + i);
  const tries = { left: 2_000 };
  const lists = [ids, ids, ids, ids, ids, [7], [7]];
  expect(distinctMethods(lists, [], tries)).toBeUndefined();
  expect(tries.left).toBe(0);
  expect(distinctMethods([[1], [2]], [3], tries)).toEqual([1, 2]);
  expect(distinctMethods([[3, 4]], [3], tries)).toBeUndefined();
});

test("255 proposals of all types and methods are judged in a moment", () => {
  const ids = [14, 15, 16, 19, 20, 21, 35, 36, 37];
  const types = Array.from({ length: 7 }, (_, i) => ADDKE1 + i);
  const each = [...IKE, ke(Ke.X25519), ...types.flatMap((type) => addke(type, ...ids))];
  const proposals = Array.from({ length: 254 }, () => each);
  const six = [1, 2, 3, 4, 5].map((n) => `ke${n}_mlkem512-ke${n}_mlkem768-ke${n}_mlkem1024`);
  // It cannot be fulfilled, which the notation would refuse.
  const suite = {
    ...suiteOf("x25519", "ike"),
    additional: suiteOf(`x25519-${six[0]}`, "ike").additional ?? [],
  };
  const impossible = {
    ...suite,
    additional: Array.from({ length: 7 }, () => suite.additional[0] ?? []),
  };
  const startedUs = cpuUs();
  const chosen = chooseIke(
    [...proposals, CLASSICAL].map((transforms, i) => proposal(i + 1, transforms)),
    [impossible, suiteOf("x25519", "ike")],
    { spiOctets: 0, sentKe: undefined },
  );
  expect(chosen.ok && chosen.value.number).toBe(255);
  expect(cpuUs() - startedUs).toBeLessThan(2_000_000);
});

test("a transform with an unknown attribute is not chosen, and its type is not passed over", () => {
  const strange = { ...transformOf(ADDKE1, Ke.ML_KEM_768), hasUnknownAttribute: true };
  const hybrid = [...IKE, ke(Ke.X25519), strange];
  const optional = ["x25519-ke1_mlkem768-ke1_none"];
  expect(agreed([hybrid], optional)).toBe("nothing");
  expect(agreed([hybrid, CLASSICAL], optional)).toBe("2: X25519");
  const other = [...hybrid, ...addke(ADDKE1, Ke.ML_KEM_1024)];
  expect(agreed([other], ["x25519-ke1_mlkem768-ke1_mlkem1024"])).toBe("1: X25519/ML_KEM_1024");
  // Types 13 and above: the proposal is skipped (RFC 7296 §3.3.6).
  expect(agreed([[...HYBRID, transformOf(13, 1)], CLASSICAL], optional)).toBe("2: X25519");
});

test("where none can follow, only what does without them is chosen", () => {
  const want = { spiOctets: 0, sentKe: undefined, withAdditional: false } as const;
  const chosen = (text: string, transforms: readonly Transform[]) =>
    chooseIke([proposal(1, transforms)], [suiteOf(text, "ike")], want).ok;
  expect(chosen("x25519-ke1_mlkem768", HYBRID)).toBe(false);
  expect(chosen("x25519-ke1_mlkem768", CLASSICAL)).toBe(false);
  expect(chosen("x25519-ke1_mlkem768-ke1_none", HYBRID)).toBe(false);
  expect(chosen("x25519-ke1_mlkem768-ke1_none", CLASSICAL)).toBe(true);
});

test("an optional one is offered once with it and once without its type", () => {
  expect(offerOf(["x25519-ke1_mlkem768", "x25519"])).toEqual([
    "X25519/ADDKE1_ML_KEM_768",
    "X25519",
  ]);
  expect(offerOf(["x25519-ke1_mlkem768-ke2_ecp384-ke2_none"])).toEqual([
    "X25519/ADDKE1_ML_KEM_768/ADDKE2_ECP_384/ADDKE2_NONE",
    "X25519/ADDKE1_ML_KEM_768",
  ]);
});

test("in a rekey nobody is asked for what it did not agree to, unless it is demanded", () => {
  const [hybrid, classical] = [suiteOf("x25519-ke1_mlkem768", "ike"), suiteOf("x25519", "ike")];
  const either = suiteOf("x25519-ke1_mlkem768-ke1_none", "ike");
  const none = algorithmsOf(CLASSICAL, "x25519");
  const agreedOn = algorithmsOf(HYBRID, "x25519-ke1_mlkem768");
  expect(suitesAsAgreed([hybrid, classical], none)).toEqual([classical]);
  expect(suitesAsAgreed([hybrid, either], none)).toEqual([either]);
  expect(suitesAsAgreed([hybrid], none)).toEqual([hybrid]);
  expect(suitesAsAgreed([hybrid, classical], agreedOn)).toEqual([hybrid, classical]);
});

test("what is offered is chosen by the other end, and its answer is recognised", () => {
  for (const text of [
    "x25519-ke1_mlkem768",
    "mlkem768",
    "x25519-ke1_ecp256-ke2_mlkem512-ke2_none",
  ]) {
    const suites = [suiteOf(text, "ike")];
    const offer = proposalsOf(suites, {
      ...{ protocol: Protocol.IKE, spi: NO_SPI, withKe: true },
    });
    const chosen = chooseIke(offer, suites, { spiOctets: 0, sentKe: undefined });
    if (!chosen.ok) throw new Error(text);
    const answer = chosenProposal(Protocol.IKE, chosen.value, NO_SPI);
    expect(isAnswerTo(offer, [answer])).toBe(true);
    const again = chooseIke([answer], suites, { spiOctets: 0, sentKe: undefined });
    expect(again).toEqual(chosen);
    expect(acceptsIke(suites, chosen.value.algorithms)).toBe(true);
    const other = [...answer.transforms, ...addke(12, Ke.ML_KEM_1024)];
    expect(isAnswerTo(offer, [{ ...answer, transforms: other }])).toBe(false);
  }
});

test("what was agreed is accepted by the eroute that demands or allows it", () => {
  const algorithms = algorithmsOf(HYBRID, "x25519-ke1_mlkem768");
  const accepts = (text: string) => acceptsIke([suiteOf(text, "ike")], algorithms);
  expect(accepts("x25519-ke1_mlkem768")).toBe(true);
  expect(accepts("x25519-ke1_mlkem1024-ke1_mlkem768-ke2_ecp384-ke2_none")).toBe(true);
  expect(accepts("x25519")).toBe(false);
  expect(accepts("x25519-ke1_mlkem1024")).toBe(false);
  expect(accepts("x25519-ke1_mlkem768-ke2_ecp384")).toBe(false);
  const classical = algorithmsOf(CLASSICAL, "x25519");
  expect(acceptsIke([suiteOf("x25519-ke1_mlkem768", "ike")], classical)).toBe(false);
  expect(acceptsIke([suiteOf("x25519-ke1_mlkem768-ke1_none", "ike")], classical)).toBe(true);
});

/** As strongSwan 6 writes them: each method in each type, and NONE. */
test("ESP proposals with every key exchange and NONE", () => {
  const every = [31, 19, 20, 21, 14, 36];
  const offered = [
    ...[...ESP, ...every.map(ke), ke(Ke.NONE)],
    ...addke(ADDKE1, 36, 37, 35, Ke.NONE),
  ];
  const text = ["aes128gcm16-x25519-none"];
  // In IKE_AUTH there is none, whatever is offered.
  expect(espAgreed([offered], text, { withKe: false })).toBe("1: none");
  // Later, who sends no public value wants none.
  expect(espAgreed([offered], text, { withKe: true })).toBe("1: none");
  expect(espAgreed([offered], text, { withKe: true, sentKe: Ke.X25519 })).toBe("1: X25519");
  expect(espAgreed([offered], ["aes128gcm16-x25519"], { withKe: true })).toBe("1: X25519");
  const hybrid = ["aes128gcm16-x25519-none-ke1_mlkem768"];
  expect(espAgreed([offered], hybrid, { withKe: true, sentKe: 31 })).toBe("1: X25519/ML_KEM_768");
  // Without a first key exchange there is no additional one.
  expect(espAgreed([offered], hybrid, { withKe: true })).toBe("1: none");
  expect(espAgreed([[...ESP, ke(31)]], hybrid, { withKe: true, sentKe: 31 })).toBe("nothing");
});

test("ML-KEM as the first key exchange", () => {
  const offered = [...IKE, ke(Ke.ML_KEM_768), ke(Ke.ML_KEM_1024)];
  expect(agreed([offered], ["mlkem1024-mlkem768"])).toBe("1: ML_KEM_1024");
  expect(agreed([offered], ["mlkem512"])).toBe("nothing");
});

test("a shown proposal names each type", () => {
  const shown = proposalText({ transforms: [...HYBRID, ...addke(ADDKE2, 4_095)] });
  expect(shown).toBe("AES_GCM_16_128/PRF_HMAC_SHA2_256/X25519/ADDKE1_ML_KEM_768/ADDKE2_4095");
});

function suiteOf(text: string, kind: SuiteKind): Suite {
  const parsed = parseSuite(kind === "ike" ? `${GCM}-${text}` : text, kind);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}

function proposal(number: number, transforms: readonly Transform[]): Proposal {
  return { number, protocol: Protocol.IKE, spi: NO_SPI, transforms };
}

/** `1: X25519/ML_KEM_768`: the number of the proposal and the key exchanges in their order. */
function agreed(offered: readonly (readonly Transform[])[], texts: readonly string[]): string {
  const proposals = offered.map((transforms, i) => proposal(i + 1, transforms));
  const chosen = chooseIke(
    proposals,
    texts.map((text) => suiteOf(text, "ike")),
    { spiOctets: 0, sentKe: undefined },
  );
  if (!chosen.ok) return "nothing";
  const text = ikeAlgorithmsText(chosen.value.algorithms);
  return `${chosen.value.number}: ${text.split("/").slice(2).join("/")}`;
}

function espAgreed(
  offered: readonly (readonly Transform[])[],
  texts: readonly string[],
  { withKe, sentKe }: { readonly withKe: boolean; readonly sentKe?: number },
): string {
  const chosen = chooseEsp(
    offered.map((transforms, i) => {
      return { number: i + 1, protocol: Protocol.ESP, spi: ESP_SPI, transforms };
    }),
    texts.map((text) => suiteOf(text, "esp")),
    { withKe, sentKe },
  );
  if (!chosen.ok) return "nothing";
  const { algorithms } = chosen.value;
  const names = [algorithms.ke, ...additionalMethods(algorithms)].map(
    (id) => METHOD_NAMES[id] ?? "none",
  );
  return `${chosen.value.number}: ${names.join("/")}`;
}

const METHOD_NAMES: Readonly<Record<number, string>> = { 31: "X25519", 36: "ML_KEM_768" };

function algorithmsOf(transforms: readonly Transform[], text: string) {
  const want = { spiOctets: 0, sentKe: undefined } as const;
  const chosen = chooseIke([proposal(1, transforms)], [suiteOf(text, "ike")], want);
  if (!chosen.ok) throw new Error(text);
  return chosen.value.algorithms;
}

function offerOf(texts: readonly string[]): readonly string[] {
  const suites = texts.map((text) => suiteOf(text, "ike"));
  const offer = { protocol: Protocol.IKE, spi: NO_SPI, withKe: true } as const;
  return proposalsOf(suites, offer).map((one) => proposalText(one).split("/").slice(2).join("/"));
}

/** ADDKE types never meet the integrity algorithm that AES-CBC needs. */
test("beside AES-CBC the integrity algorithm is chosen as before", () => {
  const parsed = parseSuite("aes128-sha256-x25519-ke1_mlkem768", "ike");
  if (!parsed.ok) throw new Error(parsed.error);
  const [offer] = proposalsOf([parsed.value], {
    ...{ protocol: Protocol.IKE, spi: NO_SPI, withKe: true },
  });
  const integ = offer?.transforms.find(({ type }) => type === TransformType.INTEG);
  expect(integ?.id).toBe(Integ.HMAC_SHA2_256_128);
});
