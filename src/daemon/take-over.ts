/** Which parts of a new configuration a running daemon can take over, and which need a restart. */

import type { Config } from "../config/config.ts";
import { equalValues } from "../eroute/eroute-change.ts";

export type TakeOver = {
  /** The new configuration, with the running one's values where a restart is needed. */
  readonly config: Config;
  /** Keys that differ and need a restart; empty if everything can be taken over. */
  readonly restart: readonly string[];
};

/** What is in force from now on, and what of `next` has to wait. */
export function takeOver(running: Config, next: Config): TakeOver {
  const restart = Object.values(NEEDS_RESTART).flatMap((needs) => needs(running, next));
  const sameListen = equalValues(running.status.listen, next.status.listen);
  return {
    config: {
      ...next,
      ike: { ...running.ike, listen: next.ike.listen },
      dataplane: running.dataplane,
      policyHash: running.policyHash,
      sources: sourcesOf(running, next),
      // A file that does not set it, for example because it is cut off, does not loosen the limit.
      reload: {
        closePercentMax: next.reload.closePercentMax ?? running.reload.closePercentMax,
      },
      plan: { ...next.plan, ports: running.plan.ports },
      status: {
        ...next.status,
        listen: running.status.listen,
        // The address listened on until then may be reachable by others, and needs its token.
        token: sameListen ? next.status.token : (next.status.token ?? running.status.token),
      },
    },
    restart,
  };
}

/** The next start has to know what this one runs with. */
function sourcesOf({ dataplane, plan: { ports } }: Config, next: Config): Config["sources"] {
  return {
    ...next.sources,
    ...(dataplane === next.dataplane ? {} : { dataplane }),
    ...(areSamePorts(ports, next.plan.ports) ? {} : { ports }),
  };
}

type Ports = Config["plan"]["ports"];

/** Whether sites find the one where they found the other. */
export function areSamePorts(a: Ports, b: Ports): boolean {
  return a.ike === b.ike && a.nat === b.nat;
}

/** What becomes of the sites then, if one of these keys is another one after a restart. */
export function restartText(keys: readonly string[]): string {
  return keys.some((key) => PORT_KEYS.includes(key))
    ? "it then says goodbye to all sites, which have to call the new port"
    : "";
}

const PORT_KEYS: readonly string[] = ["ike.port", "ike.nat_port"];

type Needs = (running: Config, next: Config) => readonly string[];

const atOnce: Needs = () => [];

/** By part of the configuration: a new part does not compile until it is decided here. */
const NEEDS_RESTART: Readonly<Record<keyof Config, Needs>> = {
  ike: (running, next) => {
    const keys = { "ike.port": "port", "ike.nat_port": "natPort" } as const;
    return Object.entries(keys)
      .filter(([, key]) => !equalValues(running.ike[key], next.ike[key]))
      .map(([word]) => word);
  },
  dataplane: (running, next) => (running.dataplane === next.dataplane ? [] : ["dataplane.kind"]),
  policyHash: (running, next) =>
    equalValues(running.policyHash, next.policyHash) ? [] : ["dataplane.policy_hash"],
  status: (running, next) =>
    equalValues(running.status.listen, next.status.listen) ? [] : ["status.listen"],
  keepBlocking: atOnce,
  keepsState: (running, next) => (running.keepsState === next.keepsState ? [] : ["dataplane.keep"]),
  warmsUp: (running, next) => (running.warmsUp === next.warmsUp ? [] : ["ike.warm_up"]),
  plan: atOnce,
  databases: atOnce,
  polls: atOnce,
  log: atOnce,
  reload: atOnce,
  sources: atOnce,
  ending: atOnce,
  warnings: atOnce,
};
