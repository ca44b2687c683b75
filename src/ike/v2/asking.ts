/** Our requests to the peer: those that wait for their turn, and the exchange under way. */

import type { Path } from "../../inet/endpoint.ts";
import type { EspSpi } from "../../inet/esp-spi.ts";
import type { Instant } from "../../octets/instant.ts";
import type { Gateway } from "../../wire/gateway.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { TrafficSelector } from "../../wire/traffic-selector.ts";
import type { ChildSa } from "../child-sa.ts";
import type { Method } from "../method.ts";
import type { SaId } from "../sa-id.ts";
import type { Ticket } from "../ticket.ts";
import type { ChosenEsp, ChosenIke } from "./proposal.ts";

/** A request that waits for its turn (RFC 7296 §2.3: one request at a time). */
export type Task =
  | { readonly kind: "delete-child"; readonly spiIn: EspSpi; readonly spiOut: EspSpi | undefined }
  | { readonly kind: "rekey-child"; readonly spiIn: EspSpi; readonly how?: ChildHow }
  | {
      readonly kind: "new-child";
      readonly local: readonly TrafficSelector[];
      readonly remote: readonly TrafficSelector[];
      readonly how?: ChildHow;
      /** The peer was busy: it is asked again from then on. */
      readonly notBefore?: Instant;
    }
  | { readonly kind: "rekey-ike"; readonly how?: How }
  | { readonly kind: "liveness" }
  /** The peer says that it moved there: whoever is there must prove that it reads (§3.5). */
  | { readonly kind: "routability"; readonly path: Path }
  /** Redirect the site to another gateway (RFC 5685 §5). */
  | { readonly kind: "redirect"; readonly to: Gateway }
  /** Tell the peer that a request of its was outside the window (§2.3). */
  | { readonly kind: "invalid-message-id"; readonly messageId: number };

/** The key exchange of a further request, after the peer has refused others. */
export type How = Method & {
  /** The methods that it has refused. */
  readonly tried: readonly number[];
};

export type ChildHow = How & {
  /** The request does not name the Child SA that it replaces: the peer refuses to rekey it. */
  readonly asNew: boolean;
  /** For all subnets that the site may have, not only for those of the old Child SA. */
  readonly widely: boolean;
};

/** The Child SA that a CREATE_CHILD_SA request of ours asks for. */
export type ChildAsk = ChildHow & {
  readonly replaces: EspSpi | undefined;
  readonly local: readonly TrafficSelector[];
  readonly remote: readonly TrafficSelector[];
  readonly mode: ChildSa["mode"];
  readonly spiIn: EspSpi;
  readonly Ni: Uint8Array;
  readonly privateOctets: Uint8Array;
};

/** The IKE SA that a CREATE_CHILD_SA request of ours asks for. */
export type IkeAsk = How & {
  readonly spi: IkeSpi;
  readonly Ni: Uint8Array;
  readonly privateOctets: Uint8Array;
};

/** The result of the peer's request for the same SA, while ours was under way (§2.8.1-2). */
export type Rival<T> = {
  /** The Child SA (our SPI) or IKE SA that the peer's request made. */
  readonly made: T;
  /** The lower nonce of its exchange. */
  readonly nonce: Uint8Array;
};

/** An exchange of ours, at each of its stages. */
export type Asking =
  | { readonly kind: "informational" }
  | { readonly kind: "delete-children"; readonly spisOut: readonly EspSpi[] }
  | { readonly kind: "routability"; readonly path: Path; readonly cookie2: Uint8Array }
  | { readonly kind: "child-public-value"; readonly ticket: Ticket; readonly ask: ChildAsk }
  | {
      readonly kind: "child-response";
      readonly ask: ChildAsk;
      readonly rival: Rival<EspSpi> | undefined;
      /** Unknown SPIs that the peer deleted meanwhile: one may be of the Child SA in its answer. */
      readonly deleted: readonly number[];
    }
  | {
      readonly kind: "child-shared-secret";
      readonly ticket: Ticket;
      readonly ask: ChildAsk;
      readonly rival: Rival<EspSpi> | undefined;
      readonly granted: GrantedChild;
      readonly link: Link;
      /** The peer has deleted the Child SA before we have made it. */
      readonly isDeleted: boolean;
    }
  | {
      readonly kind: "child-install";
      readonly ticket: Ticket;
      readonly child: ChildSa;
      readonly rival: Rival<EspSpi> | undefined;
      readonly isRedundant: boolean;
      readonly isDeleted: boolean;
    }
  | { readonly kind: "ike-public-value"; readonly ticket: Ticket; readonly ask: IkeAsk }
  | {
      readonly kind: "ike-response";
      readonly ask: IkeAsk;
      readonly rival: Rival<IkeSpi> | undefined;
    }
  | {
      readonly kind: "ike-shared-secret";
      readonly ticket: Ticket;
      readonly ask: IkeAsk;
      readonly rival: Rival<IkeSpi> | undefined;
      readonly id: SaId;
      readonly Nr: Uint8Array;
      readonly chosen: ChosenIke;
      readonly link: Link;
    }
  /** The additional key exchanges that follow, in IKE_FOLLOWUP_KE (RFC 9370 §2.2.4). */
  | {
      readonly kind: "followup-public-value";
      readonly ticket: Ticket;
      readonly followup: Followup;
    }
  | { readonly kind: "followup-response"; readonly followup: Followup }
  | {
      readonly kind: "followup-shared-secret";
      readonly ticket: Ticket;
      readonly followup: Followup;
    };

/** What connects an IKE_FOLLOWUP_KE with the exchange before it; undefined: none follows. */
export type Link = Uint8Array | undefined;

/** New keys that the peer has granted, and the key exchanges that they still need. */
export type Followup = {
  readonly grant: Grant;
  /** The methods that are left; the first one is under way. */
  readonly left: readonly number[];
  /** SK(0), SK(1), …: the shared secrets so far. */
  readonly secrets: readonly Uint8Array[];
  readonly link: Link;
  readonly privateOctets: Uint8Array;
  /** The peer has deleted the Child SA before we have made it. */
  readonly isDeleted: boolean;
};

/** What CREATE_CHILD_SA has brought. */
export type Grant =
  | {
      readonly of: "child";
      readonly ask: ChildAsk;
      readonly rival: Rival<EspSpi> | undefined;
      readonly granted: GrantedChild;
    }
  | {
      readonly of: "ike";
      readonly ask: IkeAsk;
      readonly rival: Rival<IkeSpi> | undefined;
      readonly id: SaId;
      readonly Nr: Uint8Array;
      readonly chosen: ChosenIke;
    };

/** The grant that our additional key exchanges complete. */
export function grantUnderWay(asking: Asking | undefined): Grant | undefined {
  return asking !== undefined && "followup" in asking ? asking.followup.grant : undefined;
}

/** Whether our rekey of the IKE SA has been sent, and is not finished. */
export function isIkeRekey(asking: Asking | undefined): boolean {
  if (grantUnderWay(asking)?.of === "ike") return true;
  return asking?.kind === "ike-response" || asking?.kind === "ike-shared-secret";
}

/** What the peer agreed to. */
export type GrantedChild = {
  readonly chosen: ChosenEsp;
  readonly local: readonly TrafficSelector[];
  readonly remote: readonly TrafficSelector[];
  readonly mode: ChildSa["mode"];
  readonly Nr: Uint8Array;
};
