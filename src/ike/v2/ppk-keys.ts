/** Post-quantum pre-shared keys: their identity, and mixing them into keys (RFC 8784 §3). */

import { type Prf, prfPlus } from "../../crypto/prf.ts";
import { toHex } from "../../octets/hex.ts";
import { equalConstantTime, wipe } from "../../octets/secret.ts";
import { Writer } from "../../octets/writer.ts";
import type { PpkCredential } from "../credentials.ts";
import type { DerivedKeys, HalfOpenKeys } from "./keys.ts";

/**
 * The use of a PPK in an IKE SA. `none`: at least one end did not send USE_PPK, or it goes without.
 * `announced`: both ends sent it, and the PPK is not known yet. `used`: it is mixed into the keys.
 * `mixed`: it is in all keys since IKE_INTERMEDIATE (RFC 9867), and IKE_AUTH says nothing of it.
 */
export type PpkState = "none" | "announced" | "used" | "mixed";

/** When both ends agree on a PPK: never, in IKE_AUTH (RFC 8784), or before it (RFC 9867). */
export type PpkWay = "none" | "ike-auth" | "intermediate";

/** What IKE_INTERMEDIATE has brought about PPKs (RFC 9867 §3.1). */
export type IntermediatePpk = {
  /** What the initiator proposed, in readable form. */
  readonly offered: readonly string[];
  /** The proof of the PPK that is in the keys now; undefined: there is none. */
  readonly proof: Uint8Array | undefined;
};

/** PPK_ID types (RFC 8784 §5.1.1). */
const PPK_ID_FIXED = 2;

/** The data of the initiator's PPK_IDENTITY. */
export function ppkIdentity({ id }: Pick<PpkCredential, "id">): Uint8Array {
  return new Writer(id.length + 1).u8(PPK_ID_FIXED).octets(id).done();
}

/** Whether a PPK_IDENTITY names this PPK. All PPKs here are of type PPK_ID_FIXED. */
export function isPpkOf(identity: Uint8Array, { id }: PpkCredential): boolean {
  return identity[0] === PPK_ID_FIXED && equalConstantTime(identity.subarray(1), id);
}

/** A PPK_IDENTITY in readable form: text, or `0x` and hex digits; {@link SHOWN_MAX} at most. */
export function ppkIdentityText(identity: Uint8Array): string {
  const [type] = identity;
  const id = identity.subarray(1, 1 + SHOWN_MAX);
  const isText = id.length > 0 && id.every((octet) => octet > 0x20 && octet < 0x7f);
  const text = isText ? new TextDecoder().decode(id) : `0x${toHex(id)}`;
  return type === PPK_ID_FIXED ? text : `${text} (PPK_ID of type ${type ?? "none"})`;
}

const SHOWN_MAX = 64;

// SK_d  = prf+ (PPK, SK_d')
// SK_pi = prf+ (PPK, SK_pi')
// SK_pr = prf+ (PPK, SK_pr')

/**
 * The keys with the PPK mixed in; the four that protect messages stay the same. The former values
 * of the others are kept as `plain` until it is clear whether the PPK is used.
 */
export function withPpk(algorithm: Prf, keys: DerivedKeys, ppk: Uint8Array): HalfOpenKeys {
  const { SK_d, SK_ai, SK_ar, SK_ei, SK_er, SK_pi, SK_pr, epoch } = keys;
  const mix = (key: Uint8Array) => prfPlus(algorithm, ppk, key, key.length);
  return {
    SK_d: mix(SK_d),
    SK_ai,
    SK_ar,
    SK_ei,
    SK_er,
    SK_pi: mix(SK_pi),
    SK_pr: mix(SK_pr),
    epoch,
    plain: { SK_d, SK_pi, SK_pr },
  };
}

/** The PPK is used: wipes the keys without it. Keys without a PPK are returned unchanged. */
export function keepPpk(keys: HalfOpenKeys): DerivedKeys {
  if (keys.plain === undefined) return keys;
  const { plain, ...mixed } = keys;
  wipe(plain?.SK_d, plain?.SK_pi, plain?.SK_pr);
  return mixed;
}

/** The PPK is not used: wipes the keys with it. */
export function dropPpk(keys: HalfOpenKeys): DerivedKeys {
  const { plain, ...mixed } = keys;
  if (plain === undefined) return mixed;
  wipe(mixed.SK_d, mixed.SK_pi, mixed.SK_pr);
  return { ...mixed, ...plain };
}
