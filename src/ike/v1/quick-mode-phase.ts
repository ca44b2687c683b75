/** One Quick Mode, from its first message to the time when repeats of its last one may come. */

import type { EspSpi } from "../../inet/esp-spi.ts";
import type { Instant } from "../../octets/instant.ts";
import type { TrafficSelector } from "../../wire/traffic-selector.ts";
import type { Payload, SaPayload } from "../../wire/v1/message.ts";
import type { ChildSa } from "../child-sa.ts";
import type { Ticket } from "../ticket.ts";
import type { ChosenEsp } from "./proposal.ts";

type Common = {
  readonly messageId: number;
  /** The IV of the next message, of either end. */
  readonly iv: Uint8Array;
  /** The SHA-256 of the peer's last message: with the same one it is a repeat. */
  readonly digest: Uint8Array;
};

/** What the peer asks for, and what was chosen. */
export type Plan = {
  readonly chosen: ChosenEsp;
  readonly local: readonly TrafficSelector[];
  readonly remote: readonly TrafficSelector[];
  readonly replaces: ChildSa | undefined;
  readonly Ni: Uint8Array;
  /** The IDs as they came, for the answer; none: none came. */
  readonly ids: readonly Payload[];
};

/** The peer's first message: our part of its key exchange is being made. */
export type Exchanging = Common & {
  readonly stage: "exchanging";
  readonly ticket: Ticket;
  readonly plan: Plan;
};

/** The kernel is installing the Child SA: our answer, which is ready, follows. */
export type Installing = Common & {
  readonly stage: "installing";
  readonly ticket: Ticket;
  readonly child: ChildSa;
  readonly Ni: Uint8Array;
  readonly Nr: Uint8Array;
  readonly answer: Uint8Array;
};

/** A message of ours that is repeated until the peer's next one comes. */
export type Copies = {
  readonly octets: Uint8Array;
  readonly attempts: number;
  readonly retransmitAt: Instant;
};

/** Our answer has gone out: HASH(3) shows that the peer has it. */
export type Answered = Common & {
  readonly stage: "answered";
  readonly spiIn: EspSpi;
  readonly Ni: Uint8Array;
  readonly Nr: Uint8Array;
  readonly sent: Copies;
};

/** What we ask for. */
export type Wish = {
  readonly local: readonly TrafficSelector[];
  readonly remote: readonly TrafficSelector[];
  readonly mode: ChildSa["mode"];
  readonly replaces: ChildSa | undefined;
  /** The key exchange; 0: none. */
  readonly method: number;
  /** Private octets of the key exchange; empty: none. */
  readonly random: Uint8Array;
};

/** Our public value is being made. */
export type Offering = Common & {
  readonly stage: "offering";
  readonly ticket: Ticket;
  readonly wish: Wish;
};

/** Our first message has gone out. */
export type Asked = Common & {
  readonly stage: "asked";
  readonly wish: Wish;
  readonly Ni: Uint8Array;
  readonly spiIn: EspSpi;
  readonly offer: SaPayload;
  readonly sent: Copies;
};

/** The peer has granted it: the shared secret is being made. */
export type Deriving = Common & {
  readonly stage: "deriving";
  readonly ticket: Ticket;
  readonly wish: Wish;
  readonly Ni: Uint8Array;
  readonly Nr: Uint8Array;
  readonly spiIn: EspSpi;
  readonly chosen: ChosenEsp;
  /** The peer has set the Commit bit. */
  readonly isCommitted: boolean;
};

/** The kernel is installing what the peer has granted: HASH(3), which is ready, follows. */
export type Granted = Common & {
  readonly stage: "granted";
  readonly ticket: Ticket;
  readonly child: ChildSa;
  readonly third: Uint8Array;
  readonly isCommitted: boolean;
};

/** Our state for sending waits for CONNECTED, at most until then. */
export type Held = { readonly spiIn: EspSpi; readonly until: Instant };

/** It is over: repeats of the peer's last message get our last one. */
export type Over = Common & {
  readonly stage: "over";
  readonly last: Uint8Array | undefined;
  readonly held: Held | undefined;
  readonly forgetAt: Instant;
};

export type QuickMode =
  | (Exchanging | Installing | Answered)
  | (Offering | Asked | Deriving | Granted)
  | Over;
