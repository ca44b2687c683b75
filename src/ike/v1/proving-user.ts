/**
 * XAUTH as the end that asks: Phase 1 is over, and the site has to prove who its user is before
 * anything else (draft-beaulieu-ike-xauth-02 §4).
 */

import { later } from "../../octets/instant.ts";
import { CfgType } from "../../wire/v1/cfg-attribute.ts";
import { ExchangeType } from "../../wire/v1/header.ts";
import type { AttributePayload } from "../../wire/v1/message.ts";
import { NotifyType } from "../../wire/v1/notify-type.ts";
import type { IkeContext } from "../effect.ts";
import type { IkeEvent } from "../event.ts";
import type { Refusal } from "../refusal.ts";
import { failedNote } from "./answer.ts";
import { onMessageEstablished } from "./established-message.ts";
import type { Established } from "./established-phase.ts";
import { notifyOf, payloadOf } from "./find-payload.ts";
import { countLegacy } from "./legacy.ts";
import {
  type Decrypted,
  decryptMessage,
  firstIv,
  hashed,
  isHashed,
  newMessageId,
  sealMessage,
} from "./protect.ts";
import { beginPush } from "./push.ts";
import type { ProvingUser, UserProof, WhenUp } from "./responder-phase.ts";
import { copyWaitMs } from "./retransmit.ts";
import { wipeSecrets } from "./secrets.ts";
import { seenPayloads } from "./seen-message.ts";
import type { IkeEffect, Step } from "./step.ts";
import { readXauthReply, xauthRequest, xauthStatus } from "./xauth.ts";

type MessageEvent = Extract<IkeEvent, { kind: "message" }>;

/** How long a site has to name a user: a person may have to type the password. */
const XAUTH_MS = 60_000;
const OCTETS_MAX = 4_096;

/** Asks for the user. `whenUp`: what follows once the user is known. */
export function askForUser(up: Established, whenUp: WhenUp, context: IkeContext): Step {
  const { id, path } = up;
  const { sent, proof } = ask(up, xauthRequest(IDENTIFIER), "reply", context);
  const expireAt = later(context.now, XAUTH_MS);
  const phase = "proving-user";
  return {
    sa: { version: 1, phase, id, path, expireAt, up, whenUp, proof },
    effects: [sent],
  };
}

/** A Transaction of ours, which is repeated until it is answered. */
function ask(
  up: Established,
  payload: AttributePayload,
  awaits: "reply" | "ack",
  context: IkeContext,
): { readonly sent: IkeEffect; readonly proof: UserProof } {
  const messageId = newMessageId(up, context);
  const head = { exchangeType: ExchangeType.TRANSACTION, messageId, iv: firstIv(up, messageId) };
  const { octets, iv } = sealMessage(up, head, hashed(up, messageId, [payload]), context);
  const retransmitAt = later(context.now, copyWaitMs(up.settings, 1, context));
  const copies = { octets, attempts: 1, retransmitAt };
  return {
    sent: { kind: "send", octets, path: up.path },
    proof: { awaits, messageId, iv, sent: copies },
  };
}

/**
 * Its REPLY or ACK; INITIAL-CONTACT may come meanwhile. Quick Mode has to wait, unless the user is
 * known: then it shows that the site leaves XAUTH out.
 */
export function onMessageProving(sa: ProvingUser, event: MessageEvent, context: IkeContext): Step {
  const { header, octets } = event;
  const { proof, up } = sa;
  if (octets.length > OCTETS_MAX) return { sa, effects: [] };
  if (header.exchangeType === ExchangeType.INFORMATIONAL) return onOther(sa, event);
  if (header.exchangeType === ExchangeType.QUICK_MODE) return onQuickMode(sa, event, context);
  const isAnswer = header.exchangeType === ExchangeType.TRANSACTION && proof.awaits !== "check";
  if (!isAnswer || header.messageId !== proof.messageId) return { sa, effects: [] };
  const opened = decryptMessage(up, proof.iv, header, octets);
  if (opened === undefined || !isHashed(up, proof.messageId, opened.received)) {
    return { sa, effects: [{ kind: "count", counter: "messages_bad_icv" }] };
  }
  const { payloads } = opened.received;
  context.onMessage?.(seenPayloads("received", header, payloads));
  const answer = payloadOf(payloads, "ATTRIBUTE");
  if (answer === undefined) return { sa, effects: [] };
  if (proof.awaits === "ack") return answer.cfgType === CfgType.ACK ? begin(sa, context) : same(sa);
  return onReply(sa, answer, context);
}

function onReply(sa: ProvingUser, answer: AttributePayload, context: IkeContext): Step {
  const read = readXauthReply(answer);
  if (!read.ok) return end(sa, { kind: "xauth-failed", detail: read.error });
  const { user, password } = read.value;
  const ticket = context.ticket();
  return {
    sa: { ...sa, proof: { awaits: "check", ticket, user } },
    effects: [{ kind: "check-password", ticket, user, password }],
  };
}

/** The password is right, or it is not: the site is told. */
export function onPassword(
  sa: ProvingUser,
  { ticket, isRight }: Extract<IkeEvent, { kind: "password-answer" }>,
  context: IkeContext,
): Step {
  const { proof, up } = sa;
  if (proof.awaits !== "check" || proof.ticket !== ticket) return same(sa);
  const told = ask(up, xauthStatus(IDENTIFIER, isRight), "ack", context);
  if (isRight) return { sa: { ...sa, proof: told.proof }, effects: [told.sent] };
  const detail = `the password of user ${proof.user} is wrong, or there is no such user`;
  const failed = end(sa, { kind: "xauth-failed", detail });
  const counted = { kind: "count", counter: "authentication_failures" } as const;
  return { sa: failed.sa, effects: [told.sent, counted, ...failed.effects] };
}

/** The site knows that its user is accepted, and is told its address if it waits for that. */
function begin(sa: ProvingUser, context: IkeContext): Step {
  const { pushes } = sa.whenUp;
  const up = finish(sa);
  if (pushes === undefined) return up;
  const pushed = beginPush(heardFrom(sa), pushes, context);
  return { sa: pushed.sa, effects: [...up.effects, ...pushed.effects] };
}

/** The ISAKMP SA is up. */
function finish(sa: ProvingUser): Step {
  const { initialContact, note } = sa.whenUp;
  const effects: readonly IkeEffect[] = [
    { kind: "authenticated", initialContact, holder: undefined },
    ...countLegacy(sa.up.algorithms),
    { kind: "note", note },
  ];
  return { sa: heardFrom(sa), effects };
}

/** What the site has said shows that it has our last message of Phase 1. */
function heardFrom({ up }: ProvingUser): Established {
  return { ...up, lastOfPhase1: undefined };
}

/** Of other messages only INITIAL-CONTACT counts. */
function onOther(sa: ProvingUser, event: MessageEvent): Step {
  const opened = openFirst(sa, event);
  if (opened === undefined) return same(sa);
  const isFirst = notifyOf(opened.received.payloads, NotifyType.INITIAL_CONTACT) !== undefined;
  const { isUserKnown, pushes, note } = sa.whenUp;
  const whenUp = { initialContact: true, isUserKnown, pushes, note };
  return { sa: isFirst ? { ...sa, whenUp } : sa, effects: [] };
}

/**
 * The site goes on without XAUTH, as some devices do when they begin Phase 1 anew. It has its
 * address from before.
 */
function onQuickMode(sa: ProvingUser, event: MessageEvent, context: IkeContext): Step {
  if (!sa.whenUp.isUserKnown || openFirst(sa, event) === undefined) return same(sa);
  const up = finish(sa);
  const begun = onMessageEstablished(heardFrom(sa), event, context);
  return { sa: begun.sa, effects: [...up.effects, ...begun.effects] };
}

/** The first message of an exchange; undefined: it is not authentic. */
function openFirst({ up }: ProvingUser, { header, octets }: MessageEvent): Decrypted | undefined {
  const { messageId } = header;
  const opened = decryptMessage(up, firstIv(up, messageId), header, octets);
  return opened !== undefined && isHashed(up, messageId, opened.received) ? opened : undefined;
}

/** When something is to be done. */
export function deadlineOfProving({ proof, expireAt }: ProvingUser): ProvingUser["expireAt"] {
  const at = proof.awaits === "check" ? expireAt : proof.sent.retransmitAt;
  return at < expireAt ? at : expireAt;
}

/** Repeats what we have asked; or the time is over. */
export function onDeadlineProving(sa: ProvingUser, context: IkeContext): Step {
  const { proof, up, expireAt } = sa;
  const detail = "the site did not say who its user is";
  if (context.now >= expireAt) return end(sa, { kind: "half-open-timeout", detail });
  if (proof.awaits === "check" || context.now < proof.sent.retransmitAt) return same(sa);
  const { octets, attempts } = proof.sent;
  const waitMs = copyWaitMs(up.settings, attempts + 1, context);
  const sent = { octets, attempts: attempts + 1, retransmitAt: later(context.now, waitMs) };
  return {
    sa: { ...sa, proof: { ...proof, sent } },
    effects: [
      { kind: "count", counter: "retransmissions" },
      { kind: "send", octets, path: up.path },
    ],
  };
}

function end(sa: ProvingUser, refusal: Refusal): Step {
  wipeSecrets(sa);
  const reason = { kind: "refused", refusal } as const;
  return {
    sa: undefined,
    effects: [failedNote("Transaction", refusal), { kind: "ended", reason }],
  };
}

function same(sa: ProvingUser): Step {
  return { sa, effects: [] };
}

/** It tells answers of one Transaction apart; each of ours has only one. */
const IDENTIFIER = 1;
