/** The configuration and the addresses of simulated worlds. */

import type { Suite } from "../../src/crypto/suite.ts";
import { Encr, Integ, Ke, PrfId, TransformType } from "../../src/crypto/transform.ts";
import {
  DEFAULT_AUTH,
  DEFAULT_CHILD,
  DEFAULT_DEFAULT_EROUTE,
  DEFAULT_LIFE,
  DEFAULT_LIMITS,
  DEFAULT_PORTS,
  DEFAULT_PPK,
  DEFAULT_TRAFFIC,
  DEFAULT_UNKNOWN_SITES,
  DEFAULT_VERSIONS,
} from "../../src/eroute/defaults.ts";
import type {
  BaseEroute,
  EngineLimits,
  EroutePlan,
  NormalEroute,
} from "../../src/eroute/eroute.ts";
import { parsePattern } from "../../src/eroute/pattern.ts";
import { parseAddress } from "../../src/inet/address.ts";
import type { Endpoint } from "../../src/inet/endpoint.ts";
import { parsePrefix, prefixRange } from "../../src/inet/prefix.ts";
import { assert } from "../../src/octets/assert.ts";
import type { TrafficSelector } from "../../src/wire/traffic-selector.ts";
import type { Transform } from "../../src/wire/v2/message.ts";
import type { Prng } from "./prng.ts";
import { transformOf } from "./site-messages.ts";

export const IKE_SUITE: Suite = {
  encr: [
    { id: Encr.AES_GCM_16, keyBits: 128 },
    { id: Encr.AES_CBC, keyBits: 128 },
  ],
  prf: [PrfId.HMAC_SHA2_256],
  integ: [Integ.HMAC_SHA2_256_128],
  ke: [Ke.X25519, Ke.ECP_256],
  esn: [],
};

/** PFS is optional. */
export const ESP_SUITE: Suite = {
  encr: [
    { id: Encr.AES_GCM_16, keyBits: 128 },
    { id: Encr.AES_CBC, keyBits: 128 },
  ],
  prf: [],
  integ: [Integ.HMAC_SHA2_256_128],
  ke: [Ke.NONE, Ke.X25519],
  esn: [false],
};

export const GCM_IKE: readonly Transform[] = [
  transformOf(TransformType.ENCR, Encr.AES_GCM_16, 128),
  transformOf(TransformType.PRF, PrfId.HMAC_SHA2_256),
];
export const CBC_IKE: readonly Transform[] = [
  transformOf(TransformType.ENCR, Encr.AES_CBC, 128),
  transformOf(TransformType.PRF, PrfId.HMAC_SHA2_256),
  transformOf(TransformType.INTEG, Integ.HMAC_SHA2_256_128),
];
export const GCM_ESP: readonly Transform[] = [
  transformOf(TransformType.ENCR, Encr.AES_GCM_16, 128),
  transformOf(TransformType.ESN, 0),
];
export const CBC_ESP: readonly Transform[] = [
  transformOf(TransformType.ENCR, Encr.AES_CBC, 128),
  transformOf(TransformType.INTEG, Integ.HMAC_SHA2_256_128),
  transformOf(TransformType.ESN, 0),
];

export const LIMITS: EngineLimits = {
  ...DEFAULT_LIMITS,
  dynamicEroutesMax: 100,
  evictBelowFreePercent: 10,
  evictEveryMs: 10_000,
  halfOpenMax: 1_000,
  cookieAbove: 100,
  halfOpenMs: 30_000,
  // Refusals are answered on multiples of it.
  lookupMs: 500,
  unknownIdMs: 0,
};

export const BASE_EROUTE: BaseEroute = {
  kind: "base",
  name: "fleet",
  egroup: "sites",
  peerid: patternOf("site-*"),
  ourid: "concentrator.example",
  localSubnets: [prefixOfText("10.0.0.0/16")],
  remoteSubnets: [prefixOfText("192.168.0.0/16")],
  ike: [IKE_SUITE],
  esp: [ESP_SUITE],
  child: { ...DEFAULT_CHILD, replayWindow: 64 },
  livenessMs: undefined,
  life: DEFAULT_LIFE,
  traffic: DEFAULT_TRAFFIC,
  redirect: undefined,
  dns: [],
  auth: DEFAULT_AUTH,
  ppk: DEFAULT_PPK,
  versions: DEFAULT_VERSIONS,
};

export const NORMAL_EROUTE: NormalEroute = {
  kind: "normal",
  name: "lab",
  peerid: patternOf("lab-gw"),
  peerip: undefined,
  bakpeerip: undefined,
  ourid: "concentrator.example",
  localSubnets: [prefixOfText("10.0.0.0/16")],
  remoteSubnets: [prefixOfText("172.20.0.0/24")],
  ike: [IKE_SUITE],
  esp: [ESP_SUITE],
  child: { ...DEFAULT_CHILD, replayWindow: 64 },
  livenessMs: undefined,
  life: DEFAULT_LIFE,
  traffic: DEFAULT_TRAFFIC,
  redirect: undefined,
  dns: [],
  auth: DEFAULT_AUTH,
  ppk: DEFAULT_PPK,
  versions: DEFAULT_VERSIONS,
};

/** One base eroute, one normal eroute with its user, and the limits that are given. */
export function planOf(
  limits: Partial<EngineLimits> = {},
  changes: Partial<EroutePlan> = {},
): EroutePlan {
  return {
    egroups: [{ name: "sites", remoteMask: { v4: 24, v6: undefined } }],
    eroutes: [BASE_EROUTE, NORMAL_EROUTE],
    users: [{ name: "lab-gw", psk: new TextEncoder().encode("lab secret") }],
    limits: { ...LIMITS, ...limits },
    ports: DEFAULT_PORTS,
    defaultEroute: DEFAULT_DEFAULT_EROUTE,
    unknownSites: DEFAULT_UNKNOWN_SITES,
    fullTranscriptAuth: true,
    intermediatePpk: false,
    ...changes,
  };
}

/** The plan as an operator may change it while sites are connected. */
export function variantOf(plan: EroutePlan, prng: Prng): EroutePlan {
  const change = prng.pick<Partial<BaseEroute>>([
    { livenessMs: 20_000 },
    { child: { ...DEFAULT_CHILD, lifetimeSeconds: 600 } },
    { localSubnets: [prefixOfText("10.0.0.0/17")] },
    { remoteSubnets: [prefixOfText("192.168.0.0/17")] },
    { peerid: patternOf("site-1*") },
    { ourid: undefined },
  ]);
  const eroutes = plan.eroutes.map((eroute) =>
    eroute.kind === "base" ? { ...eroute, ...change } : eroute,
  );
  return { ...plan, eroutes };
}

export function patternOf(text: string): BaseEroute["peerid"] {
  const pattern = parsePattern(text);
  assert(pattern.ok, `pattern ${text}`);
  return pattern.value;
}

export function prefixOfText(text: string): BaseEroute["localSubnets"][number] {
  const prefix = parsePrefix(text);
  assert(prefix !== undefined, `prefix ${text}`);
  return prefix;
}

/** `endpointOf("192.0.2.1", 500)`. */
export function endpointOf(text: string, port: number): Endpoint {
  const address = parseAddress(text);
  assert(address !== undefined, `address ${text}`);
  return { address, port };
}

/** Any protocol and port of a subnet. */
export function selectorOf(subnet: string): TrafficSelector {
  return {
    protocol: 0,
    startPort: 0,
    endPort: 65_535,
    range: prefixRange(prefixOfText(subnet)),
  };
}

/** Where the concentrator of all worlds listens. */
export const CONCENTRATOR = "198.51.100.1";
