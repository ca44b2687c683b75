/** Eroutes, egroups and rows for tests: all fields filled, any of them replaced. */

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
  child: { lifetimeSeconds: 3600, lifetimeOctets: undefined, replayWindow: 64 },
  livenessMs: undefined,
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
    limits: {
      dynamicEroutesMax: 4096,
      evictBelowFreePercent: 10,
      evictEveryMs: 10_000,
      halfOpenMax: 100,
      cookieAbove: 10,
      halfOpenMs: 30_000,
      lookupMs: 2_500,
      unknownIdMs: 2_000,
    },
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
