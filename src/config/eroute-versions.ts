/** Versions of IKE that an eroute allows, and its proposals for each (RFC 9395). */

import { DEFAULT_ESP_SUITES, DEFAULT_IKE_SUITES } from "../crypto/default-suites.ts";
import {
  defaultIkev1EspSuites,
  defaultIkev1Suites,
  ikev1Suites,
  isForIkev2,
} from "../crypto/ikev1-suites.ts";
import type { Suite } from "../crypto/suite.ts";
import { isUnencrypted, parseSuite, usesSha1 } from "../crypto/suite-notation.ts";
import type { IkeVersions } from "../eroute/eroute.ts";
import type { Check } from "./check.ts";
import { type KeyPath, quoted } from "./fault.ts";
import type { RawEroute } from "./schema.ts";
import { listOf } from "./value.ts";

/** The versions, and the proposals of IKEv2. */
export type ReadVersions = {
  readonly versions: IkeVersions;
  readonly ike: readonly Suite[];
  readonly esp: readonly Suite[];
};

/** What an eroute says about versions and proposals. */
export function readVersions(check: Check, path: KeyPath, raw: RawEroute): ReadVersions {
  const at = (key: string) => [...path, key];
  const version = raw.ike_version ?? "v2";
  const hasV1 = version !== "v2";
  const legacy = hasV1 && raw.legacy === true;
  const read = {
    ike: readSuites(check, at("ike"), raw.ike, { kind: "ike", legacy, hasV1 }),
    esp: readSuites(check, at("esp"), raw.esp, { kind: "esp", legacy, hasV1 }),
  };
  const ike = read.ike?.filter(isForIkev2) ?? DEFAULT_IKE_SUITES;
  const esp = read.esp?.filter(isForIkev2) ?? DEFAULT_ESP_SUITES;
  if (!hasV1) {
    for (const key of V1_KEYS) {
      if (raw[key] === undefined) continue;
      check.warn(at(key), "is set, but IKEv1 is not allowed", 'ike_version = "v1" or "both"');
    }
    return { versions: { v2: true, v1: undefined }, ike, esp };
  }
  const v1Ike =
    read.ike === undefined
      ? defaultIkev1Suites(legacy)
      : ikev1Suites(read.ike, { kind: "ike", legacy });
  const v1Esp =
    read.esp === undefined
      ? defaultIkev1EspSuites(legacy)
      : ikev1Suites(read.esp, { kind: "esp", legacy });
  checkEach(check, path, { ike: read.ike && v1Ike, esp: read.esp && v1Esp }, 1);
  if (version === "both") {
    checkEach(check, path, { ike: read.ike && ike, esp: read.esp && esp }, 2);
  }
  warnOfIkev1(check, path, raw);
  const v1 = {
    mode: raw.ikev1_mode ?? "both",
    legacy,
    xauth: raw.xauth ?? false,
    pushesConfig: raw.mode_config === "push",
    sha256With96Bits: raw.sha256_96 ?? false,
    ike: v1Ike,
    esp: v1Esp,
  } as const;
  return { versions: { v2: version === "both", v1 }, ike, esp };
}

/** Keys that only IKEv1 has. */
const V1_KEYS = ["ikev1_mode", "legacy", "xauth", "mode_config", "sha256_96"] as const;

type Usable = { readonly [kind in "ike" | "esp"]: readonly Suite[] | undefined };

/** Each version needs at least one of the proposals that are configured. */
function checkEach(check: Check, path: KeyPath, usable: Usable, version: 1 | 2): void {
  for (const kind of ["ike", "esp"] as const) {
    if (usable[kind]?.length !== 0 || check.isFaulty([...path, kind])) continue;
    const what = `has no proposal that IKEv${version} can use`;
    check.fault([...path, kind], what, version === 1 ? V1_PROPOSALS[kind] : '"aes256gcm16-…"');
  }
}

const V1_PROPOSALS = {
  ike: '"aes256-sha256-modp2048" as well (SHA-1, MD5, 3DES, modp1024, modp1536: with legacy)',
  esp: '"aes256-sha256" as well (SHA-1, MD5, 3DES: with legacy)',
};

/** What IKEv1 costs. */
function warnOfIkev1(check: Check, path: KeyPath, raw: RawEroute): void {
  const takesKeys = raw.peer_auth !== "certificate" && (raw.ca_file === undefined || raw.peer_auth);
  const usesKeys = takesKeys && raw.certificate_file === undefined;
  if (raw.ikev1_mode !== "main" && usesKeys) {
    const what =
      "allows Aggressive Mode: whoever sends a site's ID gets a hash to try keys on, offline";
    const key = raw.ikev1_mode === undefined ? "ike_version" : "ikev1_mode";
    check.warn(
      [...path, key],
      what,
      "keys of 20 random characters or more (`erouted peers check`)",
    );
  }
  if (raw.legacy === true) {
    const what = "allows 3DES, SHA-1, MD5 and the groups 2 and 5, which can be broken";
    check.warn([...path, "legacy"], what, "false, once no site needs them");
  }
}

type Reading = {
  readonly kind: "ike" | "esp";
  readonly legacy: boolean;
  readonly hasV1: boolean;
};

function readSuites(
  check: Check,
  path: KeyPath,
  value: string | readonly string[] | undefined,
  { kind, legacy, hasV1 }: Reading,
): readonly Suite[] | undefined {
  if (value === undefined) return undefined;
  if (value.length === 0) check.fault(path, "is empty");
  const suites: Suite[] = [];
  for (const { path: at, text } of listOf(path, value)) {
    if (text === "" && at === path) continue;
    const suite = parseSuite(text, kind, legacy ? "legacy" : "strong");
    if (!suite.ok) {
      const isWeak = hasV1 && !legacy && parseSuite(text, kind, "legacy").ok;
      const hint = isWeak ? "; legacy = true allows it for IKEv1" : "";
      check.fault(at, `is ${quoted(text)}: ${suite.error}${hint}`);
      continue;
    }
    if (usesSha1(suite.value)) {
      check.warn(at, `is ${quoted(text)}: SHA-1 is weak`, "sha256, unless an old peer needs it");
    }
    if (isUnencrypted(suite.value)) {
      const instead = "aes256gcm16, unless anybody may read the packets";
      check.warn(at, `is ${quoted(text)}: AES-GMAC does not encrypt`, instead);
    }
    suites.push(suite.value);
  }
  return suites;
}
