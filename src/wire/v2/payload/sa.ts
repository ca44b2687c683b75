/** The Security Association payload: proposals, transforms, attributes (RFC 7296 §3.3). */

import { assert } from "../../../octets/assert.ts";
import { Reader } from "../../../octets/reader.ts";
import type { Writer } from "../../../octets/writer.ts";
import { createKnownTransforms } from "../../known-transforms.ts";
import {
  checkLastTransform,
  emitSubstructure,
  PROPOSAL,
  parseSubstructure,
  patchSubstructureLength,
  TRANSFORM,
} from "../../substructure.ts";
import {
  type Proposal,
  Protocol,
  type SaPayload,
  type Transform,
  type UnknownAttributes,
} from "../message.ts";

/** A proposal's number is one octet (§3.3.1), so there are no more of them. */
export const PROPOSALS_MAX = 255;
/** In all proposals together; a proposal that begins below the limit is read to its end. */
const TRANSFORMS_MAX = 1_024;

/**
 * Reads an SA payload, which has at least one proposal. Nothing is chosen or judged here. Whatever
 * exceeds {@link PROPOSALS_MAX} or {@link TRANSFORMS_MAX} is skipped: it will not be chosen.
 */
export function parseSa(r: Reader): SaPayload {
  const proposals: Proposal[] = [];
  let transforms = 0;
  let more = true;
  while (more) {
    const ordinal = proposals.length + 1;
    if (ordinal > PROPOSALS_MAX || transforms >= TRANSFORMS_MAX) {
      r.skip(r.left);
      break;
    }
    const substructure = parseSubstructure(r, `proposal ${ordinal}`, PROPOSAL);
    const proposal = parseProposal(substructure.body);
    proposals.push(proposal);
    transforms += proposal.transforms.length;
    more = substructure.more;
  }
  r.end();
  return { kind: "SA", proposals };
}

/** Writes the body of an SA payload. The only attribute that it writes is Key Length. */
export function emitSa(w: Writer, payload: SaPayload): void {
  const { proposals } = payload;
  for (const [i, proposal] of proposals.entries()) {
    const at = emitSubstructure(w, PROPOSAL, i + 1 < proposals.length);
    emitProposal(w, proposal);
    patchSubstructureLength(w, at);
  }
}

/** Octets of the body that {@link emitSa} writes. */
export function saLength(payload: SaPayload): number {
  let octets = 0;
  for (const { spi, transforms } of payload.proposals) {
    octets += PROPOSAL.octetsMin + spi.length;
    for (const { keyBits } of transforms) {
      octets += TRANSFORM.octetsMin + (keyBits === undefined ? 0 : KEY_LENGTH_OCTETS);
    }
  }
  return octets;
}

// | Last Substruc |   RESERVED    |         Proposal Length       |
// | Proposal Num  |  Protocol ID  |    SPI Size   |Num  Transforms|
// ~                        SPI (variable)                         ~
// ~                        <Transforms>                           ~

function parseProposal(r: Reader): Proposal {
  const number = r.u8();
  const protocol = r.u8();
  const spiOctets = r.u8();
  const count = r.u8();
  if (!isSpiSize(protocol, spiOctets)) {
    r.fail(
      `SPI Size ${spiOctets} for protocol ${protocol}, needs ${SPI_SIZES[protocol]?.join(" or ")}`,
    );
  }
  if (spiOctets > r.left) r.fail(`SPI Size ${spiOctets}, but ${r.left} octets are left`);
  const spi = r.octets(spiOctets);
  const octets = r.rest();
  const transforms = transformsOf(octets, count, () => {
    return parseTransforms(new Reader(octets, r.where), count);
  });
  return { number, protocol, spi, transforms };
}

const transformsOf = createKnownTransforms<Transform>();

function parseTransforms(r: Reader, count: number): readonly Transform[] {
  const transforms: Transform[] = [];
  for (let i = 1; i <= count; i++) {
    if (r.left === 0) r.fail(`Num Transforms ${count}, has ${i - 1}`);
    const { body, more } = parseSubstructure(r, `transform ${i}`, TRANSFORM);
    checkLastTransform(r, more, i, count);
    transforms.push(parseTransform(body));
  }
  r.end();
  return transforms;
}

function emitProposal(w: Writer, proposal: Proposal): void {
  const { spi, transforms } = proposal;
  assert(transforms.length <= 0xff, "transforms in a proposal", transforms.length);
  assert(isSpiSize(proposal.protocol, spi.length), "octets of a proposal's SPI", spi.length);
  w.u8(proposal.number).u8(proposal.protocol).u8(spi.length).u8(transforms.length).octets(spi);
  for (let i = 0; i < transforms.length; i++) {
    const transform = transforms[i];
    if (transform === undefined) continue;
    const at = emitSubstructure(w, TRANSFORM, i + 1 < transforms.length);
    w.u8(transform.type).u8(0).u16(transform.id);
    if (transform.keyBits !== undefined) w.u16(FORMAT_TV | KEY_LENGTH).u16(transform.keyBits);
    patchSubstructureLength(w, at);
  }
}

// | Last Substruc |   RESERVED    |        Transform Length       |
// |Transform Type |   RESERVED    |          Transform ID         |
// ~                      Transform Attributes                     ~

function parseTransform(r: Reader): Transform {
  const type = r.u8();
  r.u8(); // RESERVED: MUST be ignored on receipt
  const id = r.u16();
  let keyBits: number | undefined;
  let unknown: UnknownAttributes | undefined;
  while (r.left > 0) {
    const attribute = parseAttribute(r);
    const { value } = attribute;
    // Key Length MUST NOT be encoded in the long form; two of them make two transforms, in one
    // transform they mean nothing (§3.3.5).
    const isKeyLength = attribute.type === KEY_LENGTH && value !== undefined;
    if (isKeyLength && keyBits === undefined) keyBits = value;
    else unknown = { first: unknown?.first ?? attribute, count: (unknown?.count ?? 0) + 1 };
  }
  const known = { type, id, keyBits, hasUnknownAttribute: unknown !== undefined };
  return unknown === undefined ? known : { ...known, unknownAttributes: unknown };
}

// |A|       Attribute Type        |  AF=0: Attribute Length       |
// |F|                             |  AF=1: Attribute Value        |
// ~                  AF=0: Attribute Value                        ~

/** One attribute; the content of a long one is skipped. */
function parseAttribute(r: Reader): UnknownAttributes["first"] {
  const format = r.u16();
  const value = r.u16();
  const type = format & ATTRIBUTE_TYPE;
  if ((format & FORMAT_TV) !== 0) return { type, value, octets: 2 };
  if (value > r.left) {
    r.fail(`attribute type ${format}: Attribute Length ${value}, but ${r.left} octets are left`);
  }
  r.skip(value);
  return { type, value: undefined, octets: value };
}

/** §3.3.1: a proposal for IKE has an SPI in a rekey only. Other protocols may do as they like. */
function isSpiSize(protocol: number, octets: number): boolean {
  return SPI_SIZES[protocol]?.includes(octets) ?? true;
}

const SPI_SIZES: Readonly<Record<number, readonly number[]>> = {
  [Protocol.IKE]: [0, 8],
  [Protocol.AH]: [4],
  [Protocol.ESP]: [4],
};

/** Attribute format bit: set in type/value attributes, clear in type/length/value ones. */
const FORMAT_TV = 0x8000;
const ATTRIBUTE_TYPE = 0x7fff;
const KEY_LENGTH = 14;
const KEY_LENGTH_OCTETS = 4;
