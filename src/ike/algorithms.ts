/** The algorithms that an IKE SA or a Child SA agreed on: transform numbers made usable. */

import { type Encryption, encryptionFor } from "../crypto/encryption.ts";
import {
  type EspEncryption,
  type EspIntegrity,
  espEncryptionFor,
  espIntegrityFor,
} from "../crypto/esp-algorithm.ts";
import { anyEspEncryptionFor, anyEspIntegrityFor } from "../crypto/ikev1.ts";
import { type Integrity, integrityFor } from "../crypto/integrity.ts";
import { transformName } from "../crypto/names.ts";
import { type Prf, prfFor } from "../crypto/prf.ts";
import type { Suite } from "../crypto/suite.ts";
import { ADDKE_FIRST, ADDKE_MAX, Ke, TransformType } from "../crypto/transform.ts";

export type IkeAlgorithms = {
  readonly encr: Encryption;
  /** Undefined if the encryption is an AEAD. */
  readonly integ: Integrity | undefined;
  readonly prf: Prf;
  readonly ke: number;
  /** Absent: none. */
  readonly additional?: readonly AdditionalKe[];
};

/** A key exchange beside the first one: its transform type and its method, which may be NONE. */
export type AdditionalKe = { readonly type: number; readonly ke: number };

export type EspAlgorithms = {
  readonly encr: EspEncryption;
  readonly integ: EspIntegrity | undefined;
  /** The key exchange of its own (PFS); 0 if it has none. */
  readonly ke: number;
  readonly esn: boolean;
  /** Absent: none. */
  readonly additional?: readonly AdditionalKe[];
};

/** One transform of each type, by number: what was chosen from a proposal. */
export type TransformChoice = {
  readonly encr: { readonly id: number; readonly keyBits: number | undefined };
  readonly integ: number;
  readonly prf: number;
  readonly ke: number;
  readonly esn: boolean;
  /** In the order of their types; absent: none is offered. */
  readonly additional?: readonly AdditionalKe[];
};

/** The algorithms of a choice for an IKE SA; undefined if one of them is not built in. */
export function ikeAlgorithmsOf(choice: TransformChoice): IkeAlgorithms | undefined {
  const encr = encryptionFor(choice.encr.id, choice.encr.keyBits);
  const prf = prfFor(choice.prf);
  if (encr === undefined || prf === undefined) return undefined;
  const integ = encr.kind === "aead" ? undefined : integrityFor(choice.integ);
  if (encr.kind !== "aead" && integ === undefined) return undefined;
  return { encr, integ, prf, ke: choice.ke, ...additionalOf(choice) };
}

/** The algorithms of a choice for a Child SA; undefined if one of them is not built in. */
export function espAlgorithmsOf(choice: TransformChoice): EspAlgorithms | undefined {
  const encr = espEncryptionFor(choice.encr.id, choice.encr.keyBits);
  return espOf(choice, encr, espIntegrityFor(choice.integ));
}

/** The same with the old algorithms that only IKEv1 can choose. */
export function anyEspAlgorithmsOf(choice: TransformChoice): EspAlgorithms | undefined {
  const encr = anyEspEncryptionFor(choice.encr.id, choice.encr.keyBits);
  return espOf(choice, encr, anyEspIntegrityFor(choice.integ));
}

function espOf(
  choice: TransformChoice,
  encr: EspEncryption | undefined,
  integrity: EspIntegrity | undefined,
): EspAlgorithms | undefined {
  if (encr === undefined) return undefined;
  const integ = encr.kind === "aead" ? undefined : integrity;
  if (encr.kind !== "aead" && integ === undefined) return undefined;
  return { encr, integ, ke: choice.ke, esn: choice.esn, ...additionalOf(choice) };
}

function additionalOf({ additional }: TransformChoice): Pick<TransformChoice, "additional"> {
  return additional === undefined ? {} : { additional };
}

/** `AES_CBC_128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/X25519`. */
export function ikeAlgorithmsText(algorithms: IkeAlgorithms): string {
  const known = texts.get(algorithms);
  if (known !== undefined) return known;
  const names = [algorithms.encr.name];
  if (algorithms.integ !== undefined) names.push(algorithms.integ.name);
  names.push(algorithms.prf.name, ...keNames(algorithms));
  return remember(algorithms, names.join("/"));
}

/** Sites that offered the same share their algorithms, so the words are made once. */
const texts = new WeakMap<IkeAlgorithms | EspAlgorithms, string>();

function remember(algorithms: IkeAlgorithms | EspAlgorithms, text: string): string {
  texts.set(algorithms, text);
  return text;
}

/** `AES_GCM_16_256`, followed by `/X25519` if it had its own key exchange, and by `/ESN`. */
export function espAlgorithmsText(algorithms: EspAlgorithms): string {
  const known = texts.get(algorithms);
  if (known !== undefined) return known;
  const names = [algorithms.encr.name];
  if (algorithms.integ !== undefined) names.push(algorithms.integ.name);
  names.push(...keNames(algorithms));
  if (algorithms.esn) names.push("ESN");
  return remember(algorithms, names.join("/"));
}

/** `X25519`, `ML_KEM_768`: the methods of all key exchanges that there are. */
function keNames({ ke, additional }: Pick<IkeAlgorithms, "ke" | "additional">): readonly string[] {
  const methods = [ke, ...(additional ?? []).map((one) => one.ke)].filter((id) => id !== Ke.NONE);
  return methods.map((id) => transformName(TransformType.KE, id, undefined));
}

/** Whether a suite holds exactly these transforms. The eroute is known only after the choice. */
export function acceptsIke(suites: readonly Suite[], algorithms: IkeAlgorithms): boolean {
  const known = judged.get(algorithms);
  if (known?.suites === suites) return known.accepts;
  const accepts = judge(suites, algorithms);
  judged.set(algorithms, { suites, accepts });
  return accepts;
}

/** The last verdict on algorithms that many sites share. */
const judged = new WeakMap<IkeAlgorithms, { suites: readonly Suite[]; accepts: boolean }>();

function judge(suites: readonly Suite[], algorithms: IkeAlgorithms): boolean {
  return suites.some(
    (suite) =>
      suite.encr.some((encr) => isEncr(algorithms.encr, encr)) &&
      (algorithms.integ === undefined || suite.integ.includes(algorithms.integ.id)) &&
      suite.prf.includes(algorithms.prf.id) &&
      suite.ke.includes(algorithms.ke) &&
      allowsAdditional(suite, algorithms),
  );
}

/** Whether it allows these methods, and demands no others. */
function allowsAdditional({ additional }: Suite, algorithms: IkeAlgorithms): boolean {
  const chosen = new Map(algorithms.additional?.map(({ type, ke }) => [type, ke]));
  for (let i = 0; i < ADDKE_MAX; i++) {
    const allowed = additional?.[i] ?? [Ke.NONE];
    if (!allowed.includes(chosen.get(ADDKE_FIRST + i) ?? Ke.NONE)) return false;
  }
  return true;
}

function isEncr(encr: Encryption, wanted: Suite["encr"][number]): boolean {
  return encryptionFor(wanted.id, wanted.keyBits)?.name === encr.name;
}
