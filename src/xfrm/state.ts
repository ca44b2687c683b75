/** An XFRM state: one direction of a Child SA as the kernel holds it (linux/xfrm.h). */

import type { Address } from "../inet/address.ts";
import type { Endpoint } from "../inet/endpoint.ts";
import type { EspSpi } from "../inet/esp-spi.ts";
import type { XfrmSelector } from "./selector.ts";

/** The kernel's name of an algorithm (`rfc4106(gcm(aes))`, `hmac(sha256)`) and its key. */
export type XfrmAead = {
  readonly name: string;
  /** Key followed by its salt. */
  readonly key: Uint8Array;
  readonly icvBits: number;
};
export type XfrmCrypt = { readonly name: string; readonly key: Uint8Array };
export type XfrmAuth = {
  readonly name: string;
  readonly key: Uint8Array;
  readonly truncBits: number;
};

export type XfrmProtection =
  | { readonly kind: "aead"; readonly aead: XfrmAead }
  | { readonly kind: "crypt-auth"; readonly crypt: XfrmCrypt; readonly auth: XfrmAuth };

/** Limits: undefined means no limit. Seconds count from installation. */
export type XfrmLifetime = {
  readonly softSeconds: number | undefined;
  readonly hardSeconds: number | undefined;
  readonly softOctets: bigint | undefined;
  readonly hardOctets: bigint | undefined;
  readonly softPackets: bigint | undefined;
  readonly hardPackets: bigint | undefined;
};

/** What identifies a state in the kernel's table. */
export type XfrmStateId = {
  readonly src: Address;
  readonly dst: Address;
  readonly spi: EspSpi;
};

/** Packets with (mark & `mask`) = `value` only (struct xfrm_mark). */
export type XfrmMark = { readonly value: number; readonly mask: number };

/** What is copied between the inner and the outer header in tunnel mode. */
export type XfrmOuterHeader = {
  /** Inner DSCP copied to the outer header. */
  readonly copyDscp: boolean;
  /** ECN passed through in both directions (RFC 6040). */
  readonly ecn: boolean;
  /** Outer DF copied from the inner one; otherwise never set. */
  readonly pathMtuDiscovery: boolean;
};

export type XfrmState = {
  readonly id: XfrmStateId;
  readonly direction: "in" | "out";
  readonly reqid: number;
  readonly mode: "tunnel" | "transport";
  readonly protection: XfrmProtection;
  /** UDP encapsulation (RFC 3948): source and destination port of the outer UDP header. */
  readonly encapsulation: { readonly srcPort: number; readonly dstPort: number } | undefined;
  /** Packets; 0 turns the check off. Above 32 the kernel's extended (ESN) form is used. */
  readonly replayWindow: number;
  readonly esn: boolean;
  readonly outerHeader: XfrmOuterHeader;
  readonly lifetime: XfrmLifetime;
  /** Inner traffic that is allowed: undefined is any. */
  readonly selector: XfrmSelector | undefined;
  readonly mark: XfrmMark | undefined;
  readonly ifId: number | undefined;
};

/** The kernel's counters of a state. */
export type XfrmStateUse = {
  readonly id: XfrmStateId;
  readonly reqid: number;
  readonly octets: bigint;
  readonly packets: bigint;
  /** Wall-clock seconds since 1970; undefined if never used. */
  readonly lastUsedSeconds: number | undefined;
  readonly replayErrors: number;
  readonly integrityErrors: number;
  readonly encapsulation: { readonly srcPort: number; readonly dstPort: number } | undefined;
};

/** A peer whose encapsulated packets come from a new address or port (XFRM_MSG_MAPPING). */
export type XfrmMapping = {
  readonly id: XfrmStateId;
  readonly reqid: number;
  readonly from: Endpoint;
};
