/** Proposals in readable form. Only as many transforms as are shown become text. */

import { transformName } from "../../crypto/names.ts";
import { TransformType } from "../../crypto/transform.ts";
import type { Proposal, Transform } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";

/** More than common peers offer in one proposal. */
const TRANSFORMS_SHOWN_MAX = 48;

/**
 * The transforms of a proposal: `AES_CBC_128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/X25519`. Of a long
 * list, those of the types in `first` are shown before others.
 */
export function proposalText(
  { transforms }: Pick<Proposal, "transforms">,
  first: ReadonlySet<number> = NO_TYPES,
): string {
  const more = transforms.length - TRANSFORMS_SHOWN_MAX;
  if (more <= 0) return transforms.map(transformText).join("/");
  const isFirst = ({ type }: Transform) => first.has(type);
  const ordered =
    first.size === 0
      ? transforms
      : [...transforms.filter(isFirst), ...transforms.filter((t) => !isFirst(t))];
  const shown = ordered.slice(0, TRANSFORMS_SHOWN_MAX).map(transformText);
  return `${shown.join("/")}/and ${more} more`;
}

/** What we offered, if an answer with this notify means that it was not enough. */
export function offeredText(
  notify: number,
  proposals: readonly Proposal[],
): { readonly because?: string } {
  if (notify !== NotifyType.NO_PROPOSAL_CHOSEN) return {};
  const shown = proposals.slice(0, OFFERS_SHOWN_MAX).map((proposal) => proposalText(proposal));
  const more = proposals.length - shown.length;
  return { because: `offered: ${shown.join(" | ")}${more > 0 ? ` and ${more} more` : ""}` };
}

/** Of our own proposals, in one sentence. */
const OFFERS_SHOWN_MAX = 4;

const NO_TYPES: ReadonlySet<number> = new Set();

/**
 * The name of a transform, with whatever keeps it from being chosen: `AES_CBC_256 with attribute
 * 15=1`, `ECP_256 with key length 256`. Without it, it would look like a configured one.
 */
export function transformText({ type, id, keyBits, unknownAttributes }: Transform): string {
  const isEncr = type === TransformType.ENCR;
  const odd = [
    ...(isEncr || keyBits === undefined ? [] : [`key length ${keyBits}`]),
    ...(unknownAttributes === undefined ? [] : [attributesText(unknownAttributes)]),
  ];
  const name = transformName(type, id, isEncr ? keyBits : undefined);
  return odd.length === 0 ? name : `${name} with ${odd.join(", ")}`;
}

function attributesText({ first, count }: NonNullable<Transform["unknownAttributes"]>): string {
  const value = first.value === undefined ? ` of ${first.octets} octets` : `=${first.value}`;
  const more = count > 1 ? ` and ${count - 1} more` : "";
  return `attribute ${first.type}${value}${more}`;
}
