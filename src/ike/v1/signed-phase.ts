/** The phases of Main Mode with signatures (RFC 2409 §5.1): the fifth message says who calls. */

import type { CertificateHolder } from "../../crypto/signature.ts";
import type { Path } from "../../inet/endpoint.ts";
import type { Instant } from "../../octets/instant.ts";
import type { Vendor } from "../../wire/v1/vendor-id.ts";
import type { Credentials } from "../event.ts";
import type { Nat } from "../nat.ts";
import type { SaId } from "../sa-id.ts";
import type { Ticket } from "../ticket.ts";
import type { Reassembly } from "./fragments.ts";
import type { IsakmpKeys, Phase1Transcript } from "./keys.ts";
import type { ChosenIsakmp } from "./proposal.ts";
import type { Sent } from "./sent.ts";
import { contentOctets, type SignedContent } from "./signed-content.ts";

type Signed = {
  readonly version: 1;
  readonly id: SaId;
  readonly path: Path;
  readonly expireAt: Instant;
  readonly fragments?: Reassembly | undefined;
  readonly chosen: ChosenIsakmp;
  readonly vendors: ReadonlySet<Vendor>;
  /** Some eroute allows fragments: which one counts is not known yet. */
  readonly withFragments: boolean;
};

/** The second message has gone out: the third one brings the peer's public value. */
export type SignedAwaitingKe = Signed & {
  readonly phase: "signed-awaiting-ke";
  readonly SAi_b: Uint8Array;
  readonly last: Sent;
};

/** Our public value and the shared secret are being made. */
export type SignedExchanging = Signed & {
  readonly phase: "signed-exchanging";
  readonly ticket: Ticket;
  readonly SAi_b: Uint8Array;
  readonly digest: Uint8Array;
  readonly gxi: Uint8Array;
  readonly Ni: Uint8Array;
  readonly nat: Nat;
};

type Keyed = Signed & {
  readonly keys: IsakmpKeys;
  readonly SKEYID: Uint8Array;
  readonly transcript: Phase1Transcript;
  readonly nat: Nat;
};

/** The fourth message has gone out: the fifth one says and proves who the peer is. */
export type SignedAwaitingId = Keyed & {
  readonly phase: "signed-awaiting-id";
  readonly iv: Uint8Array;
  readonly last: Sent;
};

/** What the fifth message says. */
export type SignedProof = SignedContent & {
  readonly initialContact: boolean;
  /** SHA-256 of the message. */
  readonly digest: Uint8Array;
  /** The IV of the sixth message. */
  readonly iv: Uint8Array;
};

/** The site's row is being looked up. */
export type SignedAwaitingCredentials = Keyed & {
  readonly phase: "signed-awaiting-credentials";
  readonly ticket: Ticket;
  readonly proof: SignedProof;
};

/** Its signature and certificate are being verified. */
export type SignedVerifying = Keyed & {
  readonly phase: "signed-verifying";
  readonly ticket: Ticket;
  readonly proof: SignedProof;
  readonly credentials: Credentials;
};

/** Our signature is being made. */
export type SignedSigning = Keyed & {
  readonly phase: "signed-signing";
  readonly ticket: Ticket;
  readonly proof: SignedProof;
  readonly credentials: Credentials;
  readonly holder: CertificateHolder;
};

export type SignedPhase =
  | (SignedAwaitingKe | SignedExchanging | SignedAwaitingId)
  | (SignedAwaitingCredentials | SignedVerifying | SignedSigning);

/** Whether it is one of these phases. */
export function isSigned<T extends { readonly phase: string }>(
  sa: T,
): sa is T & { readonly phase: SignedPhase["phase"] } {
  return sa.phase.startsWith("signed-");
}

/** Memory of what the peer has sent, as far as it is stored. */
export function signedOctets(sa: SignedPhase): number {
  switch (sa.phase) {
    case "signed-awaiting-ke":
      return sa.SAi_b.length + sa.last.octets.length;
    case "signed-exchanging":
      return sa.SAi_b.length + sa.gxi.length;
    case "signed-awaiting-id":
      return sa.transcript.SAi_b.length + sa.last.octets.length;
    default:
      return contentOctets(sa.proof) + sa.transcript.SAi_b.length;
  }
}
