/** Offers of IKEv1, written briefly, and what tests want of a choice. */

import type { Suite } from "../../../../src/crypto/suite.ts";
import { parseSuite } from "../../../../src/crypto/suite-notation.ts";
import { Encr, Integ, Ke, PrfId } from "../../../../src/crypto/transform.ts";
import type { Refusal } from "../../../../src/ike/refusal.ts";
import type {
  chooseEsp,
  chooseIsakmp,
  EspWant,
  IsakmpWant,
} from "../../../../src/ike/v1/proposal.ts";
import { AuthMethod, encapsulationMode } from "../../../../src/ike/v1/transform-numbers.ts";
import { asEspSpi } from "../../../../src/inet/esp-spi.ts";
import { numberAttribute } from "../../../../src/wire/v1/attribute.ts";
import {
  type Attribute,
  type Proposal,
  Protocol,
  type SaPayload,
  type Transform,
} from "../../../../src/wire/v1/message.ts";

export const WEAK: Suite = {
  encr: [
    { id: Encr.AES_CBC, keyBits: 128 },
    { id: Encr.DES3, keyBits: undefined },
  ],
  prf: [PrfId.HMAC_SHA1, PrfId.HMAC_MD5],
  integ: [Integ.HMAC_SHA1_96, Integ.HMAC_MD5_96],
  ke: [Ke.MODP_1536, Ke.MODP_1024],
  esn: [],
};
export const WEAK_ESP: Suite = { ...WEAK, prf: [], ke: [Ke.MODP_1024, Ke.NONE], esn: [false] };
export const SPI = asEspSpi(0xc0ffee01);
export const TUNNEL = encapsulationMode("tunnel", "none");
export const EIGHT_HOURS = { seconds: 28_800, kilobytes: undefined };

export const ANY = "aes256-sha256-modp2048";

export function want(...texts: readonly string[]): IsakmpWant {
  const suites = texts.map((text) => suiteOf(text, "ike"));
  return { suites, authMethods: [AuthMethod.PRE_SHARED_KEY], keOctets: undefined };
}

export function wantEsp(...texts: readonly string[]): EspWant {
  const suites = texts.map((text) => suiteOf(text, "esp"));
  return { suites, encapsulations: [TUNNEL], keOctets: undefined, isSha256Short: false };
}

export function suiteOf(text: string, kind: "ike" | "esp"): Suite {
  const suite = parseSuite(text, kind);
  if (!suite.ok) throw new Error(suite.error);
  return suite.value;
}

type IsakmpNumbers = readonly [
  cipher: number,
  hash: number,
  method: number,
  group: number,
  keyBits?: number,
];

export function isakmp(transforms: readonly IsakmpNumbers[]): SaPayload {
  return saOf(transforms.map(transformOf));
}

export function transformOf([cipher, hash, method, group, bits]: IsakmpNumbers, i = 0): Transform {
  const all = attributes([1, cipher], [2, hash], [3, method], [4, group]);
  const keyLength = bits === undefined ? [] : [numberAttribute(14, bits)];
  return { number: i + 1, id: 1, attributes: [...all, ...keyLength] };
}

export function esp(transforms: readonly (readonly [number, readonly Attribute[]])[]): SaPayload {
  const spi = Uint8Array.of(0xc0, 0xff, 0xee, 0x01);
  const all = transforms.map(([id, own], i) => ({ number: i + 1, id, attributes: own }));
  return saOfProposals([{ number: 1, protocol: Protocol.ESP, spi, transforms: all }]);
}

export function saOf(transforms: readonly Transform[]): SaPayload {
  const spi = new Uint8Array(0);
  return saOfProposals([{ number: 1, protocol: Protocol.ISAKMP, spi, transforms }]);
}

export function saOfProposals(proposals: readonly Proposal[]): SaPayload {
  return { kind: "SA", doi: 1, situation: 1, proposals };
}

export function attributes(...pairs: readonly (readonly [number, number])[]): readonly Attribute[] {
  return pairs.map(([type, value]) => numberAttribute(type, value));
}

export function numberOf(chosen: ReturnType<typeof chooseIsakmp>): number | undefined {
  return chosen.ok ? chosen.value.proposal.transforms[0]?.number : undefined;
}

type NoProposal = Extract<Refusal, { readonly kind: "no-proposal-chosen" }>;

export function refusalOf(chosen: ReturnType<typeof chooseIsakmp | typeof chooseEsp>): NoProposal {
  if (chosen.ok || chosen.error.kind !== "no-proposal-chosen") throw new Error("not refused");
  return chosen.error;
}

export function decidedOf(chosen: ReturnType<typeof chooseIsakmp | typeof chooseEsp>): string {
  return refusalOf(chosen).decided;
}
