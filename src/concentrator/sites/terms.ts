/** What holds for the IKE SAs of an eroute in use. */

import type { Eroute, IkeMajor } from "../../eroute/eroute.ts";
import { inactivityWith, suitesWith } from "../../eroute/row-options.ts";
import type { Terms } from "../../ike/event.ts";
import { type Prefix, prefixRange } from "../../inet/prefix.ts";
import type { TrafficSelector } from "../../wire/traffic-selector.ts";
import type { Engine } from "../engine.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";
import type { SharedTerms } from "./sites.ts";

/** What holds for its IKE SAs of this version from now on. */
export function termsOf(engine: Engine, eroute: ErouteInUse, major: IkeMajor): Terms {
  const { base, child } = eroute;
  const { traffic } = base;
  const shared = sharedTerms(engine, base);
  const inactivityMs = inactivityWith(base.life, eroute.own);
  const isPlain = inactivityMs === shared.settings.inactivityMs;
  return {
    settings: isPlain ? shared.settings : { ...shared.settings, inactivityMs },
    policy: {
      ...suitesOf(eroute, major),
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

function suitesOf({ base, own }: ErouteInUse, major: IkeMajor) {
  const { esp, versions } = base;
  if (major === 1 && versions.v1 !== undefined) {
    return { suites: versions.v1.esp, ikeSuites: versions.v1.ike };
  }
  return { suites: esp, ikeSuites: suitesWith(base.ike, own) };
}

function sharedTerms(engine: Engine, base: Eroute): SharedTerms {
  const known = engine.sites.sharedTerms.get(base);
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
  engine.sites.sharedTerms.set(base, made);
  return made;
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
