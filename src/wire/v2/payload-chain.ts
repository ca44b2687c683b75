/** Payloads one after another, each naming the type of the next (RFC 7296 §3.2, §2.5). */

import { never } from "../../octets/assert.ts";
import { attempt, type Malformed, Reader } from "../../octets/reader.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import type { Writer } from "../../octets/writer.ts";
import { emitPayloadHeader, parsePayloadHeader, patchPayloadLength } from "../payload-header.ts";
import { PAYLOADS_MAX, type Payload, PayloadType } from "./message.ts";
import { emitAuth, parseAuth } from "./payload/auth.ts";
import { emitCert, emitCertReq, parseCert, parseCertReq } from "./payload/cert.ts";
import { emitCp, parseCp } from "./payload/cp.ts";
import { emitDelete, parseDelete } from "./payload/delete.ts";
import { emitId, parseId } from "./payload/id.ts";
import { emitKe, parseKe } from "./payload/ke.ts";
import { emitNonce, parseNonce } from "./payload/nonce.ts";
import { emitNotify, parseNotify } from "./payload/notify.ts";
import { emitSa, parseSa } from "./payload/sa.ts";
import { emitTs, parseTs } from "./payload/ts.ts";
import { emitVendorId, parseVendorId } from "./payload/vendor-id.ts";

export type ParsedPayloads = { readonly payloads: readonly Payload[] };

/** A payload of unknown type that must not be skipped (§2.5). */
export type UnsupportedCritical = {
  readonly kind: "unsupported-critical";
  readonly payloadType: number;
};

export type ChainFault = Malformed | UnsupportedCritical;

/**
 * An Encrypted payload is always the last one; its "next" names the first payload inside (§3.14).
 */
export type EncryptedPayload = {
  readonly payloadType: typeof PayloadType.SK | typeof PayloadType.SKF;
  readonly firstInner: number;
};

/** Payloads up to the end of the chain, or up to an Encrypted payload, whose body is not read. */
export type Chain = ParsedPayloads & { readonly encrypted: EncryptedPayload | undefined };

/**
 * Reads a whole chain of payloads without an Encrypted payload: an unprotected message after its
 * header, or the content of an Encrypted payload. `first` is the type of the first payload, `where`
 * the name of this chain in faults, `from` where it begins.
 */
export function parsePayloads(
  first: number,
  octets: Uint8Array,
  where: string,
  from = 0,
): Result<ParsedPayloads, ChainFault> {
  const chain = attempt(new Reader(octets, where, from), readPlainChain, first);
  if (!chain.ok) return chain;
  return "kind" in chain.value ? err(chain.value) : ok({ payloads: chain.value.payloads });
}

function readPlainChain(r: Reader, first: number): Chain | UnsupportedCritical {
  const chain = readChain(r, first);
  if ("encrypted" in chain && chain.encrypted !== undefined) {
    const place = `payload ${chain.payloads.length + 1} is an Encrypted payload`;
    r.fail(`${place} (type ${chain.encrypted.payloadType}), which may not stand here`);
  }
  return chain;
}

/** Reads payloads from the position of `r`; for use under `decode`. */
export function readChain(r: Reader, first: number): Chain | UnsupportedCritical {
  const payloads: Payload[] = [];
  /** Types of which there is one already, once there are many payloads. */
  let seen: Set<number> | undefined;
  let type = first;
  while (type !== PayloadType.NONE) {
    const known = NAMES.get(type);
    const name = known ?? "payload of a type that is not known";
    const { nextPayload, critical, bodyOctets } = parsePayloadHeader(r, name);
    if (type === PayloadType.SK || type === PayloadType.SKF) {
      if (bodyOctets < r.left) r.fail(`${r.left - bodyOctets} octets after the ${name}`);
      return { payloads, encrypted: { payloadType: type, firstInner: nextPayload } };
    }
    // Critical is ignored in payloads that are understood (§2.5).
    if (known === undefined && critical) return { kind: "unsupported-critical", payloadType: type };
    if (payloads.length >= PAYLOADS_MAX) seen ??= new Set(payloads.map(payloadTypeOf));
    if (seen?.has(type) === true) r.skip(bodyOctets);
    else {
      seen?.add(type);
      payloads.push(readBody(type, r.sub(bodyOctets, name)));
    }
    type = nextPayload;
  }
  r.end();
  return { payloads, encrypted: undefined };
}

/** Its header says where the next payload begins, whatever is wrong with this one. */
function readBody(type: number, r: Reader): Payload {
  const parsed = attempt(r, parseBody, type);
  if (parsed.ok) return parsed.value;
  const { where, detail } = parsed.error;
  return { kind: "UNREADABLE", payloadType: type, data: r.whole(), fault: { where, detail } };
}

/**
 * Writes payloads in this order, each with its generic header; the last one says that none follows.
 */
export function emitPayloads(w: Writer, payloads: readonly Payload[]): void {
  for (let i = 0; i < payloads.length; i++) {
    const payload = payloads[i];
    if (payload === undefined) continue;
    const next = payloads[i + 1];
    const at = emitPayloadHeader(w, next === undefined ? PayloadType.NONE : payloadTypeOf(next));
    emitBody(w, payload);
    patchPayloadLength(w, at);
  }
}

/** What the header before a chain says: the type of its first payload, or NONE. */
export function firstPayloadType(payloads: readonly Payload[]): number {
  const first = payloads[0];
  return first === undefined ? PayloadType.NONE : payloadTypeOf(first);
}

/** The number of a payload's type. */
export function payloadTypeOf(payload: Payload): number {
  const isNumbered = payload.kind === "OPAQUE" || payload.kind === "UNREADABLE";
  return isNumbered ? payload.payloadType : PayloadType[payload.kind];
}

function parseBody(r: Reader, type: number): Payload {
  switch (type) {
    case PayloadType.SA:
      return parseSa(r);
    case PayloadType.KE:
      return parseKe(r);
    case PayloadType.IDi:
      return parseId(r, "IDi");
    case PayloadType.IDr:
      return parseId(r, "IDr");
    case PayloadType.CERT:
      return parseCert(r);
    case PayloadType.CERTREQ:
      return parseCertReq(r);
    case PayloadType.AUTH:
      return parseAuth(r);
    case PayloadType.NONCE:
      return parseNonce(r);
    case PayloadType.NOTIFY:
      return parseNotify(r);
    case PayloadType.DELETE:
      return parseDelete(r);
    case PayloadType.VENDOR:
      return parseVendorId(r);
    case PayloadType.TSi:
      return parseTs(r, "TSi");
    case PayloadType.TSr:
      return parseTs(r, "TSr");
    case PayloadType.CP:
      return parseCp(r);
    default:
      return { kind: "OPAQUE", payloadType: type, data: r.rest() };
  }
}

function emitBody(w: Writer, payload: Payload): void {
  switch (payload.kind) {
    case "SA":
      return emitSa(w, payload);
    case "KE":
      return emitKe(w, payload);
    case "IDi":
    case "IDr":
      return emitId(w, payload);
    case "CERT":
      return emitCert(w, payload);
    case "CERTREQ":
      return emitCertReq(w, payload);
    case "AUTH":
      return emitAuth(w, payload);
    case "NONCE":
      return emitNonce(w, payload);
    case "NOTIFY":
      return emitNotify(w, payload);
    case "DELETE":
      return emitDelete(w, payload);
    case "VENDOR":
      return emitVendorId(w, payload);
    case "TSi":
    case "TSr":
      return emitTs(w, payload);
    case "CP":
      return emitCp(w, payload);
    case "OPAQUE":
    case "UNREADABLE":
      w.octets(payload.data);
      return;
    default:
      never(payload);
  }
}

/** The payloads that are understood, some only by their number, and their names in faults. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [PayloadType.SA, "SA payload"],
  [PayloadType.KE, "KE payload"],
  [PayloadType.IDi, "IDi payload"],
  [PayloadType.IDr, "IDr payload"],
  [PayloadType.CERT, "CERT payload"],
  [PayloadType.CERTREQ, "CERTREQ payload"],
  [PayloadType.AUTH, "AUTH payload"],
  [PayloadType.NONCE, "Nonce payload"],
  [PayloadType.NOTIFY, "Notify payload"],
  [PayloadType.DELETE, "Delete payload"],
  [PayloadType.VENDOR, "Vendor ID payload"],
  [PayloadType.TSi, "TSi payload"],
  [PayloadType.TSr, "TSr payload"],
  [PayloadType.SK, "Encrypted payload"],
  [PayloadType.CP, "Configuration payload"],
  [PayloadType.EAP, "EAP payload"],
  [PayloadType.SKF, "Encrypted Fragment payload"],
]);
