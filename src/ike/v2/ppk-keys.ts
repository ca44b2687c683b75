/** Post-quantum pre-shared keys: the identity of one, and keys with it in them (RFC 8784 §3). */

import { type Prf, prfPlus } from "../../crypto/prf.ts";
import { toHex } from "../../octets/hex.ts";
import { equalConstantTime, wipe } from "../../octets/secret.ts";
import { Writer } from "../../octets/writer.ts";
import type { PpkCredential } from "../credentials.ts";
import type { DerivedKeys, HalfOpenKeys } from "./keys.ts";

/**
 * How far an IKE SA is with PPKs: one end or both did not say USE_PPK; both did, and which one is
 * not known so far; a PPK is in the keys.
 */
export type PpkState = "none" | "announced" | "used";

/** PPK_ID types (RFC 8784 §5.1.1). */
const PPK_ID_FIXED = 2;

/** Data of PPK_IDENTITY as the initiator sends it. */
export function ppkIdentity({ id }: Pick<PpkCredential, "id">): Uint8Array {
  return new Writer(id.length + 1).u8(PPK_ID_FIXED).octets(id).done();
}

/** Whether a PPK_IDENTITY names this PPK. Types but PPK_ID_FIXED name none that is known here. */
export function isPpkOf(identity: Uint8Array, { id }: PpkCredential): boolean {
  return identity[0] === PPK_ID_FIXED && equalConstantTime(identity.subarray(1), id);
}

/** A PPK_IDENTITY for people: its text, or `0x` and hex digits; no more than {@link SHOWN_MAX}. */
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
 * Keys with the PPK in them; the four that protect messages stay as they are. What the others were
 * is kept as `plain`, until it is settled whether the PPK is used.
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

/** The PPK is used: the keys without it are wiped. Keys that never had one are returned as is. */
export function keepPpk(keys: HalfOpenKeys): DerivedKeys {
  const { plain, ...mixed } = keys;
  wipe(plain?.SK_d, plain?.SK_pi, plain?.SK_pr);
  return mixed;
}

/** The PPK is not used: the keys with it are wiped. */
export function dropPpk(keys: HalfOpenKeys): DerivedKeys {
  const { plain, ...mixed } = keys;
  if (plain === undefined) return mixed;
  wipe(mixed.SK_d, mixed.SK_pi, mixed.SK_pr);
  return { ...mixed, ...plain };
}
