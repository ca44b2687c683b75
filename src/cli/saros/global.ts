/** What the old router configures once for all eroutes: `ike`, `dpd`, `def_eroute`. */

import { wholeNumber } from "./eroute.ts";
import { ikeProposal, type SarosProposal } from "./proposals.ts";
import { none, type Settings, taken, toDo } from "./settings.ts";
import { type Section, section } from "./toml.ts";

export type Global = {
  readonly sections: readonly Section[];
  /** Silence after which a liveness check is sent, seconds. */
  readonly dpdS: number | undefined;
};

export type GlobalSettings = {
  readonly ike: readonly Settings[];
  readonly dpd: readonly Settings[];
  readonly defEroute: readonly Settings[];
};

/** `[ike]` and `[default_eroute]`, and the interval of liveness checks. */
export function globalSections({ ike, dpd, defEroute }: GlobalSettings): Global {
  const ikeSection = section("[ike]");
  const first = ike.find(({ instance }) => instance === 0);
  if (first !== undefined) importHalfOpen(first, ikeSection);
  const defaults = section("[default_eroute]");
  for (const settings of defEroute) importDefaultEroute(settings, defaults);
  return {
    sections: [ikeSection, defaults],
    dpdS: dpd.map(importDpd).find((seconds) => seconds !== undefined),
  };
}

export type IkeInstances = {
  readonly ike: (instance: number) => SarosProposal | undefined;
  readonly ikeLifetimeS: (instance: number) => number | undefined;
};

/** Proposal and lifetime of each `ike` instance; `hasIkev1`: some eroute uses IKEv1. */
export function ikeInstances(all: readonly Settings[], hasIkev1: boolean): IkeInstances {
  const proposals = new Map<number, SarosProposal>();
  const lifetimes = new Map<number, number>();
  for (const settings of all) {
    const proposal = ikeProposal(settings, hasIkev1);
    if (proposal !== undefined) proposals.set(settings.instance, proposal);
    const lifetimeS = wholeNumber(settings.get("ltime"));
    if (lifetimeS !== undefined && lifetimeS >= 5 && lifetimeS <= IKE_LIFETIME_S_MAX) {
      lifetimes.set(settings.instance, lifetimeS);
      settings.tell("ltime", taken(`ike_lifetime ${lifetimeS}s`));
    }
    settings.tellRest(restOf);
  }
  return {
    ike: (instance) => proposals.get(instance),
    ikeLifetimeS: (instance) => lifetimes.get(instance),
  };
}

/**
 * `ike2` configures the router as an IKEv2 responder: algorithms that it allows (`rencalgs`,
 * `rauthalgs`, `rprfalgs`, groups from-to) and times. erouted's own proposals replace them.
 */
export function tellIke2(all: readonly Settings[]): void {
  for (const settings of all) settings.tellRest(restOfIke2);
}

function restOfIke2(key: string): ReturnType<typeof none> {
  if (key === "natt") return none("NAT traversal is always on");
  if (/^(r|i)?(enc|auth|prf)algs?$|^r?(dh)?(min|max)?group$|^rdh(min|max)group$/.test(key)) {
    return toDo("erouted's own IKEv2 proposals apply: set `ike` of an eroute if a site has others");
  }
  if (key === "ltime") return toDo("set `ike_lifetime` of the eroutes if 4h is not wanted");
  return none("erouted has no counterpart in IKEv2");
}

const IKE_LIFETIME_S_MAX = 2_592_000;

function importHalfOpen(settings: Settings, { keys }: Section): void {
  const seconds = wholeNumber(settings.get("inactto"));
  if (seconds === undefined || seconds === 0) return;
  keys.set("half_open_timeout", `${seconds}s`);
  settings.tell("inactto", taken(`ike.half_open_timeout ${seconds}s`));
}

function importDpd(settings: Settings): number | undefined {
  const seconds = wholeNumber(settings.get("okint"));
  if (seconds === undefined || seconds === 0 || seconds > 86_400) {
    settings.tell("okint", none("dpd can be 1 s to 86400 s: it stays at its default"));
    return undefined;
  }
  settings.tell("okint", taken(`dpd ${seconds}s of each eroute`));
  settings.tellRest(() => none("the number of repeats follows from ike.retransmit_…"));
  return seconds;
}

function importDefaultEroute(settings: Settings, { keys }: Section): void {
  for (const [from, to] of DIRECTIONS) {
    const action = settings.get(from)?.toLowerCase();
    if (action !== "drop" && action !== "pass") continue;
    keys.set(to, action);
    settings.tell(
      from,
      action === "pass"
        ? taken(`default_eroute.${to} pass`)
        : toDo(`default_eroute.${to} drop: name in default_eroute.except what must pass`),
    );
  }
}

const DIRECTIONS = [
  ["nosain", "inbound"],
  ["nosaout", "outbound"],
] as const;

function restOf(key: string): ReturnType<typeof none> {
  switch (key) {
    case "natt":
      return none("NAT traversal is always on");
    case "initialcontact":
      return none("it is always sent and understood");
    case "aggressive":
      return taken("ikev1_mode both, the default: Main Mode and Aggressive Mode");
    case "privrsakey":
      return none("erouted authenticates with pre-shared keys");
    default:
      return none("erouted has no counterpart");
  }
}
