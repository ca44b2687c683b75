/** Eroutes, egroups and rows for tests: all fields filled, any of them replaced. */

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
} from "../../../src/eroute/defaults.ts";
import type { BaseEroute, Egroup, EroutePlan, NormalEroute } from "../../../src/eroute/eroute.ts";
import type { PeerRow } from "../../../src/eroute/row.ts";
import { type Prefix, parsePrefix } from "../../../src/inet/prefix.ts";

export function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(`not a prefix: ${text}`);
  return parsed;
}

const COMMON = {
  peerid: { text: "site-*" },
  ourid: "concentrator.example",
  localSubnets: [prefix("10.0.0.0/16")],
  remoteSubnets: [prefix("192.168.0.0/23")],
  ike: [],
  esp: [],
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

export function baseEroute(changes: Partial<BaseEroute> = {}): BaseEroute {
  return { kind: "base", name: "fleet", egroup: "sites", ...COMMON, ...changes };
}

export function normalEroute(changes: Partial<NormalEroute> = {}): NormalEroute {
  return {
    kind: "normal",
    name: "lab",
    ...COMMON,
    peerid: { text: "lab-gw" },
    peerip: undefined,
    bakpeerip: undefined,
    ...changes,
  };
}

export function egroup(changes: Partial<Egroup> = {}): Egroup {
  return { name: "sites", remoteMask: { v4: 24, v6: undefined }, ...changes };
}

export function eroutePlan(changes: Partial<EroutePlan> = {}): EroutePlan {
  return {
    egroups: [egroup()],
    eroutes: [baseEroute(), normalEroute()],
    users: [{ name: "lab-gw", psk: new Uint8Array([1]) }],
    limits: { ...DEFAULT_LIMITS, halfOpenMax: 100, cookieAbove: 10 },
    ports: DEFAULT_PORTS,
    defaultEroute: DEFAULT_DEFAULT_EROUTE,
    unknownSites: DEFAULT_UNKNOWN_SITES,
    fullTranscriptAuth: true,
    intermediatePpk: false,
    ...changes,
  };
}

export function peerRow(changes: Partial<PeerRow> = {}): PeerRow {
  return {
    peerid: "site-1",
    password: "correct horse",
    remip: "192.168.1.0",
    remmsk: "255.255.255.0",
    peerip: null,
    bakpeerip: null,
    ourid: null,
    ...changes,
  };
}
