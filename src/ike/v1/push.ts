/**
 * Mode Config push: once Phase 1 is over, the site is told its address, name servers and our
 * subnets (draft-dukes-ike-mode-cfg-02 §3.1).
 */

import { later } from "../../octets/instant.ts";
import { CfgType } from "../../wire/v1/cfg-attribute.ts";
import { ExchangeType } from "../../wire/v1/header.ts";
import type { AttributePayload } from "../../wire/v1/message.ts";
import type { IkeContext } from "../effect.ts";
import type { IkeEvent } from "../event.ts";
import { selectorTexts } from "../selector-text.ts";
import { okNote, refusedNote } from "./answer.ts";
import type { Established, Push, Pushes } from "./established-phase.ts";
import { payloadOf } from "./find-payload.ts";
import { acceptsAddress, modeConfigSet, modeConfigText } from "./mode-config.ts";
import { decryptMessage, firstIv, hashed, isHashed, newMessageId, sealMessage } from "./protect.ts";
import { copyWaitMs } from "./retransmit.ts";
import { seenPayloads } from "./seen-message.ts";
import type { IkeEffect, Step } from "./step.ts";

type MessageEvent = Extract<IkeEvent, { kind: "message" }>;
type Pushed = { readonly sa: Established; readonly effects: readonly IkeEffect[] };

// Initiator of Phase 1            Responder
//                             <-- HDR*, HASH, ATTR(SET)
// HDR*, HASH, ATTR(ACK) -->

/**
 * Tells the site. One whose subnets are no single address is told nothing: an address is what it
 * waits for.
 */
export function beginPush(sa: Established, { isUnity }: Pushes, context: IkeContext): Pushed {
  const told = modeConfigSet(IDENTIFIER, { ...sa.policy, isUnity });
  if (told.addresses.length === 0) {
    const own = selectorTexts(sa.policy.remote);
    return { sa, effects: [refusedNote(STEP, { kind: "no-internal-address", asked: [], own })] };
  }
  const messageId = newMessageId(sa, context);
  const head = { exchangeType: ExchangeType.TRANSACTION, messageId, iv: firstIv(sa, messageId) };
  const payloads = hashed(sa, messageId, [told.payload]);
  const { octets, iv } = sealMessage(sa, head, payloads, context);
  const retransmitAt = later(context.now, copyWaitMs(sa.settings, 1, context));
  const push: Push = { messageId, iv, sent: { octets, attempts: 1, retransmitAt } };
  return { sa: { ...sa, push }, effects: [{ kind: "send", octets, path: sa.path }] };
}

/** The site's ACK; undefined: the message belongs to another exchange. */
export function onPushMessage(
  sa: Established,
  { header, octets }: MessageEvent,
  context: IkeContext,
): Step | undefined {
  const { push } = sa;
  if (push?.messageId !== header.messageId) return undefined;
  if (push.sent === undefined) return { sa, effects: [count("messages_repeated")] };
  const opened = decryptMessage(sa, push.iv, header, octets);
  if (opened === undefined || !isHashed(sa, push.messageId, opened.received)) {
    return { sa, effects: [count("messages_bad_icv")] };
  }
  const { payloads } = opened.received;
  context.onMessage?.(seenPayloads("received", header, payloads));
  const answer = payloadOf(payloads, "ATTRIBUTE");
  if (answer?.cfgType !== CfgType.ACK) return { sa, effects: [] };
  const heard = { ...sa, heardAt: context.now };
  return { sa: endPush(heard), effects: [acknowledged(sa, answer)] };
}

/** A site that leaves its address out of the ACK does not take it. */
function acknowledged(sa: Established, answer: AttributePayload): IkeEffect {
  const address = addressOf(sa);
  if (acceptsAddress(answer)) return okNote(STEP, "inner-address", `given ${address}`);
  const detail = `the site was told its address, ${address}; it answers that it does not take it`;
  return refusedNote(STEP, { kind: "mode-config-failed", detail });
}

/** Nothing is repeated any more; a late ACK is known. */
export function endPush(sa: Established): Established {
  const { push } = sa;
  if (push?.sent === undefined) return sa;
  return { ...sa, push: { messageId: push.messageId, iv: push.iv, sent: undefined } };
}

/** The site still has to acknowledge what it was told: Quick Modes of ours would come too early. */
export function isPushing({ push }: Established): boolean {
  return push?.sent !== undefined;
}

/** Repeats what the site was told. If it never answers, the ISAKMP SA goes on without. */
export function repeatPush(sa: Established, context: IkeContext): Step {
  const { push, settings, path } = sa;
  if (push?.sent === undefined || context.now < push.sent.retransmitAt) return { sa, effects: [] };
  // The site has a newer ISAKMP SA, and was told there.
  if (sa.heir !== undefined) return { sa: endPush(sa), effects: [] };
  const { octets, attempts } = push.sent;
  if (attempts >= settings.retransmission.attemptsMax) {
    const detail = `the site was told its address, ${addressOf(sa)}; it does not acknowledge it`;
    const note = refusedNote(STEP, { kind: "mode-config-failed", detail });
    return { sa: endPush(sa), effects: [note] };
  }
  const waitMs = copyWaitMs(settings, attempts + 1, context);
  const sent = { octets, attempts: attempts + 1, retransmitAt: later(context.now, waitMs) };
  const { messageId, iv } = push;
  return {
    sa: { ...sa, push: { messageId, iv, sent } },
    effects: [count("retransmissions"), { kind: "send", octets, path }],
  };
}

function addressOf({ policy }: Established): string {
  return modeConfigText(modeConfigSet(IDENTIFIER, { ...policy, isUnity: false }));
}

function count(counter: "messages_repeated" | "messages_bad_icv" | "retransmissions"): IkeEffect {
  return { kind: "count", counter };
}

const STEP = "Transaction";
/** It tells answers of one Transaction apart; each of ours has only one. */
const IDENTIFIER = 1;
