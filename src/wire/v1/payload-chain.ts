/** Payloads one after another, each naming the type of the next (RFC 2408 §3.2). */

import { never } from "../../octets/assert.ts";
import { attempt, type Malformed, Reader } from "../../octets/reader.ts";
import type { Result } from "../../octets/result.ts";
import { Writer } from "../../octets/writer.ts";
import { IKE_HEADER_OCTETS, patchHeaderLength } from "../header.ts";
import { emitPayloadHeader, parsePayloadHeader, patchPayloadLength } from "../payload-header.ts";
import { emitIsakmpHeader, type IsakmpHeader } from "./header.ts";
import {
  PAYLOADS_MAX,
  type Payload,
  PayloadType,
  type Received,
  type ReceivedPayloads,
} from "./message.ts";
import { emitAttributePayload, parseAttributePayload } from "./payload/attribute.ts";
import { emitFragment, parseFragment } from "./payload/fragment.ts";
import { emitId, parseId } from "./payload/id.ts";
import { emitNatOa, parseNatOa } from "./payload/nat-oa.ts";
import { emitDelete, emitNotify, parseDelete, parseNotify } from "./payload/notify.ts";
import { emitSa, parseSa } from "./payload/sa.ts";

/**
 * Reads the payloads of a message's decrypted content, or of a whole message `from` the end of its
 * header. `first` is the type of the first payload, `where` the name of this chain in faults.
 * Whatever follows the last payload is padding, of which senders put any amount.
 */
export function parsePayloads(
  first: number,
  octets: Uint8Array,
  where: string,
  from = 0,
): Result<ReceivedPayloads, Malformed> {
  return attempt(new Reader(octets, where, from), readChain, first);
}

function readChain(r: Reader, first: number): ReceivedPayloads {
  const payloads: Received[] = [];
  const seen = new Set<number>();
  let afterFirst = 0;
  let type = first;
  while (type !== PayloadType.NONE) {
    const name = NAMES.get(type) ?? `payload of type ${type}`;
    const { nextPayload, bodyOctets } = parsePayloadHeader(r, name);
    if (payloads.length < PAYLOADS_MAX || !seen.has(type)) {
      seen.add(type);
      payloads.push(readBody(type, r.sub(bodyOctets, name)));
    } else r.skip(bodyOctets);
    if (afterFirst === 0) afterFirst = r.at;
    type = nextPayload;
  }
  return { payloads, afterFirst: r.since(afterFirst), trailing: r.left };
}

/** Its header says where the next payload begins, whatever is wrong with this one. */
function readBody(type: number, r: Reader): Received {
  const body = r.whole();
  const parsed = attempt(r, (inner) => parseBody(type, inner, body), undefined);
  if (parsed.ok) return { ...parsed.value, body };
  const { where, detail } = parsed.error;
  return { kind: "UNREADABLE", payloadType: type, data: body, body, fault: { where, detail } };
}

/** A whole message without encryption. */
export function emitMessage(header: IsakmpHeader, payloads: readonly Payload[]): Uint8Array {
  const w = new Writer(MESSAGE_OCTETS);
  emitIsakmpHeader(w, header, firstPayloadType(payloads));
  emitPayloads(w, payloads);
  patchHeaderLength(w);
  return w.done();
}

/** A whole message whose payloads, the first of type `nextPayload`, have been encrypted. */
export function emitEncrypted(
  header: IsakmpHeader,
  nextPayload: number,
  ciphertext: Uint8Array,
): Uint8Array {
  const w = new Writer(IKE_HEADER_OCTETS + ciphertext.length);
  emitIsakmpHeader(w, header, nextPayload);
  w.octets(ciphertext);
  patchHeaderLength(w);
  return w.done();
}

/** Payloads alone: what is hashed and encrypted. */
export function emitPayloadOctets(payloads: readonly Payload[]): Uint8Array {
  const w = new Writer();
  emitPayloads(w, payloads);
  return w.done();
}

/** The body of one payload, without its generic header: SAi_b, IDii_b. */
export function emitPayloadBody(payload: Payload): Uint8Array {
  const w = new Writer(BODY_OCTETS);
  emitBody(w, payload);
  return w.done();
}

/** What the header before a chain says: the type of its first payload, or NONE. */
export function firstPayloadType(payloads: readonly Payload[]): number {
  const [first] = payloads;
  return first === undefined ? PayloadType.NONE : payloadTypeOf(first);
}

/** The number of a payload's type. */
function payloadTypeOf(payload: Payload): number {
  const isNumbered = payload.kind === "OPAQUE" || payload.kind === "UNREADABLE";
  return isNumbered ? payload.payloadType : PayloadType[payload.kind];
}

function emitPayloads(w: Writer, payloads: readonly Payload[]): void {
  for (const [i, payload] of payloads.entries()) {
    const next = payloads[i + 1];
    const at = emitPayloadHeader(w, next === undefined ? PayloadType.NONE : payloadTypeOf(next));
    emitBody(w, payload);
    patchPayloadLength(w, at);
  }
}

function parseBody(type: number, r: Reader, body: Uint8Array): Payload {
  switch (type) {
    case PayloadType.SA:
      return parseSa(r);
    case PayloadType.ID:
      return parseId(r);
    case PayloadType.CERT:
      return { kind: "CERT", encoding: r.u8(), data: r.rest() };
    case PayloadType.CERTREQ:
      return { kind: "CERTREQ", encoding: r.u8(), data: r.rest() };
    case PayloadType.NONCE:
      return parseNonce(r, body);
    case PayloadType.NOTIFY:
      return parseNotify(r);
    case PayloadType.DELETE:
      return parseDelete(r);
    case PayloadType.ATTRIBUTE:
      return parseAttributePayload(r);
    case PayloadType.NAT_OA:
      return parseNatOa(r, "NAT_OA");
    case PayloadType.NAT_OA_DRAFT:
      return parseNatOa(r, "NAT_OA_DRAFT");
    case PayloadType.FRAGMENT:
      return parseFragment(r);
    default:
      return parseData(type, body);
  }
}

/** RFC 2409 §5. */
function parseNonce(r: Reader, data: Uint8Array): Payload {
  if (r.left < NONCE_OCTETS_MIN || r.left > NONCE_OCTETS_MAX) {
    r.fail(`Nonce Data has ${r.left} octets, needs ${NONCE_OCTETS_MIN} to ${NONCE_OCTETS_MAX}`);
  }
  return { kind: "NONCE", data };
}

function parseData(type: number, data: Uint8Array): Payload {
  switch (type) {
    case PayloadType.KE:
      return { kind: "KE", data };
    case PayloadType.HASH:
      return { kind: "HASH", data };
    case PayloadType.SIG:
      return { kind: "SIG", data };
    case PayloadType.VENDOR:
      return { kind: "VENDOR", data };
    case PayloadType.NAT_D:
      return { kind: "NAT_D", data };
    case PayloadType.NAT_D_DRAFT:
      return { kind: "NAT_D_DRAFT", data };
    default:
      return { kind: "OPAQUE", payloadType: type, data };
  }
}

function emitBody(w: Writer, payload: Payload): void {
  switch (payload.kind) {
    case "SA":
      return emitSa(w, payload);
    case "ID":
      return emitId(w, payload);
    case "CERT":
    case "CERTREQ":
      w.u8(payload.encoding).octets(payload.data);
      return;
    case "NOTIFY":
      return emitNotify(w, payload);
    case "DELETE":
      return emitDelete(w, payload);
    case "ATTRIBUTE":
      return emitAttributePayload(w, payload);
    case "NAT_OA":
    case "NAT_OA_DRAFT":
      return emitNatOa(w, payload);
    case "FRAGMENT":
      return emitFragment(w, payload);
    case "KE":
    case "HASH":
    case "SIG":
    case "NONCE":
    case "VENDOR":
    case "NAT_D":
    case "NAT_D_DRAFT":
    case "OPAQUE":
    case "UNREADABLE":
      w.octets(payload.data);
      return;
    default:
      never(payload);
  }
}

/** Room for a message of Phase 1 with MODP-2048, NAT detection and vendor IDs. */
const MESSAGE_OCTETS = 1_000;
/** Room for an identity. */
const BODY_OCTETS = 64;
const NONCE_OCTETS_MIN = 8;
const NONCE_OCTETS_MAX = 256;

/** The payloads that are understood, and their names in faults. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [PayloadType.SA, "SA payload"],
  [PayloadType.KE, "KE payload"],
  [PayloadType.ID, "ID payload"],
  [PayloadType.CERT, "CERT payload"],
  [PayloadType.CERTREQ, "CERT_REQ payload"],
  [PayloadType.HASH, "HASH payload"],
  [PayloadType.SIG, "SIG payload"],
  [PayloadType.NONCE, "NONCE payload"],
  [PayloadType.NOTIFY, "Notification payload"],
  [PayloadType.DELETE, "Delete payload"],
  [PayloadType.VENDOR, "Vendor ID payload"],
  [PayloadType.ATTRIBUTE, "Attribute payload"],
  [PayloadType.NAT_D, "NAT-D payload"],
  [PayloadType.NAT_OA, "NAT-OA payload"],
  [PayloadType.NAT_D_DRAFT, "NAT-D payload of the draft"],
  [PayloadType.NAT_OA_DRAFT, "NAT-OA payload of the draft"],
  [PayloadType.FRAGMENT, "Fragment payload"],
]);
