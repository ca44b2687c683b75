/** What a site of a world knows that speaks IKEv1: its ISAKMP SAs, Child SAs and exchanges. */

import type { Path } from "../../src/inet/endpoint.ts";
import type { Instant } from "../../src/octets/instant.ts";
import type { Caller, CallerKnobs } from "./ikev1-caller.ts";
import type { CallerQuick } from "./ikev1-caller-exchanges.ts";
import type { Prng } from "./prng.ts";
import type { SiteChild, SiteOutput } from "./site-state.ts";

export type Ikev1Settings = {
  readonly id: string;
  readonly psk: string;
  /** As the site believes its own address to be. */
  readonly path: Path;
  readonly isNatted: boolean;
  readonly mode: "Main Mode" | "Aggressive Mode";
  /** Its subnet, and the one behind the concentrator. */
  readonly own: string;
  readonly remote: string;
  readonly initialContact: boolean;
  /** Whether it deletes Child SAs and ISAKMP SAs that it has replaced. */
  readonly deletesReplaced: boolean;
  /** Whether it goes on although the concentrator's proof is made with another key. */
  readonly checksProof: boolean;
  /** Its group, and who computes; left out: ECP-256, by the toy. */
  readonly real?: Required<Pick<CallerKnobs, "group" | "keyExchange">>;
  /** Its inbound SPI; undefined: any. */
  drawSpi(): number | undefined;
};

/** A message that is sent again until its answer comes. */
export type Copies = { readonly octets: Uint8Array; attempts: number; retransmitAt: Instant };

/** Phase 1 is under way: the message that waits for its answer has this number. */
export type Phase1 = {
  readonly caller: Caller;
  readonly mode: Ikev1Settings["mode"];
  message: 1 | 3 | 5;
  sent: Copies;
};

/** A Quick Mode of the site. */
export type AskedQuick = {
  readonly quick: CallerQuick;
  readonly replaces: number | undefined;
  readonly sent: Copies;
};

/** A Quick Mode of the concentrator, which the site has granted: HASH(3) is still to come. */
export type GrantedQuick = {
  readonly request: Uint8Array;
  readonly answer: Uint8Array;
  readonly child: SiteChild;
  isRight(third: Uint8Array): boolean;
  isUp: boolean;
};

/** An ISAKMP SA. */
export type Ikev1Session = {
  readonly caller: Caller;
  /** The site's last message of Phase 1, and the one that it answers. */
  readonly last: { readonly to: Uint8Array; readonly octets: Uint8Array };
  /** By message ID. */
  readonly asked: Map<number, AskedQuick>;
  readonly granted: Map<number, GrantedQuick>;
  /** Third messages of Quick Mode, for repeats of the second. */
  readonly thirds: Map<number, Uint8Array>;
  isReplaced: boolean;
};

export type Ikev1Site = {
  settings: Ikev1Settings;
  readonly prng: Prng;
  now: Instant;
  path: Path;
  negotiation: Phase1 | undefined;
  /** The newest is the last. */
  sessions: Ikev1Session[];
  /** They belong to the site, and not to the ISAKMP SA that made them. */
  children: SiteChild[];
  out: SiteOutput[];
};

/** What a site is told to do. */
export type Ikev1Ask =
  | { readonly kind: "rekey-child"; readonly spiIn: number; readonly pfs: boolean }
  | { readonly kind: "new-child"; readonly pfs: boolean }
  | { readonly kind: "delete-child"; readonly spiIn: number }
  /** Phase 1 anew. */
  | { readonly kind: "rekey-ike" }
  /** Only the ISAKMP SA: its Child SAs stay. */
  | { readonly kind: "delete-ike" }
  | { readonly kind: "leave" }
  | { readonly kind: "liveness" };
