/** The warm-up of a running daemon, beside the sites that call it. */

import { allowsVersion } from "../eroute/eroute.ts";
import { type Daemon, noteBug } from "./daemon.ts";
import { type IdleWarmUp, warmUpWhileIdle } from "./warm-up.ts";

/** Begins it; its end, or a bug of ours in it, is in the log. */
export function startIdleWarmUp(daemon: Daemon): IdleWarmUp {
  return warmUpWhileIdle({
    calls() {
      const { counters } = daemon.concentrator.snapshot();
      const { ike_sa_init_requests, ikev1_requests, ike_sas_established } = counters;
      return { begun: ike_sa_init_requests + ikev1_requests, connected: ike_sas_established };
    },
    onFault: (fault) => noteBug(daemon, fault),
    onEnd: (detail) => daemon.note({ level: "info", reason: "warmed-up", detail }),
    withIkev1: daemon.config.plan.eroutes.some((eroute) => allowsVersion(eroute, 1)),
  });
}
