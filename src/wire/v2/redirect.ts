/** Data of the notifies REDIRECT and REDIRECTED_FROM (RFC 5685 §8.2, §8.3). */

import { addressFromOctets, addressOctets, formatAddress } from "../../inet/address.ts";
import { assert } from "../../octets/assert.ts";
import type { Malformed, Reader } from "../../octets/reader.ts";
import { decode } from "../../octets/reader.ts";
import type { Result } from "../../octets/result.ts";
import { Writer } from "../../octets/writer.ts";
import type { Gateway } from "../gateway.ts";

export type Redirect = {
  readonly gateway: Gateway;
  /** Ni of the IKE_SA_INIT that this answers; empty in every other message. */
  readonly nonce: Uint8Array;
};

/** GW Ident Type. */
const IPV4 = 1;
const IPV6 = 2;
const FQDN = 3;

// | GW Ident Type |  GW Ident Len |
// ~            New Responder GW Identity              ~
// ~                    Nonce Data                     ~

/** Reads the data of a REDIRECT or REDIRECTED_FROM. */
export function parseRedirect(data: Uint8Array): Result<Redirect, Malformed> {
  return decode(data, "REDIRECT", readRedirect);
}

/** The data of a REDIRECT; with an empty nonce also that of a REDIRECTED_FROM. */
export function emitRedirect({ gateway, nonce }: Redirect): Uint8Array {
  const { type, identity } = identityOf(gateway);
  assert(identity.length > 0 && identity.length <= 0xff, `a gateway of ${identity.length} octets`);
  const w = new Writer(2 + identity.length + nonce.length);
  return w.u8(type).u8(identity.length).octets(identity).octets(nonce).done();
}

function readRedirect(r: Reader): Redirect {
  const type = r.u8();
  const octets = r.u8();
  if (octets > r.left) r.fail(`GW Ident Len ${octets}, but ${r.left} octets are left`);
  const identity = r.octets(octets);
  return { gateway: gatewayOf(r, type, identity), nonce: r.rest() };
}

function gatewayOf(r: Reader, type: number, identity: Uint8Array): Gateway {
  const { length } = identity;
  if (type === FQDN) {
    const host = new TextDecoder("latin1").decode(identity);
    if (!/^[A-Za-z0-9.-]+$/.test(host)) r.fail("a gateway's name that is no host name");
    return { host, address: undefined };
  }
  const address = addressFromOctets(identity);
  if (address === undefined || address.family !== FAMILIES.get(type)) {
    r.fail(`GW Ident Type ${type} with an identity of ${length} octets`);
  }
  return { host: formatAddress(address), address };
}

const FAMILIES: ReadonlyMap<number, number> = new Map([
  [IPV4, 4],
  [IPV6, 6],
]);

function identityOf({ host, address }: Gateway) {
  if (address === undefined) return { type: FQDN, identity: new TextEncoder().encode(host) };
  return { type: address.family === 4 ? IPV4 : IPV6, identity: addressOctets(address) };
}
