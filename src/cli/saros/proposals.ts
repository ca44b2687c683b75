/**
 * Converts algorithms of the old router to proposals of erouted. Weak ones are taken over for IKEv1
 * alone; what is broken is left out.
 */

import type { Settings } from "./settings.ts";
import { none, taken } from "./settings.ts";

type Keys = {
  readonly encryption: string;
  readonly keyBits: readonly string[];
  readonly integrity: string;
  readonly group: readonly string[];
};

const ESP_KEYS: Keys = {
  encryption: "espenc",
  keyBits: ["enckeybits", "espkeybits"],
  integrity: "espauth",
  group: ["dhgroup", "pfsgroup"],
};

const IKE_KEYS: Keys = {
  encryption: "encalg",
  keyBits: ["enckeybits", "keybits"],
  integrity: "authalg",
  group: ["ikegroup", "dhgroup"],
};

/** `isWeak`: IKEv2 does not have it. `isLegacy`: IKEv1 has it only where an eroute says so. */
export type SarosProposal = {
  readonly text: string;
  readonly isWeak: boolean;
  readonly isLegacy: boolean;
};

/** The ESP proposal of an eroute; undefined: erouted's own, and the report says why. */
export function espProposal(settings: Settings, hasIkev1: boolean): SarosProposal | undefined {
  return proposalOf(settings, ESP_KEYS, { needsGroup: false, hasIkev1 });
}

/** The IKE proposal of an `ike` instance; undefined likewise. */
export function ikeProposal(settings: Settings, hasIkev1: boolean): SarosProposal | undefined {
  return proposalOf(settings, IKE_KEYS, { needsGroup: true, hasIkev1 });
}

type Wanted = { readonly needsGroup: boolean; readonly hasIkev1: boolean };

function proposalOf(
  settings: Settings,
  keys: Keys,
  { needsGroup, hasIkev1 }: Wanted,
): SarosProposal | undefined {
  const bitsKey = present(settings, keys.keyBits);
  const groupKey = present(settings, keys.group);
  const all = [keys.encryption, bitsKey, keys.integrity, groupKey];
  const encryption = settings.get(keys.encryption)?.toUpperCase();
  const integrity = settings.get(keys.integrity)?.toUpperCase();
  const group = (groupKey === undefined ? undefined : settings.get(groupKey)) ?? "0";
  const faults: string[] = [];
  const is3des = hasIkev1 && encryption === "3DES";
  if (encryption !== undefined && encryption !== "AES" && !is3des) faults.push(encryption);
  const weakHash = hasIkev1 && integrity === "MD5" ? "md5" : undefined;
  const hash = integrity === undefined ? undefined : (HASHES.get(integrity) ?? weakHash);
  if (integrity !== undefined && hash === undefined) faults.push(integrity);
  const number = group.toLowerCase().replace(/^(?:group|none)\s*/, "");
  const weakKe = hasIkev1 ? WEAK_GROUPS.get(number) : undefined;
  const ke = GROUPS.get(number) ?? weakKe;
  if (group !== "0" && group.toLowerCase() !== "none" && ke === undefined) {
    faults.push(`group ${group}`);
  }
  if (faults.length > 0) {
    const why = `${faults.join(", ")} is not offered by erouted (broken or too weak)`;
    tellAll(settings, all, `${why}: its own proposals apply, and the sites have to be changed`);
    return undefined;
  }
  if (encryption === undefined || hash === undefined || (needsGroup && ke === undefined)) {
    tellAll(settings, all, "does not make a complete proposal: erouted's own apply");
    return undefined;
  }
  const bits = (bitsKey === undefined ? undefined : settings.get(bitsKey)) ?? "128";
  if (!is3des && !KEY_BITS.has(bits)) {
    tellAll(
      settings,
      all,
      `AES with keys of ${bits} bits is unknown: erouted's own proposals apply`,
    );
    return undefined;
  }
  const cipher = is3des ? "3des" : `aes${bits}`;
  const text = [cipher, hash, ...(ke === undefined ? [] : [ke])].join("-");
  const isWeak = is3des || weakHash !== undefined || weakKe !== undefined;
  const isLegacy = isWeak || hash === "sha1";
  const note = isWeak ? `proposal ${text} of IKEv1, with legacy` : `proposal ${text}`;
  for (const key of all) if (key !== undefined) settings.tell(key, taken(note));
  return { text, isWeak, isLegacy };
}

function tellAll(settings: Settings, keys: readonly (string | undefined)[], why: string): void {
  for (const key of keys) if (key !== undefined) settings.tell(key, none(why));
}

function present(settings: Settings, keys: readonly string[]): string | undefined {
  return keys.find((key) => settings.get(key) !== undefined);
}

const KEY_BITS: ReadonlySet<string> = new Set(["128", "192", "256"].values());

const HASHES: ReadonlyMap<string, string> = new Map([
  ["SHA1", "sha1"],
  ["SHA256", "sha256"],
  ["SHA384", "sha384"],
  ["SHA512", "sha512"],
]);

/** IANA's group numbers. */
const GROUPS: ReadonlyMap<string, string> = new Map([
  ["14", "modp2048"],
  ["15", "modp3072"],
  ["16", "modp4096"],
  ["19", "ecp256"],
  ["20", "ecp384"],
  ["21", "ecp521"],
]);

const WEAK_GROUPS: ReadonlyMap<string, string> = new Map([
  ["2", "modp1024"],
  ["5", "modp1536"],
]);
