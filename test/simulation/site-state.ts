/** What a simulated site knows: its settings, its IKE SAs and Child SAs, its request in flight. */

import type { KeyExchangeRequest, KeyExchangeResult } from "../../src/crypto/key-exchange.ts";
import type { SigningKey } from "../../src/crypto/signature.ts";
import type { EspAlgorithms } from "../../src/ike/algorithms.ts";
import type { EspKeys } from "../../src/ike/esp-keys.ts";
import type { DerivedKeys } from "../../src/ike/v2/keys.ts";
import type { Secured } from "../../src/ike/v2/protect.ts";
import type { Path } from "../../src/inet/endpoint.ts";
import type { Instant } from "../../src/octets/instant.ts";
import type { IkeSpi } from "../../src/wire/header.ts";
import type { Identity } from "../../src/wire/identity.ts";
import type { TrafficSelector } from "../../src/wire/traffic-selector.ts";
import type { CpPayload, Payload, Transform } from "../../src/wire/v2/message.ts";

/** How a site is set up. `path.local` is what the site believes to be its own address. */
export type SiteSettings = {
  readonly identity: Identity;
  /** IDr: the peer that it wants to reach. */
  readonly expects?: Identity;
  readonly psk: Uint8Array;
  /** What it authenticates with instead of the key. */
  readonly key?: SigningKey;
  readonly path: Path;
  /** Ports of both ends once a NAT is detected (RFC 7296 §2.23). */
  readonly natPort: number;
  /** Transforms of IKE and ESP proposals, without key exchange. */
  readonly ike: readonly Transform[];
  readonly esp: readonly Transform[];
  /** Key exchange methods offered; a public value of the first one is sent. */
  readonly ke: readonly [number, ...number[]];
  /** Whether Child SAs that are rekeyed get a key exchange of their own. */
  readonly tsI: readonly TrafficSelector[];
  readonly tsR: readonly TrafficSelector[];
  readonly initialContact: boolean;
  /** It supports RFC 4555. */
  readonly mobike?: boolean;
  /** Its notify of RFC 5685 in IKE_SA_INIT; left out: none. */
  readonly redirect?: "supported" | "redirected";
  /** It asks for no Child SA in IKE_AUTH (RFC 6023). */
  readonly childless?: boolean;
  /** The attributes that it requests in IKE_AUTH (RFC 7296 §2.19). */
  readonly configuration?: CpPayload;
  /** Whether it deletes, as it should, what it has rekeyed. */
  readonly deletesReplaced: boolean;
};

/** The source of everything that the site does not decide. */
export type SiteSources = {
  random(count: number): Uint8Array;
  keyExchange(op: KeyExchangeRequest): KeyExchangeResult;
};

/** What a site is told to do. */
export type Ask =
  | { readonly kind: "rekey-child"; readonly spiIn: number; readonly ke?: number | undefined }
  | { readonly kind: "new-child"; readonly ke?: number | undefined }
  | { readonly kind: "delete-child"; readonly spiIn: number }
  | { readonly kind: "rekey-ike"; readonly ke?: number | undefined }
  | { readonly kind: "delete-ike" }
  | { readonly kind: "liveness" }
  /** Any payloads that a test wants to send. */
  | {
      readonly kind: "say";
      readonly exchangeType: number;
      readonly payloads: readonly Payload[];
    };

/** What comes out of a site. */
export type SiteOutput =
  | { readonly kind: "send"; readonly octets: Uint8Array; readonly path: Path }
  | { readonly kind: "established"; readonly spiI: IkeSpi; readonly spiR: IkeSpi }
  /** It was redirected: the content of the notify. */
  | { readonly kind: "redirected"; readonly data: Uint8Array }
  | { readonly kind: "configured"; readonly reply: CpPayload }
  | { readonly kind: "child-up"; readonly child: SiteChild }
  | { readonly kind: "child-down"; readonly spiIn: number; readonly why: string }
  /** A request was refused; `notify` is the error's type, 0 if there was none. */
  | { readonly kind: "refused"; readonly asked: string; readonly notify: number }
  | { readonly kind: "answer"; readonly asked: string; readonly payloads: readonly Payload[] }
  | { readonly kind: "rekeyed"; readonly spiI: IkeSpi }
  /** Nothing is left: the site may connect again. */
  | { readonly kind: "ended"; readonly why: string };

export type SiteChild = {
  readonly spiIn: number;
  readonly spiOut: number;
  readonly algorithms: EspAlgorithms;
  /** `initiator`: the flag in messages of the site. */
  readonly keys: EspKeys;
  readonly tsI: readonly TrafficSelector[];
  readonly tsR: readonly TrafficSelector[];
};

/** Our part of a key exchange: the private octets give the same value each time. */
export type OwnKey = { readonly method: number; readonly random: Uint8Array };

/** What a request in flight was for. */
export type Pending =
  | {
      readonly kind: "child";
      readonly replaces: number | undefined;
      readonly spiIn: number;
      readonly Ni: Uint8Array;
      readonly own: OwnKey | undefined;
    }
  | {
      readonly kind: "ike";
      readonly spiI: IkeSpi;
      readonly Ni: Uint8Array;
      readonly own: OwnKey;
    }
  | { readonly kind: "delete-child"; readonly spiIn: number }
  | { readonly kind: "delete-ike" }
  | { readonly kind: "liveness" }
  | { readonly kind: "say" };

export type Flight<P> = {
  readonly messageId: number;
  readonly octets: Uint8Array;
  readonly pending: P;
  attempts: number;
  retransmitAt: Instant;
};

/** An IKE SA as its original initiator sees it. */
export type Session = {
  readonly secured: Secured;
  nextId: number;
  inFlight: Flight<Pending> | undefined;
  readonly queue: Ask[];
  peerNextId: number;
  lastResponse: Uint8Array | undefined;
  children: SiteChild[];
  isReplaced: boolean;
};

/** IKE_SA_INIT is under way. */
export type Initiating = {
  readonly phase: "initiating";
  readonly spiI: IkeSpi;
  readonly Ni: Uint8Array;
  readonly own: OwnKey;
  readonly cookie: Uint8Array | undefined;
  readonly flight: Flight<"init">;
  /** Requests for cookies and other groups followed so far. */
  readonly retries: number;
};

/** IKE_AUTH is under way. */
export type Authenticating = {
  readonly phase: "authenticating";
  readonly secured: Secured & { readonly keys: DerivedKeys };
  readonly Ni: Uint8Array;
  readonly Nr: Uint8Array;
  readonly response: Uint8Array;
  readonly spiIn: number;
  readonly flight: Flight<"auth">;
};

export type Site = {
  settings: SiteSettings;
  readonly sources: SiteSources;
  now: Instant;
  path: Path;
  negotiation: Initiating | Authenticating | undefined;
  /** By our own SPI; the newest is the last. */
  readonly sessions: Map<IkeSpi, Session>;
  out: SiteOutput[];
};
