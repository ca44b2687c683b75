/** Suites of IKEv1: what it can express (RFC 2409 appendix A, RFC 2407 §4.5), and its defaults. */

import { DEFAULT_ESP_SUITES } from "./default-suites.ts";
import type { EncrTransform, Suite } from "./suite.ts";
import { Encr, Integ, Ke, PrfId } from "./transform.ts";

type Purpose = { readonly kind: "ike" | "esp"; readonly legacy: boolean };

const AES_CBC: readonly EncrTransform[] = [
  { id: Encr.AES_CBC, keyBits: 256 },
  { id: Encr.AES_CBC, keyBits: 128 },
];
const DES3: EncrTransform = { id: Encr.DES3, keyBits: undefined };

const GROUPS = [Ke.MODP_2048, Ke.ECP_256];
const LEGACY_GROUPS = [Ke.MODP_1536, Ke.MODP_1024];

const SHA2 = [PrfId.HMAC_SHA2_256, PrfId.HMAC_SHA2_384, PrfId.HMAC_SHA2_512];
const LEGACY_HASHES = [PrfId.HMAC_SHA1, PrfId.HMAC_MD5];
const SHA2_INTEGS = [Integ.HMAC_SHA2_256_128, Integ.HMAC_SHA2_384_192, Integ.HMAC_SHA2_512_256];
const LEGACY_INTEGS = [Integ.HMAC_SHA1_96, Integ.HMAC_MD5_96];

/** What Phase 1 accepts if the configuration names no algorithms. */
export function defaultIkev1Suites(legacy: boolean): readonly Suite[] {
  const strong: Suite = { encr: AES_CBC, prf: SHA2, integ: SHA2_INTEGS, ke: GROUPS, esn: [] };
  if (!legacy) return [strong];
  const prf = [...SHA2, ...LEGACY_HASHES];
  const integ = [...SHA2_INTEGS, ...LEGACY_INTEGS];
  const ke = [...GROUPS, ...LEGACY_GROUPS];
  return [strong, { encr: [...AES_CBC, DES3], prf, integ, ke, esn: [] }];
}

/** What Phase 2 accepts if the configuration names no algorithms. */
export function defaultIkev1EspSuites(legacy: boolean): readonly Suite[] {
  const strong = ikev1Suites(DEFAULT_ESP_SUITES, { kind: "esp", legacy });
  if (!legacy) return strong;
  const ke = [...GROUPS, ...LEGACY_GROUPS, Ke.NONE];
  return [...strong, { encr: [...AES_CBC, DES3], prf: [], integ: LEGACY_INTEGS, ke, esn: [false] }];
}

/** The suites as far as IKEv1 can express them; those of which too little is left are left out. */
export function ikev1Suites(suites: readonly Suite[], purpose: Purpose): readonly Suite[] {
  return suites.flatMap((suite) => ikev1Suite(suite, purpose) ?? []);
}

/** Whether IKEv2 may use it: nothing in it is for old routers alone. */
export function isForIkev2({ encr, prf, integ, ke }: Suite): boolean {
  return (
    encr.every(({ id }) => id !== Encr.DES3) &&
    !prf.includes(PrfId.HMAC_MD5) &&
    !integ.includes(Integ.HMAC_MD5_96) &&
    !ke.some((id) => LEGACY_GROUPS.some((group) => group === id))
  );
}

function ikev1Suite(suite: Suite, { kind, legacy }: Purpose): Suite | undefined {
  const { additional = [] } = suite;
  if (additional.some((methods) => !methods.includes(Ke.NONE))) return undefined;
  const ciphers = kind === "ike" ? IKE_CIPHERS : ESP_CIPHERS;
  const encr = suite.encr.filter(({ id }) => ciphers.has(id) || (legacy && id === Encr.DES3));
  const hashes = legacy ? [...SHA2, ...LEGACY_HASHES] : SHA2;
  const prf = suite.prf.filter((id) => hashes.some((hash) => hash === id));
  const allowed = legacy ? [...STRONG_INTEGS, ...LEGACY_INTEGS] : STRONG_INTEGS;
  const integ = suite.integ.filter((id) => allowed.some((one) => one === id));
  const groups = legacy ? [...STRONG_GROUPS, ...LEGACY_GROUPS] : STRONG_GROUPS;
  const ke = suite.ke.filter(
    (id) => groups.some((group) => group === id) || (kind === "esp" && id === Ke.NONE),
  );
  if (encr.length === 0 || (suite.ke.length > 0 && ke.length === 0)) return undefined;
  if (suite.integ.length > 0 && integ.length === 0) return undefined;
  if (kind === "ike") return prf.length === 0 ? undefined : { encr, prf, integ, ke, esn: [] };
  return suite.esn.includes(false) ? { encr, prf: [], integ, ke, esn: [false] } : undefined;
}

const IKE_CIPHERS: ReadonlySet<number> = new Set([Encr.AES_CBC, Encr.CAMELLIA_CBC]);

const ESP_CIPHERS: ReadonlySet<number> = new Set([
  ...[Encr.AES_CBC, Encr.AES_CTR, Encr.CAMELLIA_CBC, Encr.NULL_AUTH_AES_GMAC],
  ...[Encr.AES_CCM_8, Encr.AES_CCM_12, Encr.AES_CCM_16],
  ...[Encr.AES_GCM_8, Encr.AES_GCM_12, Encr.AES_GCM_16],
]);

const STRONG_INTEGS = [...SHA2_INTEGS, Integ.AES_XCBC_96];

const STRONG_GROUPS = [
  ...[Ke.MODP_2048, Ke.MODP_3072, Ke.MODP_4096],
  ...[Ke.ECP_256, Ke.ECP_384, Ke.ECP_521],
];
