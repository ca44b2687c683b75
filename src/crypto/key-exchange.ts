/** Key exchange methods by IKE number: public values and shared secrets. */

/**
 * One step of a key exchange. `random` are private octets of {@link privateOctets} length, from
 * the injected source: the same octets give the same private value, so a run replays.
 */
export type KeyExchangeRequest =
  /** Own public value and, with the peer's, the shared secret: the responder's whole part. */
  | {
      readonly op: "respond";
      readonly method: number;
      readonly random: Uint8Array;
      readonly peerPublic: Uint8Array;
    }
  /** Own public value only: the initiator's first part. */
  | { readonly op: "offer"; readonly method: number; readonly random: Uint8Array }
  /** The shared secret of what `offer` made: the initiator's second part. */
  | {
      readonly op: "derive";
      readonly method: number;
      readonly random: Uint8Array;
      readonly peerPublic: Uint8Array;
    };

/** `publicValue` is empty for `derive`, `sharedSecret` for `offer`. Padded as RFC 7296 §2.14. */
export type KeyExchangeAnswer = {
  readonly publicValue: Uint8Array;
  readonly sharedSecret: Uint8Array;
};

export type KeyExchangeFault = {
  /** `invalid-public`: the peer's value has a wrong length or is not allowed (RFC 6989). */
  readonly kind: "invalid-public" | "unsupported" | "overloaded" | "internal";
  readonly detail: string;
};

export type KeyExchangeResult =
  | { readonly ok: true; readonly value: KeyExchangeAnswer }
  | { readonly ok: false; readonly error: KeyExchangeFault };
