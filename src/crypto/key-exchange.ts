/** Key exchange methods by IKE number: public values and shared secrets (RFC 7296 §2.12, §3.4). */

import { assert } from "../octets/assert.ts";
import { err, ok } from "../octets/result.ts";
import { ECP_256, ECP_384, ECP_521, type EcpGroup, ecpPrivateValue } from "./ecp.ts";
import {
  MODP_2048,
  MODP_3072,
  MODP_4096,
  type ModpGroup,
  modpPrivateValue,
  prepareModpGroup,
} from "./modp.ts";
import { transformName } from "./names.ts";
import type { PrivateValue } from "./private-value.ts";
import { Ke, TransformType } from "./transform.ts";
import { X25519_PRIVATE_OCTETS, x25519PrivateValue } from "./x25519.ts";

/**
 * One step of a key exchange. `random` are private octets of {@link privateOctets} length, from
 * the injected source: the same octets give the same private value, so a run replays.
 */
export type KeyExchangeRequest =
  /** Own public value and, with the peer's, the shared secret: all of the responder's part. */
  | {
      readonly op: "respond";
      readonly method: number;
      readonly random: Uint8Array;
      readonly peerPublic: Uint8Array;
    }
  /** Own public value only: the first part of the initiator. */
  | { readonly op: "offer"; readonly method: number; readonly random: Uint8Array }
  /** The shared secret that belongs to the result of `offer`: the second part of the initiator. */
  | {
      readonly op: "derive";
      readonly method: number;
      readonly random: Uint8Array;
      readonly peerPublic: Uint8Array;
    };

/** `publicValue` is empty for `derive`, `sharedSecret` for `offer`. Padded as in RFC 7296 §2.14. */
export type KeyExchangeAnswer = {
  readonly publicValue: Uint8Array;
  readonly sharedSecret: Uint8Array;
};

export type KeyExchangeFault = {
  /** `invalid-public`: the peer's value has a wrong length or is not allowed (RFC 6989). */
  readonly kind: "invalid-public" | "unsupported" | "overloaded" | "internal";
  readonly detail: string;
};

export type KeyExchangeResult =
  | { readonly ok: true; readonly value: KeyExchangeAnswer }
  | { readonly ok: false; readonly error: KeyExchangeFault };

/** A method and the lengths of what it exchanges. */
export type KeyExchange = {
  readonly id: number;
  /** `X25519`, `ECP_256`, `MODP_2048`. */
  readonly name: string;
  readonly kind: "x25519" | "ecp" | "modp";
  readonly publicOctets: number;
  readonly secretOctets: number;
};

type Method = KeyExchange & {
  readonly privateOctets: number;
  /** Too slow for the thread that answers all sites: takes milliseconds, not microseconds. */
  readonly isSlow: boolean;
  prepare(): void;
  privateValue(random: Uint8Array): PrivateValue;
};

const METHODS: ReadonlyMap<number, Method> = new Map(
  [
    x25519Method(Ke.X25519),
    ecpMethod(Ke.ECP_256, ECP_256, { isSlow: false }),
    ecpMethod(Ke.ECP_384, ECP_384, { isSlow: true }),
    ecpMethod(Ke.ECP_521, ECP_521, { isSlow: true }),
    modpMethod(Ke.MODP_2048, MODP_2048),
    modpMethod(Ke.MODP_3072, MODP_3072),
    modpMethod(Ke.MODP_4096, MODP_4096),
  ].map((method) => [method.id, method]),
);

/** The method of an IKE transform number; undefined if it is not built in. */
export function keyExchangeFor(id: number): KeyExchange | undefined {
  return METHODS.get(id);
}

/** How many random octets make a private value of this method, which has to be built in. */
export function privateOctets(method: number): number {
  const found = METHODS.get(method);
  assert(found !== undefined, `key exchange method ${method} is not built in`);
  return found.privateOctets;
}

/**
 * Whether it needs a thread of its own: the MODP groups, whose first use blocks for up to seconds,
 * and ECP-384 and ECP-521, which take one to several milliseconds each time.
 */
export function isSlowKeyExchange(method: number): boolean {
  return METHODS.get(method)?.isSlow ?? false;
}

/**
 * Prepares a method in this thread, so that no request has to wait for it: MODP groups block for
 * half a second to several seconds the first time, other methods cost nothing.
 */
export function prepareKeyExchange(method: number): void {
  METHODS.get(method)?.prepare();
}

/** Carries out one step. Nothing that the peer sends makes it throw; `random` is left unchanged. */
export function performKeyExchange(request: KeyExchangeRequest): KeyExchangeResult {
  const method = METHODS.get(request.method);
  if (method === undefined) {
    return fault("unsupported", `key exchange method ${request.method} is not built in`);
  }
  const { length } = request.random;
  assert(length === method.privateOctets, `${method.name}: ${length} random octets`);
  if (request.op !== "offer" && request.peerPublic.length !== method.publicOctets) {
    const octets = request.peerPublic.length;
    return invalidPublic(method, `has ${octets} octets, needs ${method.publicOctets}`);
  }
  try {
    const own = method.privateValue(request.random);
    const result = perform(request, method, own);
    own.wipe();
    return result;
  } catch (cause) {
    return fault("internal", `${method.name}: ${cause instanceof Error ? cause.message : "?"}`);
  }
}

function perform(
  request: KeyExchangeRequest,
  method: Method,
  own: PrivateValue,
): KeyExchangeResult {
  const sharedSecret =
    request.op === "offer" ? ok(new Uint8Array(0)) : own.sharedSecret(request.peerPublic);
  if (!sharedSecret.ok) return invalidPublic(method, sharedSecret.error);
  const publicValue = request.op === "derive" ? new Uint8Array(0) : own.publicValue();
  return ok({ publicValue, sharedSecret: sharedSecret.value });
}

function invalidPublic(method: Method, what: string): KeyExchangeResult {
  return fault("invalid-public", `${method.name}: the peer's public value ${what}`);
}

function fault(kind: KeyExchangeFault["kind"], detail: string): KeyExchangeResult {
  return err({ kind, detail });
}

function x25519Method(id: number): Method {
  return {
    id,
    name: transformName(TransformType.KE, id, undefined),
    kind: "x25519",
    publicOctets: 32,
    secretOctets: 32,
    isSlow: false,
    privateOctets: X25519_PRIVATE_OCTETS,
    prepare: () => {},
    privateValue: x25519PrivateValue,
  };
}

function ecpMethod(id: number, group: EcpGroup, { isSlow }: { isSlow: boolean }): Method {
  return {
    id,
    name: transformName(TransformType.KE, id, undefined),
    kind: "ecp",
    // X | Y, and X of the shared point (RFC 5903 §7).
    publicOctets: 2 * group.coordinateOctets,
    secretOctets: group.coordinateOctets,
    isSlow,
    privateOctets: group.privateOctets,
    prepare: () => {},
    privateValue: (random) => ecpPrivateValue(group, random),
  };
}

function modpMethod(id: number, group: ModpGroup): Method {
  return {
    id,
    name: transformName(TransformType.KE, id, undefined),
    kind: "modp",
    publicOctets: group.bits / 8,
    secretOctets: group.bits / 8,
    isSlow: true,
    privateOctets: group.privateOctets,
    prepare: () => prepareModpGroup(group),
    privateValue: (random) => modpPrivateValue(group, random),
  };
}
