/** What one end accepts: a set of transforms of each type, best first. */

/** An encryption transform: number and key length in bits (undefined if it is fixed). */
export type EncrTransform = { readonly id: number; readonly keyBits: number | undefined };

/**
 * One acceptable proposal. A peer's proposal matches if it offers one transform of each type that
 * this suite names. `prf` is empty for ESP; `integ` is empty with AEAD encryption. In an ESP suite,
 * `ke` holds the groups of perfect forward secrecy: NONE (0) in it makes PFS optional, an empty
 * list means no PFS. `esn` is empty for IKE. `additional` holds the methods of each additional key
 * exchange (RFC 9370), where NONE makes it optional; absent: there is none.
 */
export type Suite = {
  readonly encr: readonly EncrTransform[];
  readonly prf: readonly number[];
  readonly integ: readonly number[];
  readonly ke: readonly number[];
  readonly esn: readonly boolean[];
  readonly additional?: readonly (readonly number[])[];
};
