/** The Security Association payload: proposals and transforms (RFC 2408 §3.4-§3.6). */

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
import { emitAttributes, parseAttributes } from "../attribute.ts";
import {
  DOI_IPSEC,
  type Proposal,
  type SaPayload,
  SIT_IDENTITY_ONLY,
  type Transform,
} from "../message.ts";

/** A proposal's number is one octet. What comes after so many is skipped. */
export const PROPOSALS_MAX = 255;
/** In all proposals together; a proposal that begins below the limit is read to its end. */
export const TRANSFORMS_MAX = 1_024;
/** RFC 2407 and RFC 2409 define some twenty. */
export const TRANSFORM_ATTRIBUTES_MAX = 64;

// |              Domain of Interpretation  (DOI)                  |
// ~                           Situation                           ~
// ~                           Proposals                           ~

/** Reads an SA payload. Nothing is chosen or judged here. */
export function parseSa(r: Reader): SaPayload {
  const doi = r.u32();
  if (doi !== DOI_IPSEC) {
    r.rest();
    return { kind: "SA", doi, situation: 0, proposals: [] };
  }
  const situation = r.u32();
  if (situation !== SIT_IDENTITY_ONLY) {
    r.skip(r.left); // labels of secrecy and integrity would follow
    return { kind: "SA", doi, situation, proposals: [] };
  }
  return { kind: "SA", doi, situation, proposals: parseProposals(r) };
}

function parseProposals(r: Reader): readonly Proposal[] {
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
  return proposals;
}

// |  Proposal #   |  Protocol-Id  |    SPI Size   |# of Transforms|
// ~                        SPI (variable)                         ~
// ~                        <Transforms>                           ~

function parseProposal(r: Reader): Proposal {
  const number = r.u8();
  const protocol = r.u8();
  const spiOctets = r.u8();
  const count = r.u8();
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
    if (r.left === 0) r.fail(`# of Transforms ${count}, has ${i - 1}`);
    const { body, more } = parseSubstructure(r, `transform ${i}`, TRANSFORM);
    checkLastTransform(r, more, i, count);
    transforms.push(parseTransform(body));
  }
  r.end();
  return transforms;
}

// |  Transform #  |  Transform-Id |           RESERVED2           |
// ~                        SA Attributes                          ~

function parseTransform(r: Reader): Transform {
  const number = r.u8();
  const id = r.u8();
  r.u16(); // RESERVED2
  return { number, id, attributes: parseAttributes(r, TRANSFORM_ATTRIBUTES_MAX) };
}

/** Writes the body of an SA payload of the IPsec DOI. */
export function emitSa(w: Writer, payload: SaPayload): void {
  const { doi, situation, proposals } = payload;
  w.u32(doi).u32(situation);
  for (const [i, { number, protocol, spi, transforms }] of proposals.entries()) {
    assert(transforms.length <= 0xff, `${transforms.length} transforms in a proposal`);
    assert(spi.length <= 0xff, `a proposal's SPI of ${spi.length} octets`);
    const at = emitSubstructure(w, PROPOSAL, i + 1 < proposals.length);
    w.u8(number).u8(protocol).u8(spi.length).u8(transforms.length).octets(spi);
    for (const [j, transform] of transforms.entries()) {
      emitTransform(w, transform, j + 1 < transforms.length);
    }
    patchSubstructureLength(w, at);
  }
}

function emitTransform(w: Writer, transform: Transform, more: boolean): void {
  const at = emitSubstructure(w, TRANSFORM, more);
  w.u8(transform.number).u8(transform.id).u16(0);
  emitAttributes(w, transform.attributes);
  patchSubstructureLength(w, at);
}
