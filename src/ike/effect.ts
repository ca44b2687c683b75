/** What one IKE SA wants done. */

import type { KeyExchangeRequest } from "../crypto/key-exchange.ts";
import type { CertificateHolder, SignatureRequest } from "../crypto/signature.ts";
import type { Path } from "../inet/endpoint.ts";
import type { EspSpi } from "../inet/esp-spi.ts";
import type { Instant } from "../octets/instant.ts";
import type { Reason } from "../reason/reason.ts";
import type { Gateway } from "../wire/gateway.ts";
import type { IkeSpi } from "../wire/header.ts";
import type { Identity } from "../wire/identity.ts";
import type { IkeAlgorithms } from "./algorithms.ts";
import type { ChildSa } from "./child-sa.ts";
import type { EndReason } from "./end-reason.ts";
import type { EspDirectionKeys } from "./esp-keys.ts";
import type { IkeEvent } from "./event.ts";
import type { RefusalText } from "./refusal-text.ts";
import type { MessageListener } from "./seen-message.ts";
import type { Ticket } from "./ticket.ts";

/** Keys by direction, seen from here. */
export type ChildKeys = { readonly in: EspDirectionKeys; readonly out: EspDirectionKeys };

export type IkeNote = RefusalText & {
  readonly level: "debug" | "info" | "warning";
  readonly step: "IKE_SA_INIT" | "IKE_AUTH" | "CREATE_CHILD_SA" | "INFORMATIONAL";
  readonly outcome: "ok" | "failed" | "refused" | "note";
};

/** `Sa`: an authenticated IKE SA, as the version that makes these effects has it. */
export type EffectOf<Sa> =
  | { readonly kind: "send"; readonly octets: Uint8Array; readonly path: Path }
  | { readonly kind: "key-exchange"; readonly ticket: Ticket; readonly op: KeyExchangeRequest }
  /** Make or judge a signature; answered by `signature-answer`. */
  | { readonly kind: "signature"; readonly ticket: Ticket; readonly op: SignatureRequest }
  /** Who is this, and what is its key? Answered by `credentials`. */
  | {
      readonly kind: "identify";
      readonly ticket: Ticket;
      readonly peer: Identity;
      readonly algorithms: IkeAlgorithms;
    }
  /** The peer has proved who it is, with a certificate or without one. */
  | {
      readonly kind: "authenticated";
      readonly initialContact: boolean;
      readonly holder: CertificateHolder | undefined;
    }
  /** The peer has proved who it is, and gets no answer for now: {@link Credentials.obstacle}. */
  | { readonly kind: "held-back" }
  /**
   * Install a Child SA; answered by `child-installed`. With `inboundOnly` the outbound state waits
   * for `child-outbound`: the peer may not have ours yet (RFC 7296 §2.8).
   */
  | {
      readonly kind: "child-up";
      readonly ticket: Ticket;
      readonly child: ChildSa;
      readonly keys: ChildKeys;
      readonly inboundOnly: boolean;
    }
  | { readonly kind: "child-outbound"; readonly spiIn: EspSpi }
  /** The Child SAs' packets come from and go to another address: the IKE SA's path says which. */
  | { readonly kind: "moved" }
  /** How many packets have the Child SAs carried? Answered by `usage`. */
  | { readonly kind: "probe-usage"; readonly ticket: Ticket }
  /** One octet for the NAT before us (RFC 3948 §2.3). */
  | { readonly kind: "keepalive" }
  /** It is time to call the peer again, with a new authentication; this IKE SA stays until then. */
  | { readonly kind: "reauthenticate"; readonly why: "reauthentication" | "keys-refused" }
  /** The site that we called redirects us; this IKE SA stays until one is up there. */
  | { readonly kind: "redirected"; readonly to: Gateway }
  | { readonly kind: "child-down"; readonly spiIn: EspSpi; readonly why: Reason }
  /** A new IKE SA of the same site takes over, with the Child SAs that it names. */
  | { readonly kind: "rekeyed"; readonly successor: Sa }
  /** These Child SAs are another IKE SA's from now on; if it does not take them, they go. */
  | { readonly kind: "hand-over"; readonly to: IkeSpi; readonly children: readonly ChildSa[] }
  /** Something happened that another IKE SA of the same site has to know. */
  | { readonly kind: "tell"; readonly to: IkeSpi; readonly event: IkeEvent }
  | { readonly kind: "count"; readonly counter: IkeCounter }
  | { readonly kind: "note"; readonly note: IkeNote }
  /** `childSasStay`: a version whose Child SAs outlive the IKE SA that made them says so. */
  | { readonly kind: "ended"; readonly reason: EndReason; readonly childSasStay?: true };

export type IkeCounter =
  | "messages_bad_icv"
  | "messages_too_long"
  | "fragments_refused"
  | "messages_repeated"
  | "messages_out_of_window"
  | "authentication_failures"
  | "authentications_unanswered"
  | "child_sas_rekeyed"
  | "child_sas_refused_full"
  | "ike_sas_rekeyed"
  | "rekey_collisions"
  | "retransmissions"
  | "redirects_sent"
  | "child_sas_narrowed_by_limit";

/** What a step needs from outside; the same in every phase. */
export type IkeContext = {
  readonly now: Instant;
  /**
   * A refused IKE_AUTH is answered so long after its request, or twice as long, and so on: longer
   * than it can take to find out why, so that the time says nothing.
   */
  readonly refusalMs: number;
  random(count: number): Uint8Array;
  ticket(): Ticket;
  /** An ESP SPI that no Child SA here has. */
  espSpi(): EspSpi;
  /** An IKE SPI that no IKE SA here has. */
  ikeSpi(): IkeSpi;
  readonly onMessage: MessageListener;
};
