/**
 * PPKs in IKE_INTERMEDIATE: mixed into all keys before IKE_AUTH, so that they protect the initial
 * IKE SA as well (RFC 9867 §3.1).
 */

import { prf } from "../../crypto/prf.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { equalConstantTime, wipe } from "../../octets/secret.ts";
import { Writer } from "../../octets/writer.ts";
import type { NotifyPayload, Payload } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import type { PpkCredential } from "../credentials.ts";
import type { PpkRefusal } from "../ppk-fault.ts";
import { notifyOf } from "./find-payload.ts";
import type { HalfOpen } from "./half-open.ts";
import { notify } from "./notify.ts";
import { type IntermediatePpk, isPpkOf, ppkIdentity, ppkIdentityText } from "./ppk-keys.ts";

// Initiator                        Responder
// HDR, SAi1, KEi, Ni, N(INTERMEDIATE_EXCHANGE_SUPPORTED), N(USE_PPK_INT) -->
//           <--  HDR, SAr1, KEr, Nr, N(INTERMEDIATE_EXCHANGE_SUPPORTED), N(USE_PPK_INT)
// The last IKE_INTERMEDIATE, with or without a key exchange:
// HDR, SK {[KEi(n),] N(PPK_IDENTITY_KEY, PPK_ID, PPK_CONFIRM) …} -->
//                             <--  HDR, SK {[KEr(n),] [N(PPK_IDENTITY, PPK_ID)]}

/** A PPK that an initiator proposes. */
export type ProposedPpk = {
  /** PPK_ID with its type. */
  readonly identity: Uint8Array;
  /** The first octets of {@link ppkProof}. */
  readonly confirmation: Uint8Array;
};

/** More are ignored: a stranger could send thousands. */
export const PPKS_MAX = 8;
const CONFIRMATION_OCTETS = 8;
/** A type and at least one octet; longer ones than any of ours are ignored. */
const IDENTITY_OCTETS_MIN = 2;
const IDENTITY_OCTETS_MAX = 256;

/** The notify in both IKE_SA_INIT messages; a responder sends it or USE_PPK, never both. */
export function usePpkInt(): NotifyPayload {
  return notify(NotifyType.USE_PPK_INT);
}

/** Whether an IKE_SA_INIT message says that its sender supports this way. */
export function saysUsePpkInt(payloads: readonly Payload[]): boolean {
  return notifyOf(payloads, NotifyType.USE_PPK_INT) !== undefined;
}

/** prf(PPK, Ni | Nr | SPIi | SPIr): whoever has it has the PPK. */
export function ppkProof({ algorithms, Ni, Nr, id }: HalfOpen, key: Uint8Array): Uint8Array {
  const spis = new Writer(16).u64(id.spiI).u64(id.spiR).done();
  return prf(algorithms.prf, key, Ni, Nr, spis);
}

/** As initiator: the notify that proposes our PPK. */
export function proposePpk(half: HalfOpen, ppk: PpkCredential | undefined): readonly Payload[] {
  if (ppk === undefined) return [];
  const confirmation = ppkProof(half, ppk.key).subarray(0, CONFIRMATION_OCTETS);
  const identity = ppkIdentity(ppk);
  const data = new Writer(identity.length + CONFIRMATION_OCTETS);
  return [notify(NotifyType.PPK_IDENTITY_KEY, data.octets(identity).octets(confirmation).done())];
}

/** As initiator: whether the responder uses our PPK; or why the call ends. */
export function isPpkGranted(
  payloads: readonly Payload[],
  ppk: PpkCredential | undefined,
): Result<boolean, PpkRefusal> {
  const granted = notifyOf(payloads, NotifyType.PPK_IDENTITY);
  if (ppk === undefined) return ok(false);
  if (granted !== undefined && isPpkOf(granted.data, ppk)) return ok(true);
  if (granted === undefined && !ppk.isRequired) return ok(false);
  const offered = granted === undefined ? [] : [ppkIdentityText(granted.data)];
  const wanted = [ppkIdentityText(ppkIdentity(ppk))];
  return err({ kind: "ppk", fault: "ppk-ignored", offered, wanted });
}

/** As responder: what the initiator proposes, copied; {@link PPKS_MAX} at most. */
export function proposedPpks(payloads: readonly Payload[]): readonly ProposedPpk[] {
  const found: ProposedPpk[] = [];
  for (const payload of payloads) {
    if (found.length === PPKS_MAX) break;
    if (payload.kind !== "NOTIFY" || payload.type !== NotifyType.PPK_IDENTITY_KEY) continue;
    const { data } = payload;
    const octets = data.length - CONFIRMATION_OCTETS;
    if (octets < IDENTITY_OCTETS_MIN || octets > IDENTITY_OCTETS_MAX) continue;
    found.push({ identity: data.slice(0, octets), confirmation: data.slice(octets) });
  }
  return found;
}

/** As responder: the first proposed PPK that we know with the same key. Wipes the others. */
export function choosePpk(
  half: HalfOpen,
  proposed: readonly ProposedPpk[],
  known: readonly PpkCredential[],
): PpkCredential | undefined {
  const isRight = (ppk: PpkCredential) => {
    const proof = ppkProof(half, ppk.key).subarray(0, CONFIRMATION_OCTETS);
    return proposed.some(
      ({ identity, confirmation }) =>
        isPpkOf(identity, ppk) && equalConstantTime(confirmation, proof),
    );
  };
  const chosen = known.find(isRight);
  for (const { key } of known) if (key !== chosen?.key) wipe(key);
  return chosen;
}

/**
 * As responder, once the site's ID is known: whether the PPK in the keys, or none, is what the
 * site's row or user has.
 */
export function judgeIntermediatePpk(
  half: HalfOpen,
  { offered, proof }: IntermediatePpk,
  ppk: PpkCredential | undefined,
): PpkRefusal | undefined {
  const wanted = ppk === undefined ? [] : [ppkIdentityText(ppkIdentity(ppk))];
  if (proof !== undefined) {
    const isTheirs = ppk !== undefined && equalConstantTime(proof, ppkProof(half, ppk.key));
    return isTheirs ? undefined : { kind: "ppk", fault: "ppk-unknown", offered, wanted };
  }
  if (ppk?.isRequired !== true) return undefined;
  if (offered.length === 0) return { kind: "ppk", fault: "ppk-missing", offered, wanted };
  const isNamed = offered.some((id) => wanted.includes(id));
  return { kind: "ppk", fault: isNamed ? "wrong-ppk" : "ppk-unknown", offered, wanted };
}
