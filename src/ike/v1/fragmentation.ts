/**
 * Messages in fragments, from the network and to it, in every phase of an ISAKMP SA. Both ends have
 * to announce that they understand them (Vendor ID FRAGMENTATION).
 */

import { sha256 } from "../../crypto/hash.ts";
import { IKE_HEADER_OCTETS, type IkeHeader, parseHeader } from "../../wire/header.ts";
import type { IsakmpHeader } from "../../wire/v1/header.ts";
import { PayloadType } from "../../wire/v1/message.ts";
import { parsePayloads } from "../../wire/v1/payload-chain.ts";
import type { Vendor } from "../../wire/v1/vendor-id.ts";
import type { IkeContext } from "../effect.ts";
import type { IkeEvent } from "../event.ts";
import { AROUND_MESSAGE_OCTETS, AUTH_OCTETS_MAX, FRAGMENT_OCTETS } from "../limits.ts";
import type { IkeSaSettings } from "../settings.ts";
import { phase1OctetsMax } from "./calling.ts";
import type { IkeSa } from "./every-phase.ts";
import { payloadOf } from "./find-payload.ts";
import { addFragment, fragmentsOf } from "./fragments.ts";
import { isCalling } from "./initiator-phase.ts";
import { MESSAGE_OCTETS_MAX } from "./phase1.ts";
import { isSigned } from "./signed-phase.ts";
import type { IkeEffect, Step } from "./step.ts";

type Agreed = Pick<IkeSaSettings, "fragmentation" | "fragmentSize">;

type MessageEvent = Extract<IkeEvent, { kind: "message" }>;

/** After a fragment has arrived: a whole message, or nothing that has to be read yet. */
export type Taken =
  | { readonly kind: "whole"; readonly sa: IkeSa; readonly event: MessageEvent }
  | { readonly kind: "done"; readonly step: Step };

/** Whether a message is a fragment. Some senders mark it as encrypted, which it never is. */
export function isFragment({ nextPayload }: Pick<IkeHeader, "nextPayload">): boolean {
  return nextPayload === PayloadType.FRAGMENT;
}

/** Takes a fragment; nothing about it is authentic. */
export function takeFragment(sa: IkeSa, event: MessageEvent, { now }: IkeContext): Taken {
  const { header, octets, path } = event;
  const octetsMax = octetsMaxOf(sa);
  if (octetsMax === 0) return refused(sa);
  const parsed = parsePayloads(header.nextPayload, octets, "fragment", IKE_HEADER_OCTETS);
  const fragment = parsed.ok ? payloadOf(parsed.value.payloads, "FRAGMENT") : undefined;
  if (fragment === undefined) return refused(sa);
  const added = addFragment(sa.fragments, header, fragment, now);
  if (added.kind === "refused") return refused(sa);
  if (added.kind === "incomplete") {
    const { reassembly } = added;
    if (reassembly.octets > octetsMax) return refused(sa);
    return { kind: "done", step: { sa: { ...sa, fragments: reassembly }, effects: [] } };
  }
  const whole = parseHeader(added.octets);
  const isOfSa = whole.ok && whole.value.spiI === header.spiI && whole.value.spiR === header.spiR;
  if (!isOfSa || isFragment(whole.value) || whole.value.version.major !== 1) return refused(sa);
  return {
    kind: "whole",
    sa: { ...sa, fragments: undefined },
    event: { kind: "message", header: whole.value, octets: added.octets, path },
  };
}

/** It is not accepted, and what is known of its message is forgotten. */
function refused(sa: IkeSa): Taken {
  const effects = [{ kind: "count", counter: "fragments_refused" }] as const;
  return { kind: "done", step: { sa: { ...sa, fragments: undefined }, effects } };
}

/** The longest message that is put together in this phase; 0: no fragment is accepted. */
function octetsMaxOf(sa: IkeSa): number {
  if (isCalling(sa)) {
    // We have announced them in our first message.
    return sa.call.credentials.settings.fragmentation ? phase1OctetsMax(sa.call) : 0;
  }
  if (agreedSettings(sa) === undefined) return 0;
  const hasRoom = sa.phase === "established" || isSigned(sa);
  return hasRoom ? AUTH_OCTETS_MAX : MESSAGE_OCTETS_MAX;
}

/** Sends long messages in fragments, if the ends have agreed on that. */
export function inFragments(former: IkeSa, { sa, effects }: Step): Step {
  const settings = agreedSettings(sa ?? former);
  if (settings === undefined) return { sa, effects };
  const octetsMax = settings.fragmentSize - AROUND_MESSAGE_OCTETS;
  return { sa, effects: effects.flatMap((effect) => partsOf(effect, octetsMax)) };
}

function partsOf(effect: IkeEffect, octetsMax: number): readonly IkeEffect[] {
  if (effect.kind !== "send" || effect.octets.length <= octetsMax) return [effect];
  const { octets, path } = effect;
  const header = parseHeader(octets);
  if (!header.ok) return [effect];
  const partOctets = octetsMax - FRAGMENT_HEAD_OCTETS;
  const parts = fragmentsOf(octets, headOf(header.value), { id: idOf(octets), partOctets });
  return parts?.map((part) => ({ kind: "send", octets: part, path })) ?? [effect];
}

/** Copies of one message have the same ID, other messages have another one. */
function idOf(octets: Uint8Array): number {
  const [high = 0, low = 0] = sha256(octets);
  return (high << 8) | low || 1;
}

function headOf({ spiI, spiR, exchangeType, messageId }: IkeHeader): IsakmpHeader {
  const flags = { encryption: false, commit: false, authenticationOnly: false };
  return { spiI, spiR, exchangeType, messageId, flags };
}

/** The settings of an ISAKMP SA whose ends have agreed on fragments; undefined: they have not. */
function agreedSettings(sa: IkeSa): Agreed | undefined {
  switch (sa.phase) {
    case "awaiting-credentials":
    case "main-awaiting-credentials":
    case "call-aggressive-offering":
    case "call-aggressive-asked":
    case "call-aggressive-deriving":
    case "call-main-asked":
      return undefined;
    case "call-main-offering":
    case "call-main-sent-ke":
    case "call-main-proving":
    case "call-main-signing":
    case "call-main-signed":
    case "call-main-verifying":
      return agreed(sa.vendors, sa.call.credentials.settings);
    case "call-main-deriving":
      return agreed(sa.former.vendors, sa.call.credentials.settings);
    case "awaiting-key-exchange":
      return agreed(sa.first.vendors, sa.credentials.settings);
    case "main-awaiting-ke":
    case "main-exchanging":
      return agreed(sa.vendors, sa.credentials.settings);
    case "awaiting-proof":
    case "main-awaiting-id":
      return agreed(sa.vendors, sa.terms.settings);
    case "proving-user":
      return sa.up.withFragments ? sa.up.settings : undefined;
    case "signed-verifying":
    case "signed-signing":
      return agreed(sa.vendors, sa.credentials.settings);
    case "signed-awaiting-ke":
    case "signed-exchanging":
    case "signed-awaiting-id":
    case "signed-awaiting-credentials": {
      const { vendors, withFragments: fragmentation } = sa;
      return agreed(vendors, { fragmentation, fragmentSize: FRAGMENT_SIZE });
    }
    case "established":
      return sa.withFragments ? sa.settings : undefined;
  }
}

function agreed(vendors: ReadonlySet<Vendor>, settings: Agreed): Agreed | undefined {
  return vendors.has("fragmentation") && settings.fragmentation ? settings : undefined;
}

/** Until the eroute is known. */
const FRAGMENT_SIZE = FRAGMENT_OCTETS + AROUND_MESSAGE_OCTETS;
/** Its header, the header of its payload, and what the payload says of it. */
const FRAGMENT_HEAD_OCTETS = IKE_HEADER_OCTETS + 8;
