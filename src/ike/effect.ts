/** What an IKE SA asks its surroundings to do. */

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
import type { Method } from "./method.ts";
import type { RefusalText } from "./refusal-text.ts";
import type { MessageListener } from "./seen-message.ts";
import type { Ticket } from "./ticket.ts";
import type { Task } from "./v2/asking.ts";

/** The keys of both directions, named from our side. */
export type ChildKeys = { readonly in: EspDirectionKeys; readonly out: EspDirectionKeys };

export type IkeNote = RefusalText & {
  readonly level: "debug" | "info" | "warning";
  readonly step:
    | ("IKE_SA_INIT" | "IKE_INTERMEDIATE" | "IKE_AUTH")
    | ("CREATE_CHILD_SA" | "IKE_FOLLOWUP_KE" | "INFORMATIONAL")
    | ("Main Mode" | "Aggressive Mode" | "Quick Mode" | "Transaction");
  readonly outcome: "ok" | "failed" | "refused" | "note";
};

/**
 * The exchange in which a peer has to be identified. In Main Mode it has not said who it is when
 * its pre-shared key is needed (RFC 2409 §5.4): `peer` is its address, as an ID.
 */
export type IdentifyingExchange = "IKE_AUTH" | "Main Mode" | "Aggressive Mode";

/** `Sa`: the type of an authenticated IKE SA in the version that makes these effects. */
export type EffectOf<Sa> =
  | { readonly kind: "send"; readonly octets: Uint8Array; readonly path: Path }
  | { readonly kind: "key-exchange"; readonly ticket: Ticket; readonly op: KeyExchangeRequest }
  /** Make or verify a signature; answered by `signature-answer`. */
  | { readonly kind: "signature"; readonly ticket: Ticket; readonly op: SignatureRequest }
  /** Find the peer with this ID, and its keys; answered by `credentials`. */
  | {
      readonly kind: "identify";
      readonly ticket: Ticket;
      /** The ID that it presents. */
      readonly peer: Identity;
      /** Undefined: they are chosen once the site's eroute is known. */
      readonly algorithms: IkeAlgorithms | undefined;
      readonly exchange: IdentifyingExchange;
    }
  /** Find the PPKs with these PPK_IDs, of whatever site; answered by `ppks`. */
  | {
      readonly kind: "find-ppks";
      readonly ticket: Ticket;
      readonly ids: readonly Uint8Array[];
    }
  /** The peer has proved who it is, with a certificate or without one. */
  | {
      readonly kind: "authenticated";
      readonly initialContact: boolean;
      readonly holder: CertificateHolder | undefined;
      /** The mode of Phase 1; absent: IKEv2, or XAUTH has followed. */
      readonly phase1?: "main" | "aggressive";
    }
  /** An authenticated site knows nothing of its other IKE SAs (RFC 2407 §4.6.3.3). */
  | { readonly kind: "initial-contact" }
  /** Check the name and password of a user (XAUTH); answered by `password-answer`. */
  | {
      readonly kind: "check-password";
      readonly ticket: Ticket;
      readonly user: string;
      readonly password: Uint8Array;
    }
  /** The peer has proved who it is, but gets no answer yet: {@link Credentials.obstacle}. */
  | { readonly kind: "held-back" }
  /**
   * Install a Child SA; answered by `child-installed`. With `inboundOnly` the outbound state waits
   * for `child-outbound`: the peer may not have ours yet (RFC 7296 §2.8). With `isOurs` we have
   * asked for it: the peer has it already, and repeats its answer to whoever asks again.
   */
  | {
      readonly kind: "child-up";
      readonly ticket: Ticket;
      readonly child: ChildSa;
      readonly keys: ChildKeys;
      readonly inboundOnly: boolean;
      readonly isOurs: boolean;
    }
  /** With `insteadOf`: only if none but that one sends the same packets to the same address. */
  | { readonly kind: "child-outbound"; readonly spiIn: EspSpi; readonly insteadOf?: EspSpi }
  /** New keys came with another key exchange than before: the next IKE SA may begin with it. */
  | { readonly kind: "child-method"; readonly method: Method }
  /** Move all Child SAs to the addresses and ports of the IKE SA's path, which has changed. */
  | { readonly kind: "moved" }
  /** Ask the kernel what the Child SAs have carried; answered by `usage`. */
  | { readonly kind: "probe-usage"; readonly ticket: Ticket }
  /** Send one octet, so that the NAT in front of us keeps its mapping (RFC 3948 §2.3). */
  | { readonly kind: "keepalive" }
  /** Authenticate the peer anew with a new IKE SA; this one stays until that one is up. */
  | { readonly kind: "reauthenticate"; readonly why: "reauthentication" | "keys-refused" }
  /** The site that we called redirects us; this IKE SA stays until a new one is up there. */
  | { readonly kind: "redirected"; readonly to: Gateway }
  | { readonly kind: "child-down"; readonly spiIn: EspSpi; readonly why: Reason }
  /** A new IKE SA of the same site replaces this one, and takes the Child SAs that it names. */
  | { readonly kind: "rekeyed"; readonly successor: Sa }
  /**
   * Give these Child SAs to another IKE SA, and what is still to be done; if it does not take them,
   * they are removed.
   */
  | {
      readonly kind: "hand-over";
      readonly to: IkeSpi;
      readonly children: readonly ChildSa[];
      readonly tasks?: readonly Task[];
    }
  /** Pass an event to another IKE SA of the same site. */
  | { readonly kind: "tell"; readonly to: IkeSpi; readonly event: IkeEvent }
  /** These inbound SPIs are gone: tell the peer in another IKE SA, as this one ends (IKEv1). */
  | { readonly kind: "unsaid"; readonly spis: readonly EspSpi[] }
  /** The peer has deleted another IKE SA of its own, and says so in this one. */
  | { readonly kind: "deleted-elsewhere"; readonly spiI: IkeSpi; readonly spiR: IkeSpi }
  /** The peer has deleted a Child SA, named by one of its SPIs, that is not of this IKE SA. */
  | { readonly kind: "child-deleted-elsewhere"; readonly spi: number }
  | { readonly kind: "count"; readonly counter: IkeCounter }
  | { readonly kind: "note"; readonly note: IkeNote }
  /** `childSasStay`: set by a version whose Child SAs outlive the IKE SA that made them. */
  | { readonly kind: "ended"; readonly reason: EndReason; readonly childSasStay?: true };

export type IkeCounter =
  | "messages_bad_icv"
  | "messages_too_long"
  | "fragments_refused"
  | "messages_repeated"
  | "messages_out_of_window"
  | "authentication_failures"
  | "ikev1_sas_legacy"
  | "authentications_unanswered"
  | "child_sas_rekeyed"
  | "child_sas_refused_full"
  | "ike_sas_rekeyed"
  | "rekey_collisions"
  | "retransmissions"
  | "redirects_sent"
  | "child_sas_narrowed_by_limit";

/** What every step needs from outside, whatever the phase. */
export type IkeContext = {
  readonly now: Instant;
  /**
   * A refused IKE_AUTH is answered this long after its request, or a multiple of it. It is longer
   * than any check takes, so the time of the answer reveals nothing.
   */
  readonly refusalMs: number;
  /** Datagrams to us have been lost in the last half minute: answers of peers may be among them. */
  readonly hasLost: boolean;
  random(count: number): Uint8Array;
  ticket(): Ticket;
  /** A new ESP SPI that no Child SA here uses. */
  espSpi(): EspSpi;
  /** A new IKE SPI that no IKE SA here uses. */
  ikeSpi(): IkeSpi;
  readonly onMessage: MessageListener;
};
