/** Key exchange methods by IKE number: public values and shared secrets (RFC 7296 §2.12, §3.4). */

import { assert, never } from "../octets/assert.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { ECP_256, ECP_384, ECP_521, type EcpGroup, ecpPrivateValue } from "./ecp.ts";
import {
  decapsulate,
  encapsulate,
  encapsulationKey,
  isEncapsulationKey,
  ML_KEM_512,
  ML_KEM_768,
  ML_KEM_1024,
  ML_KEM_PRIVATE_OCTETS,
  ML_KEM_SECRET_OCTETS,
  type MlKem,
} from "./ml-kem.ts";
import {
  MODP_1024,
  MODP_1536,
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
  /**
   * Own public value and, with the peer's, the shared secret: all of the responder's part. With
   * ML-KEM its own public value is a ciphertext, which depends on the peer's.
   */
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
  readonly kind: "x25519" | "ecp" | "modp" | "ml-kem";
  /** Of the initiator's public value. */
  readonly publicOctets: number;
  /** Of the responder's: with Diffie-Hellman as many. */
  readonly answerOctets: number;
  readonly secretOctets: number;
};

type Method = KeyExchange & {
  readonly privateOctets: number;
  /** Too slow for the thread that answers all sites: takes milliseconds, not microseconds. */
  readonly isSlow: boolean;
  prepare(): void;
  /** The peer's public value has the right length. The error says what is wrong with it. */
  perform(request: KeyExchangeRequest): Result<KeyExchangeAnswer, string>;
};

const ML_KEMS: ReadonlyMap<number, MlKem> = new Map([
  [Ke.ML_KEM_512, ML_KEM_512],
  [Ke.ML_KEM_768, ML_KEM_768],
  [Ke.ML_KEM_1024, ML_KEM_1024],
]);

const METHODS: ReadonlyMap<number, Method> = new Map(
  [
    x25519Method(Ke.X25519),
    ecpMethod(Ke.ECP_256, ECP_256, { isSlow: false }),
    ecpMethod(Ke.ECP_384, ECP_384, { isSlow: true }),
    ecpMethod(Ke.ECP_521, ECP_521, { isSlow: true }),
    modpMethod(Ke.MODP_1024, MODP_1024),
    modpMethod(Ke.MODP_1536, MODP_1536),
    modpMethod(Ke.MODP_2048, MODP_2048),
    modpMethod(Ke.MODP_3072, MODP_3072),
    modpMethod(Ke.MODP_4096, MODP_4096),
    ...[...ML_KEMS].map(([id, kem]) => mlKemMethod(id, kem)),
  ].map((method) => [method.id, method]),
);

const NOT_REDUCED = "has a coefficient that is not below the modulus";

/** The method of an IKE transform number; undefined if it is not built in. */
export function keyExchangeFor(id: number): KeyExchange | undefined {
  return METHODS.get(id);
}

/** How many random octets make a private value of this method, which has to be built in. */
export function privateOctets(method: number): number {
  const found = METHODS.get(method);
  assert(found !== undefined, "a key exchange method that is not built in", method);
  return found.privateOctets;
}

/**
 * Whether it needs a thread of its own: the MODP groups, whose first use blocks for up to seconds,
 * ECP-384 and ECP-521, which take one to several milliseconds each time, and ML-KEM, which takes up
 * to two.
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
  if (length !== method.privateOctets) assert(false, `${method.name}: ${length} random octets`);
  const wrong = wrongLength(method, request);
  if (wrong !== undefined) return invalidPublic(method, wrong);
  try {
    const result = method.perform(request);
    return result.ok ? result : invalidPublic(method, result.error);
  } catch (cause) {
    return fault("internal", `${method.name}: ${cause instanceof Error ? cause.message : "?"}`);
  }
}

/**
 * Why the peer's public value of an ML-KEM exchange is refused: its length, or a key that is not
 * reduced (FIPS 203 §7.2, §7.3). Undefined: nothing is wrong with it. For other implementations of
 * the same method, so that a peer gets the same answer from each.
 */
export function mlKemFault(request: KeyExchangeRequest): KeyExchangeResult | undefined {
  const kem = ML_KEMS.get(request.method);
  const method = METHODS.get(request.method);
  assert(kem !== undefined && method !== undefined, `${request.method} is not ML-KEM`);
  const wrong = wrongLength(method, request);
  if (wrong !== undefined) return invalidPublic(method, wrong);
  if (request.op !== "respond" || isEncapsulationKey(kem, request.peerPublic)) return undefined;
  return invalidPublic(method, NOT_REDUCED);
}

function wrongLength(method: Method, request: KeyExchangeRequest): string | undefined {
  if (request.op === "offer") return undefined;
  const needed = request.op === "respond" ? method.publicOctets : method.answerOctets;
  const { length } = request.peerPublic;
  return length === needed ? undefined : `has ${length} octets, needs ${needed}`;
}

/** Diffie-Hellman: both ends do the same. */
function exchangeWith(
  request: KeyExchangeRequest,
  own: PrivateValue,
): Result<KeyExchangeAnswer, string> {
  const shared =
    request.op === "offer" ? ok(new Uint8Array(0)) : own.sharedSecret(request.peerPublic);
  const publicValue = request.op === "derive" || !shared.ok ? new Uint8Array(0) : own.publicValue();
  own.wipe();
  return shared.ok ? ok({ publicValue, sharedSecret: shared.value }) : shared;
}

function exchangeByMlKem(
  request: KeyExchangeRequest,
  kem: MlKem,
): Result<KeyExchangeAnswer, string> {
  const { op, random } = request;
  const none = new Uint8Array(0);
  switch (op) {
    case "offer":
      return ok({ publicValue: encapsulationKey(kem, random), sharedSecret: none });
    case "derive": {
      const sharedSecret = decapsulate(kem, request.peerPublic, random);
      return ok({ publicValue: none, sharedSecret });
    }
    case "respond": {
      if (!isEncapsulationKey(kem, request.peerPublic)) return err(NOT_REDUCED);
      const { ciphertext, secret } = encapsulate(kem, request.peerPublic, random);
      return ok({ publicValue: ciphertext, sharedSecret: secret });
    }
    default:
      return never(op);
  }
}

function invalidPublic({ name }: KeyExchange, what: string): KeyExchangeResult {
  return fault("invalid-public", `${name}: the peer's public value ${what}`);
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
    answerOctets: 32,
    secretOctets: 32,
    isSlow: false,
    privateOctets: X25519_PRIVATE_OCTETS,
    prepare: () => {},
    perform: (request) => exchangeWith(request, x25519PrivateValue(request.random)),
  };
}

function ecpMethod(id: number, group: EcpGroup, { isSlow }: { isSlow: boolean }): Method {
  return {
    id,
    name: transformName(TransformType.KE, id, undefined),
    kind: "ecp",
    // X | Y, and X of the shared point (RFC 5903 §7).
    publicOctets: 2 * group.coordinateOctets,
    answerOctets: 2 * group.coordinateOctets,
    secretOctets: group.coordinateOctets,
    isSlow,
    privateOctets: group.privateOctets,
    prepare: () => {},
    perform: (request) => exchangeWith(request, ecpPrivateValue(group, request.random)),
  };
}

function modpMethod(id: number, group: ModpGroup): Method {
  return {
    id,
    name: transformName(TransformType.KE, id, undefined),
    kind: "modp",
    publicOctets: group.bits / 8,
    answerOctets: group.bits / 8,
    secretOctets: group.bits / 8,
    isSlow: true,
    privateOctets: group.privateOctets,
    prepare: () => prepareModpGroup(group),
    perform: (request) => exchangeWith(request, modpPrivateValue(group, request.random)),
  };
}

function mlKemMethod(id: number, kem: MlKem): Method {
  return {
    id,
    name: transformName(TransformType.KE, id, undefined),
    kind: "ml-kem",
    publicOctets: kem.keyOctets,
    answerOctets: kem.ciphertextOctets,
    secretOctets: ML_KEM_SECRET_OCTETS,
    isSlow: true,
    privateOctets: ML_KEM_PRIVATE_OCTETS,
    prepare: () => {},
    perform: (request) => exchangeByMlKem(request, kem),
  };
}
