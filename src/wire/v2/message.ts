/** IKE messages and their payloads as plain values (RFC 7296 §3). */

import type { Identity } from "../identity.ts";
import type { TrafficSelector } from "../traffic-selector.ts";

export const PayloadType = {
  NONE: 0,
  SA: 33,
  KE: 34,
  IDi: 35,
  IDr: 36,
  CERT: 37,
  CERTREQ: 38,
  AUTH: 39,
  NONCE: 40,
  NOTIFY: 41,
  DELETE: 42,
  VENDOR: 43,
  TSi: 44,
  TSr: 45,
  SK: 46,
  CP: 47,
  EAP: 48,
  SKF: 53,
} as const;

export const Protocol = { NONE: 0, IKE: 1, AH: 2, ESP: 3 } as const;

/** The first of a transform's attributes that mean nothing to us, and how many there are. */
export type UnknownAttributes = {
  /** `value`: of an attribute of fixed length. `octets`: the length of any other. */
  readonly first: {
    readonly type: number;
    readonly value: number | undefined;
    readonly octets: number;
  };
  readonly count: number;
};

/** One transform of a proposal. `keyBits` is the Key Length attribute (§3.3.5). */
export type Transform = {
  readonly type: number;
  readonly id: number;
  readonly keyBits: number | undefined;
  /** Whether it carried an attribute other than Key Length: such a transform is never chosen. */
  readonly hasUnknownAttribute: boolean;
  /** What they were, as far as messages show it; absent if there were none. */
  readonly unknownAttributes?: UnknownAttributes;
};

/** One proposal; `spi` has 0, 4 or 8 octets. */
export type Proposal = {
  readonly number: number;
  readonly protocol: number;
  readonly spi: Uint8Array;
  readonly transforms: readonly Transform[];
};

export type SaPayload = { readonly kind: "SA"; readonly proposals: readonly Proposal[] };
export type KePayload = {
  readonly kind: "KE";
  readonly method: number;
  readonly data: Uint8Array;
};
export type NoncePayload = { readonly kind: "NONCE"; readonly data: Uint8Array };
export type IdPayload = {
  readonly kind: "IDi" | "IDr";
  readonly identity: Identity;
  /** The payload body as received: AUTH covers it, RESERVED octets included (§2.15). */
  readonly body: Uint8Array;
};
export type CertPayload = {
  readonly kind: "CERT";
  readonly encoding: number;
  readonly data: Uint8Array;
};
export type CertReqPayload = {
  readonly kind: "CERTREQ";
  readonly encoding: number;
  /** With encoding 4: SHA-1 hashes of authorities' public keys, one after another. */
  readonly authorities: Uint8Array;
};
export type AuthPayload = {
  readonly kind: "AUTH";
  readonly method: number;
  readonly data: Uint8Array;
};
export type NotifyPayload = {
  readonly kind: "NOTIFY";
  readonly protocol: number;
  readonly spi: Uint8Array;
  readonly type: number;
  readonly data: Uint8Array;
};
export type DeletePayload = {
  readonly kind: "DELETE";
  readonly protocol: number;
  /** SPIs of 4 octets each; none for protocol IKE. */
  readonly spis: readonly number[];
};
export type TsPayload = {
  readonly kind: "TSi" | "TSr";
  readonly selectors: readonly TrafficSelector[];
  /** How many selectors of unknown type were skipped. */
  readonly unknown: number;
};
export type VendorPayload = { readonly kind: "VENDOR"; readonly data: Uint8Array };
export type CpPayload = {
  readonly kind: "CP";
  readonly cfgType: number;
  readonly attributes: readonly { readonly type: number; readonly value: Uint8Array }[];
};
/** A payload that we know by number only (EAP), or that is not critical. */
export type OpaquePayload = {
  readonly kind: "OPAQUE";
  readonly payloadType: number;
  readonly data: Uint8Array;
};

/**
 * A payload whose length is right and whose content is not. Code that needs the payload decides
 * whether that matters: a message is not refused for a part that nobody reads.
 */
export type UnreadablePayload = {
  readonly kind: "UNREADABLE";
  readonly payloadType: number;
  readonly data: Uint8Array;
  readonly fault: { readonly where: string; readonly detail: string };
};

export type Payload =
  | SaPayload
  | KePayload
  | NoncePayload
  | IdPayload
  | CertPayload
  | CertReqPayload
  | AuthPayload
  | NotifyPayload
  | DeletePayload
  | TsPayload
  | VendorPayload
  | CpPayload
  | OpaquePayload
  | UnreadablePayload;

/**
 * So many payloads of a chain are read, and after them only the first of each type. The others are
 * skipped: notifies, vendor IDs and the like, of which a host with many addresses sends many.
 */
export const PAYLOADS_MAX = 128;
