/** Defaults of an eroute's settings. */

import type {
  ChildOptions,
  DefaultEroute,
  EngineLimits,
  ErouteAuth,
  ErouteLife,
  IkePorts,
  IkeVersions,
  TrafficLimit,
  UnknownSites,
} from "./eroute.ts";
import type { PpkRule } from "./ppk.ts";

/** A site that is refused at once shows its operator at once that something is wrong. */
export const DEFAULT_UNKNOWN_SITES: UnknownSites = "refuse";

export const DEFAULT_LIFE: ErouteLife = {
  unknownSites: DEFAULT_UNKNOWN_SITES,
  start: "on-traffic",
  noSa: "initiate",
  inactivityMs: undefined,
  uniqueness: "replace",
  overlap: "refuse",
  ikeLifetimeMs: 4 * 3_600_000,
  reauthMs: undefined,
  mobike: true,
  fragmentation: true,
  fragmentSize: 1_280,
  childSasMax: 16,
  followRedirect: false,
};

export const DEFAULT_AUTH: ErouteAuth = { own: { kind: "psk" }, peer: { kind: "psk" } };

/** IKEv1 is historic (RFC 9395): an eroute has to allow it explicitly. */
export const DEFAULT_VERSIONS: IkeVersions = { v2: true, v1: undefined };

/** A site that has a PPK has to use it. */
export const DEFAULT_PPK: PpkRule = "if-set";

export const DEFAULT_TRAFFIC: TrafficLimit = {
  protocol: 0,
  localPort: undefined,
  remotePort: undefined,
};

export const DEFAULT_CHILD: ChildOptions = {
  lifetimeSeconds: 3_600,
  lifetimeOctets: undefined,
  lifetimePackets: undefined,
  replayWindow: 128,
  transport: false,
  copyDscp: true,
  ecn: true,
  pathMtuDiscovery: true,
  ifId: undefined,
  mark: undefined,
  routes: false,
};

export const DEFAULT_PORTS: IkePorts = { ike: 500, nat: 4500 };

export const DEFAULT_DEFAULT_EROUTE: DefaultEroute = {
  outbound: "pass",
  inbound: "pass",
  except: [],
};

export const DEFAULT_LIMITS: EngineLimits = {
  dynamicEroutesMax: 4_096,
  evictBelowFreePercent: 10,
  evictEveryMs: 10_000,
  redirectTo: undefined,
  halfOpenMax: 10_000,
  halfOpenOctetsMax: 64 * 1024 * 1024,
  cookieAbove: 256,
  halfOpenMs: 30_000,
  lookupMs: 2_500,
  unknownIdMs: 2_000,
  halfOpenPerPrefixMax: 1_000,
  ikeSasPerSiteMax: 16,
  childSasPerSiteMax: 64,
  callsMax: 256,
  retransmission: { firstMs: 1_000, backoff: 1.8, attemptsMax: 7 },
  natKeepaliveMs: 20_000,
};
