/** Converts algorithms of the old router to proposals of erouted; weak ones are left out. */

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

/** The ESP proposal of an eroute; undefined: erouted's own, and the report says why. */
export function espProposal(settings: Settings): string | undefined {
  return proposalOf(settings, ESP_KEYS, false);
}

/** The IKE proposal of an `ike` instance; undefined likewise. */
export function ikeProposal(settings: Settings): string | undefined {
  return proposalOf(settings, IKE_KEYS, true);
}

function proposalOf(settings: Settings, keys: Keys, needsGroup: boolean): string | undefined {
  const bitsKey = present(settings, keys.keyBits);
  const groupKey = present(settings, keys.group);
  const all = [keys.encryption, bitsKey, keys.integrity, groupKey];
  const encryption = settings.get(keys.encryption)?.toUpperCase();
  const integrity = settings.get(keys.integrity)?.toUpperCase();
  const group = (groupKey === undefined ? undefined : settings.get(groupKey)) ?? "0";
  const faults: string[] = [];
  if (encryption !== undefined && encryption !== "AES") faults.push(encryption);
  const hash = integrity === undefined ? undefined : HASHES.get(integrity);
  if (integrity !== undefined && hash === undefined) faults.push(integrity);
  const ke = GROUPS.get(group.toLowerCase().replace(/^(?:group|none)\s*/, ""));
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
  if (!KEY_BITS.has(bits)) {
    tellAll(
      settings,
      all,
      `AES with keys of ${bits} bits is unknown: erouted's own proposals apply`,
    );
    return undefined;
  }
  const proposal = [`aes${bits}`, hash, ...(ke === undefined ? [] : [ke])].join("-");
  for (const key of all) if (key !== undefined) settings.tell(key, taken(`proposal ${proposal}`));
  return proposal;
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

/** IANA's group numbers; 1, 2 and 5 are too weak. */
const GROUPS: ReadonlyMap<string, string> = new Map([
  ["14", "modp2048"],
  ["15", "modp3072"],
  ["16", "modp4096"],
  ["19", "ecp256"],
  ["20", "ecp384"],
  ["21", "ecp521"],
]);
