/** Who causes an event of the journal: each has a share of it, and of the log. */

import { peerKey } from "../../eroute/peer-id.ts";
import { originOfText } from "../../inet/origin.ts";

export type EventSource = {
  /**
   * `site`: it has proved who it is, or we call it. `stranger`: anybody, at an address prefix; an
   * ID that it tells is not believed. `daemon`: erouted itself, or an operator.
   */
  readonly kind: "site" | "stranger" | "daemon";
  readonly key: string;
  /** The site's ID or the address prefix; empty for the daemon. */
  readonly name: string;
};

/** What of an entry tells who causes it. */
type Told = {
  readonly step: string;
  readonly outcome: string;
  readonly peerId: string | undefined;
  readonly remote: string | undefined;
  readonly role?: string;
  readonly isProven?: boolean;
};

/** Whose share an entry counts in. */
export function eventSourceOf(entry: Told): EventSource {
  const { peerId, remote, isProven, role, step } = entry;
  if (step === "configuration" || step === "shutdown" || isOfOperator(entry)) return DAEMON;
  const isSite = isProven === true || role === "initiator" || remote === undefined;
  if (peerId !== undefined && isSite) return siteSource(peerId);
  if (remote === undefined) return DAEMON;
  const name = originOfText(remote);
  return { kind: "stranger", key: `at ${name}`, name };
}

/** A site that has proved who it is. */
export function siteSource(peerId: string): EventSource {
  return { kind: "site", key: `site ${peerKey(peerId)}`, name: peerId };
}

/** What an operator was allowed to ask for: there is a rate for that already. */
export function isOfOperator({ step, outcome }: Told): boolean {
  return step === "control" && outcome !== "refused" && outcome !== "failed";
}

const DAEMON: EventSource = { kind: "daemon", key: "daemon", name: "" };
