/** Stateless cookies against floods of IKE_SA_INIT (RFC 7296 §2.6). */

import { sha256 } from "../crypto/hash.ts";
import { addressOctets } from "../inet/address.ts";
import type { Endpoint } from "../inet/endpoint.ts";
import { type Instant, later } from "../octets/instant.ts";
import { equalConstantTime } from "../octets/secret.ts";
import { Writer } from "../octets/writer.ts";
import type { IkeSpi } from "../wire/header.ts";

/** What a cookie is bound to. */
export type CookieInput = {
  readonly Ni: Uint8Array;
  readonly remote: Endpoint;
  readonly spiI: IkeSpi;
};

const SECRET_OCTETS = 32;
const SECRET_MS_MAX = 60_000;

/** Makes cookies and recognises its own, also those made with the secret before the current one. */
export class CookieJar {
  #current: Uint8Array;
  #previous: Uint8Array | undefined;
  #version = 0;
  #renewAt: Instant;
  readonly #random: (count: number) => Uint8Array;

  constructor(random: (count: number) => Uint8Array, now: Instant) {
    this.#random = random;
    this.#current = random(SECRET_OCTETS);
    this.#renewAt = later(now, SECRET_MS_MAX);
  }

  /** VersionIDofSecret | hash(Ni | IPi | SPIi | secret). */
  bake(input: CookieInput, now: Instant): Uint8Array {
    this.#renew(now);
    return cookieOf(input, this.#version, this.#current);
  }

  /** Whether we made `cookie` for this input, with the current secret or the one before. */
  knows(cookie: Uint8Array, input: CookieInput, now: Instant): boolean {
    this.#renew(now);
    const version = cookie[0];
    if (version === this.#version) {
      return equalConstantTime(cookie, cookieOf(input, version, this.#current));
    }
    if (this.#previous === undefined || version !== ((this.#version + 255) & 255)) return false;
    return equalConstantTime(cookie, cookieOf(input, version, this.#previous));
  }

  #renew(now: Instant): void {
    if (now < this.#renewAt) return;
    const stale = now >= later(this.#renewAt, SECRET_MS_MAX);
    this.#previous = stale ? undefined : this.#current;
    this.#current = this.#random(SECRET_OCTETS);
    this.#version = (this.#version + 1) & 255;
    this.#renewAt = later(now, SECRET_MS_MAX);
  }
}

function cookieOf(input: CookieInput, version: number, secret: Uint8Array): Uint8Array {
  const w = new Writer(64 + input.Ni.length).octets(input.Ni);
  w.octets(addressOctets(input.remote.address)).u64(input.spiI).octets(secret);
  return new Writer(33).u8(version).octets(sha256(w.done())).done();
}
