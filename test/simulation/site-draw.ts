/** What a site draws at random, computes from it, and sends. */

import { privateOctets } from "../../src/crypto/key-exchange.ts";
import { later } from "../../src/octets/instant.ts";
import { asIkeSpi, type IkeSpi } from "../../src/wire/header.ts";
import { numberOfSpi } from "./site-messages.ts";
import type { Flight, OwnKey, Site } from "./site-state.ts";

/** First wait for an answer. */
export const RETRANSMIT_MS_FIRST = 1_000;

export const NONCE_OCTETS = 32;

/** A fresh private value. */
export function drawKey(site: Site, method: number): OwnKey {
  return { method, random: site.sources.random(privateOctets(method)) };
}

/** Our public value for a private one. */
export function publicOf(site: Site, own: OwnKey): Uint8Array {
  const { method, random } = own;
  const result = site.sources.keyExchange({ op: "offer", method, random: random.slice() });
  return result.ok ? result.value.publicValue : new Uint8Array(0);
}

/** The shared secret; undefined if the other end's public value is invalid. */
export function secretOf(site: Site, own: OwnKey, peerPublic: Uint8Array): Uint8Array | undefined {
  const { method, random } = own;
  const op = { op: "derive", method, random: random.slice(), peerPublic } as const;
  const result = site.sources.keyExchange(op);
  return result.ok ? result.value.sharedSecret : undefined;
}

export function drawIkeSpi(site: Site): IkeSpi {
  const octets = site.sources.random(8);
  return asIkeSpi(new DataView(octets.buffer, octets.byteOffset, 8).getBigUint64(0) | 1n);
}

const ESP_SPI_MIN = 0x1000;

/** An inbound SPI above the reserved ones. */
export function drawEspSpi(site: Site): number {
  return Math.max(numberOfSpi(site.sources.random(4)), ESP_SPI_MIN);
}

/** Sends octets on the path that the site uses at present. */
export function send(site: Site, octets: Uint8Array): void {
  site.out.push({ kind: "send", octets, path: site.path });
}

/** Sends a request, which is repeated until it is answered. */
export function launch<P>(
  site: Site,
  messageId: number,
  octets: Uint8Array,
  pending: P,
): Flight<P> {
  send(site, octets);
  const retransmitAt = later(site.now, RETRANSMIT_MS_FIRST);
  return { messageId, octets, pending, attempts: 1, retransmitAt };
}
