/** The source of an event in the journal: each source has a share of the journal and of the log. */

import { peerKey } from "../../eroute/peer-id.ts";
import { originOfText } from "../../inet/origin.ts";

export type EventSource = {
  /**
   * `site`: it has authenticated, or we call it. `stranger`: anybody at an address prefix; the ID
   * that it presents is not believed. `daemon`: erouted itself, or an operator.
   */
  readonly kind: "site" | "stranger" | "daemon";
  readonly key: string;
  /** The site's ID or the address prefix; empty for the daemon. */
  readonly name: string;
};

/** The parts of an entry that tell its source. */
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

/** What an operator asked for has a rate of its own. */
export function isOfOperator({ step, outcome }: Told): boolean {
  return step === "control" && outcome !== "refused" && outcome !== "failed";
}

const DAEMON: EventSource = { kind: "daemon", key: "daemon", name: "" };
