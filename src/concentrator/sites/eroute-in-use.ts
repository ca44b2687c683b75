/** Eroutes in use: what they are called in the table, and what their IKE SAs go by. */

import type { DynamicEroute } from "../../eroute/dynamic-eroute.ts";
import type { Eroute, LocalUser, NormalEroute } from "../../eroute/eroute.ts";
import { type PeerId, peerKey } from "../../eroute/peer-id.ts";
import { childWith, inactivityWith, NO_ROW_OPTIONS } from "../../eroute/row-options.ts";
import type { Terms } from "../../ike/event.ts";
import type { IkeSaSettings } from "../../ike/settings.ts";
import { type Prefix, prefixRange } from "../../inet/prefix.ts";
import type { TrafficSelector } from "../../wire/traffic-selector.ts";
import type { Engine, ErouteInUse } from "../engine.ts";
import type { LookupId } from "../event.ts";
import { rowPrint } from "./row-checks.ts";

/** Key under which an eroute in use is kept: one for each base eroute and peer ID. */
export function erouteKey(eroute: string, peerId: string): string {
  return `${eroute}\u0000${peerKey(peerId)}`;
}

/** What its IKE SAs go by from now on. */
export function termsOf(engine: Engine, eroute: ErouteInUse): Terms {
  const { base, child } = eroute;
  const { traffic } = base;
  const shared = sharedTerms(engine, base);
  const inactivityMs = inactivityWith(base.life, eroute.own);
  const isPlain = inactivityMs === shared.settings.inactivityMs;
  return {
    settings: isPlain ? shared.settings : { ...shared.settings, inactivityMs },
    policy: {
      suites: base.esp,
      ikeSuites: base.ike,
      local:
        eroute.localSubnets === base.localSubnets
          ? shared.local
          : selectorsOf(eroute.localSubnets, traffic.protocol, traffic.localPort),
      remote: selectorsOf(eroute.remoteSubnets, traffic.protocol, traffic.remotePort),
      dns: base.dns,
      transport: child.transport,
      lifetimeMs: child.lifetimeSeconds * 1000,
      childSasMax: base.life.childSasMax,
    },
  };
}

/** What is the same for all sites of an eroute: one for ten thousand of them. */
export type SharedTerms = {
  readonly settings: IkeSaSettings;
  readonly local: readonly TrafficSelector[];
};

function sharedTerms(engine: Engine, base: Eroute): SharedTerms {
  const known = engine.sharedTerms.get(base);
  if (known !== undefined) return known;
  const { limits } = engine.plan;
  const { life, traffic } = base;
  const made: SharedTerms = {
    settings: {
      livenessMs: base.livenessMs,
      inactivityMs: life.inactivityMs,
      lifetimeMs: life.ikeLifetimeMs,
      reauthMs: life.reauthMs,
      mobike: life.mobike,
      fragmentation: life.fragmentation,
      fragmentSize: life.fragmentSize,
      followRedirect: life.followRedirect,
      natPort: engine.plan.ports.nat,
      natKeepaliveMs: limits.natKeepaliveMs,
      retransmission: limits.retransmission,
    },
    local: selectorsOf(base.localSubnets, traffic.protocol, traffic.localPort),
  };
  engine.sharedTerms.set(base, made);
  return made;
}

/** An eroute whose sites all need a PPK, and a local user without one. */
export function missingPpk(eroute: NormalEroute, user: LocalUser | undefined): string | undefined {
  if (eroute.ppk !== "required" || user?.ppk !== undefined) return undefined;
  return `ppk = "required" of eroute ${eroute.name} asks for a PPK, its local user has none`;
}

/** Subnets as traffic selectors (RFC 7296 §3.13.1). */
function selectorsOf(
  subnets: readonly Prefix[],
  protocol: number,
  port: number | undefined,
): readonly TrafficSelector[] {
  const ports = { startPort: port ?? 0, endPort: port ?? 65_535 };
  return subnets.map((subnet) => ({ protocol, ...ports, range: prefixRange(subnet) }));
}

/** What a site's row makes of it; not in use until the site has proved who it is. */
export function dynamicInUse(engine: Engine, made: DynamicEroute, lookup: LookupId): ErouteInUse {
  const key = erouteKey(made.base.name, made.peerId);
  const before = engine.eroutes.get(key);
  return {
    kind: "dynamic",
    key,
    name: made.name,
    base: made.base,
    peerId: made.peerId,
    createdAt: before?.createdAt ?? engine.now,
    localSubnets: made.localSubnets,
    remoteSubnets: made.remoteSubnets,
    ourid: made.ourid,
    child: childWith(made.base.child, made.own),
    own: made.own,
    proof: before?.proof,
    ...{ hasPpk: made.ppk !== undefined, usesPpk: false },
    row: { print: rowPrint(engine.rowChecks, made), lookup },
    ikeSas: before?.ikeSas ?? [],
  };
}

/** A configured eroute as its site will use it. */
export function normalInUse(engine: Engine, eroute: NormalEroute, peerId: PeerId): ErouteInUse {
  const user = engine.plan.users.find(({ name }) => peerKey(name) === peerKey(peerId));
  const hasPpk = user?.ppk !== undefined;
  const key = erouteKey(eroute.name, peerId);
  const before = engine.eroutes.get(key);
  return {
    kind: "normal",
    key,
    name: eroute.name,
    base: eroute,
    peerId,
    createdAt: before?.createdAt ?? engine.now,
    localSubnets: eroute.localSubnets,
    remoteSubnets: eroute.remoteSubnets,
    ourid: eroute.ourid,
    child: eroute.child,
    own: NO_ROW_OPTIONS,
    proof: before?.proof,
    ...{ hasPpk, usesPpk: false },
    row: undefined,
    ikeSas: before?.ikeSas ?? [],
  };
}
