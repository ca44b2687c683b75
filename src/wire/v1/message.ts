/** IKEv1 messages and their payloads as plain values (RFC 2408 §3, RFC 2407 §4.6). */

import type { Identity } from "../identity.ts";

export const PayloadType = {
  NONE: 0,
  SA: 1,
  KE: 4,
  ID: 5,
  CERT: 6,
  CERTREQ: 7,
  HASH: 8,
  SIG: 9,
  NONCE: 10,
  NOTIFY: 11,
  DELETE: 12,
  VENDOR: 13,
  /** Mode Config and XAUTH. */
  ATTRIBUTE: 14,
  NAT_D: 20, // RFC 3947, as the next one
  NAT_OA: 21,
  NAT_D_DRAFT: 130, // draft-ietf-ipsec-nat-t-ike-02 and -03, as the next one
  NAT_OA_DRAFT: 131,
  FRAGMENT: 132,
} as const;

/** RFC 2407 §4.4.1. */
export const Protocol = { ISAKMP: 1, AH: 2, ESP: 3, IPCOMP: 4 } as const;

/** The Domain of Interpretation of IPsec, and its only situation here (RFC 2407 §4.2). */
export const DOI_IPSEC = 1;
export const SIT_IDENTITY_ONLY = 1;

/**
 * An attribute of a transform, or of Mode Config. A number that fits 16 bits may come in either
 * form (RFC 2408 §3.3); an answer has to keep the form.
 */
export type Attribute =
  | { readonly type: number; readonly form: "TV"; readonly value: number }
  | { readonly type: number; readonly form: "TLV"; readonly octets: Uint8Array };

export type Transform = {
  readonly number: number;
  readonly id: number;
  readonly attributes: readonly Attribute[];
};

/** Proposals with one number belong together: all of them, or none, are chosen. */
export type Proposal = {
  readonly number: number;
  readonly protocol: number;
  readonly spi: Uint8Array;
  readonly transforms: readonly Transform[];
};

/** Of another DOI or situation the proposals are not read. */
export type SaPayload = {
  readonly kind: "SA";
  readonly doi: number;
  readonly situation: number;
  readonly proposals: readonly Proposal[];
};
/** Payloads that hold nothing but octets. */
export type DataPayload = {
  readonly kind: "KE" | "HASH" | "SIG" | "NONCE" | "VENDOR" | "NAT_D" | "NAT_D_DRAFT";
  readonly data: Uint8Array;
};
export type IdPayload = {
  readonly kind: "ID";
  readonly identity: Identity;
  /** IP protocol, 0 for any. */
  readonly protocol: number;
  /** 0 for any. */
  readonly port: number;
};
export type CertPayload = {
  readonly kind: "CERT" | "CERTREQ";
  readonly encoding: number;
  /** The certificate, or the name of an authority in DER. */
  readonly data: Uint8Array;
};
export type NotifyPayload = {
  readonly kind: "NOTIFY";
  readonly doi: number;
  readonly protocol: number;
  readonly spi: Uint8Array;
  readonly type: number;
  readonly data: Uint8Array;
};
export type DeletePayload = {
  readonly kind: "DELETE";
  readonly doi: number;
  readonly protocol: number;
  /** Of 4 octets for ESP; both cookies, 16 octets, for ISAKMP. */
  readonly spis: readonly Uint8Array[];
};
export type AttributePayload = {
  readonly kind: "ATTRIBUTE";
  readonly cfgType: number;
  readonly identifier: number;
  readonly attributes: readonly Attribute[];
};
/** The address that an end had before its NAT (RFC 3947 §5.2). */
export type NatOaPayload = {
  readonly kind: "NAT_OA" | "NAT_OA_DRAFT";
  readonly idType: number;
  readonly address: Uint8Array;
};
/** Part `number`, from 1, of a whole message (header included) that is `id`. */
export type FragmentPayload = {
  readonly kind: "FRAGMENT";
  readonly id: number;
  readonly number: number;
  readonly isLast: boolean;
  readonly data: Uint8Array;
};
/** A payload of a type that is not known: it is left alone. */
export type OpaquePayload = {
  readonly kind: "OPAQUE";
  readonly payloadType: number;
  readonly data: Uint8Array;
};
/**
 * A payload whose length is right and whose content is not. Code that needs the payload decides
 * whether that matters.
 */
export type UnreadablePayload = {
  readonly kind: "UNREADABLE";
  readonly payloadType: number;
  readonly data: Uint8Array;
  readonly fault: { readonly where: string; readonly detail: string };
};

export type Payload =
  | SaPayload
  | DataPayload
  | IdPayload
  | CertPayload
  | NotifyPayload
  | DeletePayload
  | AttributePayload
  | NatOaPayload
  | FragmentPayload
  | OpaquePayload
  | UnreadablePayload;

/**
 * A payload as it came. `body` is what followed its generic header, octet for octet: hashes cover
 * that (SAi_b, IDii_b …), and not what we would have written (RFC 2409 §5).
 */
export type Received<P extends Payload = Payload> = P & { readonly body: Uint8Array };

/** The payloads of a message that is not encrypted, or has been decrypted. */
export type ReceivedPayloads = {
  readonly payloads: readonly Received[];
  /**
   * The octets after the first payload, up to the end of the last one: what HASH(1), HASH(2) and
   * the hash of an Informational cover (RFC 2409 §5.5, §5.7).
   */
  readonly afterFirst: Uint8Array;
  /** Octets after the last payload: padding. */
  readonly trailing: number;
};

/**
 * So many payloads of a message are read, and after them only the first of each type. The others
 * are skipped: vendor IDs and certificate requests, of which some peers send many.
 */
export const PAYLOADS_MAX = 128;
