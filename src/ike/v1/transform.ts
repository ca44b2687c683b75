/**
 * Transforms of IKEv1 as what they mean: one attribute each for cipher, hash, group and the like
 * (RFC 2409 App. A, RFC 2407 §4.5).
 */

import { Encr } from "../../crypto/transform.ts";
import { onceFor } from "../../octets/once-for.ts";
import { attributeNumber, numberAttribute } from "../../wire/v1/attribute.ts";
import type { Attribute, Transform } from "../../wire/v1/message.ts";
import {
  espAuthentication,
  espTransform,
  IpsecAttribute,
  IsakmpAttribute,
  isakmpEncryption,
  isakmpHash,
  KEY_IKE,
  LifeType,
  type NumberTable,
} from "./transform-numbers.ts";

/** Of a kind that is not given there is no limit, or the default of §4.5: eight hours. */
export type Lifetime = {
  readonly seconds: number | undefined;
  readonly kilobytes: number | undefined;
};

/** Why a transform is never chosen, in words; undefined: nothing keeps it from being chosen. */
type Odd = { readonly odd: string | undefined };

/** Numbers are those of IKEv2; -1 for what IKEv2 does not have. */
export type IsakmpOffer = Odd & {
  readonly encr: { readonly id: number; readonly keyBits: number | undefined };
  readonly prf: number;
  /** 0 without one. */
  readonly ke: number;
  readonly authMethod: number | undefined;
  readonly lifetime: Lifetime;
};

export type EspOffer = Odd & {
  readonly encr: { readonly id: number; readonly keyBits: number | undefined };
  /** 0 without one. */
  readonly integ: number;
  /** 0: no perfect forward secrecy. */
  readonly ke: number;
  readonly encapsulation: number | undefined;
  readonly lifetime: Lifetime;
};

/** Reads a transform of an ISAKMP proposal. AES without a key length has 128 bits. */
export const isakmpOfferOf = onceFor(({ id, attributes }: Transform): IsakmpOffer => {
  const A = IsakmpAttribute;
  const read = readAttributes(attributes, A);
  const { value, lifetime } = read;
  const cipher = value(A.ENCRYPTION);
  const missing = [A.ENCRYPTION, A.HASH, A.AUTHENTICATION_METHOD, A.GROUP_DESCRIPTION].find(
    (type) => value(type) === undefined,
  );
  const absent = missing === undefined ? undefined : `lacks attribute ${missing}`;
  return {
    odd: id === KEY_IKE ? (read.odd ?? absent) : `transform ${id}`,
    encr: encrOf(isakmpEncryption, cipher, value(A.KEY_LENGTH)),
    prf: numberIn(isakmpHash, value(A.HASH)),
    ke: value(A.GROUP_DESCRIPTION) ?? 0,
    authMethod: value(A.AUTHENTICATION_METHOD),
    lifetime,
  };
});

/** Reads a transform of an ESP proposal. AES without a key length has 128 bits. */
export const espOfferOf = onceFor(({ id, attributes }: Transform): EspOffer => {
  const A = IpsecAttribute;
  const { value, lifetime, odd } = readAttributes(attributes, A);
  const authentication = value(A.AUTHENTICATION_ALGORITHM);
  return {
    odd,
    encr: encrOf(espTransform, id, value(A.KEY_LENGTH)),
    integ: authentication === undefined ? 0 : numberIn(espAuthentication, authentication),
    ke: value(A.GROUP_DESCRIPTION) ?? 0,
    encapsulation: value(A.ENCAPSULATION_MODE),
    lifetime,
  };
});

/** A transform for an ISAKMP SA, whose algorithms have a number in IKEv1. */
export function isakmpTransform(
  number: number,
  offer: Omit<IsakmpOffer, "odd">,
): Transform | undefined {
  const A = IsakmpAttribute;
  const { encr, prf, ke, authMethod = 0, lifetime } = offer;
  const cipher = isakmpEncryption.ofV2.get(encr.id);
  const hash = isakmpHash.ofV2.get(prf);
  if (cipher === undefined || hash === undefined) return undefined;
  const attributes = [
    numberAttribute(A.ENCRYPTION, cipher),
    ...optional(A.KEY_LENGTH, encr.keyBits),
    numberAttribute(A.HASH, hash),
    numberAttribute(A.GROUP_DESCRIPTION, ke),
    numberAttribute(A.AUTHENTICATION_METHOD, authMethod),
    ...lifeAttributes(lifetime, A),
  ];
  return { number, id: KEY_IKE, attributes };
}

/** A transform for an IPsec SA, whose algorithms have a number in IKEv1. */
export function espTransformOf(
  number: number,
  offer: Omit<EspOffer, "odd">,
): Transform | undefined {
  const A = IpsecAttribute;
  const { encr, integ, ke, encapsulation, lifetime } = offer;
  const id = espTransform.ofV2.get(encr.id);
  const authentication = integ === 0 ? undefined : espAuthentication.ofV2.get(integ);
  if (id === undefined || (integ !== 0 && authentication === undefined)) return undefined;
  const attributes = [
    ...optional(A.GROUP_DESCRIPTION, ke === 0 ? undefined : ke),
    ...optional(A.ENCAPSULATION_MODE, encapsulation),
    ...optional(A.AUTHENTICATION_ALGORITHM, authentication),
    ...optional(A.KEY_LENGTH, encr.keyBits),
    ...lifeAttributes(lifetime, A),
  ];
  return { number, id, attributes };
}

/** The lifetime that attributes say, as in RESPONDER-LIFETIME (RFC 2407 §4.6.3.1). */
export function lifetimeOf(attributes: readonly Attribute[]): Lifetime {
  return readAttributes(attributes, IpsecAttribute).lifetime;
}

/** The attributes that say a lifetime of an IPsec SA: the type of each before its duration. */
export function lifetimeAttributes(lifetime: Lifetime): readonly Attribute[] {
  return lifeAttributes(lifetime, IpsecAttribute);
}

type Registry = { readonly LIFE_TYPE: number; readonly LIFE_DURATION: number };

const KNOWN: ReadonlyMap<Registry, ReadonlySet<number>> = new Map(
  [IsakmpAttribute, IpsecAttribute].map((one) => [one, new Set<number>(Object.values(one))]),
);

type ReadAttributes = Odd & {
  readonly value: (type: number) => number | undefined;
  readonly lifetime: Lifetime;
};

/** Each attribute is there once at most; a life type comes before its duration (§4.5). */
function readAttributes(attributes: readonly Attribute[], registry: Registry): ReadAttributes {
  const values = new Map<number, number>();
  const known = KNOWN.get(registry);
  const lives = new Map<number, number>();
  let odd: string | undefined;
  let lifeType: number | undefined;
  for (const attribute of attributes) {
    const { type } = attribute;
    const value = attributeNumber(attribute);
    if (value === undefined || known?.has(type) !== true) {
      odd ??= `with ${attributeText(attribute)}`;
    } else if (type === registry.LIFE_TYPE) {
      if (!isLifeType(value)) odd ??= `with life type ${value}`;
      lifeType = value;
    } else if (type === registry.LIFE_DURATION) {
      if (lifeType === undefined) odd ??= "with a life duration before its type";
      else if (lives.has(lifeType)) odd ??= `with two durations of life type ${lifeType}`;
      else lives.set(lifeType, value);
    } else if (values.has(type)) odd ??= `with attribute ${type} twice`;
    else values.set(type, value);
  }
  // strongSwan sends 0 where no lifetime is configured.
  const lifetime = {
    seconds: lives.get(LifeType.SECONDS) || undefined,
    kilobytes: lives.get(LifeType.KILOBYTES) || undefined,
  };
  return { odd, value: (type) => values.get(type), lifetime };
}

function isLifeType(value: number): boolean {
  return value === LifeType.SECONDS || value === LifeType.KILOBYTES;
}

function attributeText(attribute: Attribute): string {
  const value = attributeNumber(attribute);
  if (value !== undefined) return `attribute ${attribute.type}=${value}`;
  const octets = attribute.form === "TLV" ? attribute.octets.length : 2;
  return `attribute ${attribute.type} of ${octets} octets`;
}

function encrOf(
  table: NumberTable,
  number: number | undefined,
  keyBits: number | undefined,
): IsakmpOffer["encr"] {
  const id = numberIn(table, number);
  return { id, keyBits: keyBits ?? (HAS_KEY_LENGTH.has(id) ? DEFAULT_KEY_BITS : undefined) };
}

function numberIn(table: NumberTable, number: number | undefined): number {
  return number === undefined ? UNKNOWN : (table.ofV1.get(number) ?? UNKNOWN);
}

function optional(type: number, value: number | undefined): readonly Attribute[] {
  return value === undefined ? [] : [numberAttribute(type, value)];
}

function lifeAttributes(
  { seconds, kilobytes }: Lifetime,
  registry: Registry,
): readonly Attribute[] {
  const life = (type: number, duration: number | undefined) =>
    duration === undefined
      ? []
      : [
          numberAttribute(registry.LIFE_TYPE, type),
          numberAttribute(registry.LIFE_DURATION, duration),
        ];
  return [...life(LifeType.SECONDS, seconds), ...life(LifeType.KILOBYTES, kilobytes)];
}

const UNKNOWN = -1;
const DEFAULT_KEY_BITS = 128;
const HAS_KEY_LENGTH: ReadonlySet<number> = new Set([
  Encr.AES_CBC,
  Encr.AES_CTR,
  Encr.AES_CCM_8,
  Encr.AES_CCM_12,
  Encr.AES_CCM_16,
  Encr.AES_GCM_8,
  Encr.AES_GCM_12,
  Encr.AES_GCM_16,
  Encr.CAMELLIA_CBC,
  Encr.NULL_AUTH_AES_GMAC,
]);
