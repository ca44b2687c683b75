/**
 * What is tried with the software of other vendors: each peer, called and calling, with and without
 * a NAT between, with and without ML-KEM. Each row of the table is a test in a guest, or has a
 * reason why there is none; a test writes down what it has seen, for docs/interoperability.md.
 */

export type Peer = { readonly software: string; readonly version: string };

export const PEERS = {
  strongswan: { software: "strongSwan", version: "5.9" },
  "strongswan-newer": { software: "strongSwan", version: "6.1" },
  libreswan: { software: "libreswan", version: "4.10" },
  "libreswan-newer": { software: "libreswan", version: "5.2" },
  openiked: { software: "OpenIKED", version: "7.2" },
  "openiked-newer": { software: "OpenIKED", version: "7.4" },
} as const satisfies Readonly<Record<string, Peer>>;

export type PeerName = keyof typeof PEERS;

export type Case = {
  readonly keyExchange: "classical" | "hybrid";
  /** Who sends the first message. */
  readonly caller: "the site" | "erouted";
  readonly path: "plain" | "NAT";
};

/** What each test does, in this order, while pings pass in both directions. */
export const STEPS = [
  "connects",
  "Child rekey by erouted",
  "IKE rekey by erouted",
  "Child rekey by the site",
  "IKE rekey by the site",
  "nothing is left",
] as const;

export type Step = (typeof STEPS)[number];

/** What a run has seen of one case. */
export type Seen = Case & {
  /** The steps that succeeded: all of them, or the test has failed. */
  readonly steps: readonly Step[];
  /** What the status names at the end, such as `X25519+ML_KEM_768`. */
  readonly agreed: string;
  /** Pings without an answer, and packets that the site's own kernel dropped meanwhile. */
  readonly lost: number;
  readonly droppedBySite: number;
};

/** What a run has seen of one peer. */
export type SeenOfPeer = {
  /** As the software itself tells. */
  readonly version: string;
  readonly cases: readonly Seen[];
};

export type Stored = Partial<Record<PeerName, SeenOfPeer>>;

export const CASES: readonly Case[] = (["classical", "hybrid"] as const).flatMap((keyExchange) =>
  (["the site", "erouted"] as const).flatMap((caller) =>
    (["plain", "NAT"] as const).map((path) => ({ keyExchange, caller, path })),
  ),
);

const OWN_METHOD = "OpenIKED has no ML-KEM, only a method of its own (sntrup761x25519)";
const NO_ML_KEM: Partial<Record<PeerName, string>> = {
  strongswan: "strongSwan knows ML-KEM from 6.0 on",
  libreswan: "libreswan 4 does not know ML-KEM",
  "libreswan-newer": "libreswan 5.2 does not know ML-KEM; later versions do",
  openiked: OWN_METHOD,
  "openiked-newer": OWN_METHOD,
};

/** Why a case is not tried with a peer, in words; undefined if it is. */
export function reasonAgainst(peer: PeerName, { keyExchange }: Case): string | undefined {
  return keyExchange === "hybrid" ? NO_ML_KEM[peer] : undefined;
}

/** A case in words: the name of its test. */
export function caseText({ keyExchange, caller, path }: Case): string {
  const where = path === "NAT" ? "behind NAT" : "without NAT";
  return `${keyExchange}, ${caller} calls, ${where}`;
}
