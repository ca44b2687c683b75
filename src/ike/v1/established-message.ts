/** Messages of the peer in an established ISAKMP SA: to which exchange each belongs. */

import { sha256 } from "../../crypto/hash.ts";
import { equalPath } from "../../inet/endpoint.ts";
import { equalOctets } from "../../octets/concat.ts";
import {
  ExchangeType,
  exchangeName,
  isakmpFlags,
  PHASE_1_MESSAGE_ID,
} from "../../wire/v1/header.ts";
import { NotifyType } from "../../wire/v1/notify-type.ts";
import type { IkeContext, IkeCounter } from "../effect.ts";
import type { IkeEvent } from "../event.ts";
import { release } from "./commit-bit.ts";
import { awaitsSign } from "./dpd.ts";
import type { Established } from "./established-phase.ts";
import { notifyOf } from "./find-payload.ts";
import { onInformational, onInitialContact } from "./informational.ts";
import { type Decrypted, decryptMessage, firstIv, isHashed } from "./protect.ts";
import { onPushMessage } from "./push.ts";
import { beginQuickMode, onHash3 } from "./quick-mode.ts";
import type { Over, QuickMode } from "./quick-mode-phase.ts";
import { type NextMessage, onGranted } from "./quick-mode-request.ts";
import { QUICK_MODES_MAX, quickModeAt, quickModesUnderWay } from "./quick-modes.ts";
import { seenPayloads } from "./seen-message.ts";
import type { Step } from "./step.ts";
import { onTransaction } from "./transaction.ts";

type MessageEvent = Extract<IkeEvent, { kind: "message" }>;

/** A longer message is not decrypted. */
const OCTETS_MAX = 16_384;
/** So many of the peer's message IDs are remembered, the oldest is forgotten first. */
const USED_IDS_MAX = 256;

/** What is not encrypted, or not authentic, changes nothing. */
export function onMessageEstablished(
  sa: Established,
  event: MessageEvent,
  context: IkeContext,
): Step {
  const { header, octets } = event;
  const { messageId, exchangeType } = header;
  if (messageId === PHASE_1_MESSAGE_ID) return repeatPhase1(sa, event);
  if (octets.length > OCTETS_MAX) return counted(sa, "messages_too_long");
  if (exchangeType === ExchangeType.QUICK_MODE) {
    const known = quickModeAt(sa, messageId);
    if (known !== undefined) return onKnown(sa, known, event, context);
  }
  const isUsed = sa.usedIds.includes(messageId);
  const isTransaction = exchangeType === ExchangeType.TRANSACTION;
  const pushed = isTransaction ? onPushMessage(sa, event, context) : undefined;
  if (pushed !== undefined) return pushed;
  if (isUsed && !isTransaction) return counted(sa, "messages_repeated");
  const opened = decryptMessage(sa, firstIv(sa, messageId), header, octets);
  if (opened === undefined || !isHashed(sa, messageId, opened.received)) {
    return counted(sa, "messages_bad_icv");
  }
  const { payloads } = opened.received;
  context.onMessage?.(seenPayloads("received", header, payloads));
  switch (exchangeType) {
    case ExchangeType.INFORMATIONAL: {
      const moved = follow({ ...used(sa, messageId), lastOfPhase1: undefined }, event);
      const done = onInformational(moved.sa, payloads, context);
      return { sa: done.sa, effects: [...moved.effects, ...done.effects] };
    }
    case ExchangeType.QUICK_MODE:
      if (quickModesUnderWay(sa) >= QUICK_MODES_MAX) return { sa, effects: [] };
      // It was asked because it replaces another one, whose Child SAs come first: the request is
      // repeated.
      if (awaitsSign(sa) && sa.dpd.asked !== undefined) {
        return { sa: { ...sa, heardAt: context.now, lastOfPhase1: undefined }, effects: [] };
      }
      return begin(sa, event, opened, context);
    case ExchangeType.TRANSACTION: {
      // A repeat gets its answer again, and does not show that the peer has moved.
      if (isUsed) {
        const { effects } = onTransaction(sa, messageId, opened, context);
        return { sa, effects: effects.filter(({ kind }) => kind === "send") };
      }
      const heard = { ...used(sa, messageId), heardAt: context.now, lastOfPhase1: undefined };
      const moved = follow(heard, event);
      const done = onTransaction(moved.sa, messageId, opened, context);
      return { sa: done.sa, effects: [...moved.effects, ...done.effects] };
    }
    default: {
      const detail = `${exchangeName(exchangeType)} is not supported`;
      const note = { level: "warning", step: "INFORMATIONAL", outcome: "refused" } as const;
      const reason = "ikev1-unsupported";
      return {
        sa: used(sa, messageId),
        effects: [{ kind: "note", note: { ...note, reason, detail } }],
      };
    }
  }
}

/** The peer's last message of Phase 1 comes again: our answer may have been lost. */
function repeatPhase1(sa: Established, { octets }: MessageEvent): Step {
  const last = sa.lastOfPhase1;
  if (last === undefined || octets.length > OCTETS_MAX) return { sa, effects: [] };
  if (!equalOctets(last.digest, sha256(octets))) return { sa, effects: [] };
  return {
    sa,
    effects: [
      { kind: "count", counter: "messages_repeated" },
      { kind: "send", octets: last.octets, path: sa.path },
    ],
  };
}

function begin(sa: Established, event: MessageEvent, opened: Decrypted, context: IkeContext): Step {
  const { messageId } = event.header;
  const { received, iv } = opened;
  const heard = { ...used(sa, messageId), heardAt: context.now, lastOfPhase1: undefined };
  const moved = follow(heard, event);
  const isFirst = notifyOf(received.payloads, NotifyType.INITIAL_CONTACT) !== undefined;
  const clean = isFirst ? onInitialContact(moved.sa) : { sa: moved.sa, effects: [] };
  if (clean.sa?.phase !== "established") return clean;
  const request = { messageId, digest: sha256(event.octets), received, iv };
  const done = beginQuickMode(clean.sa, request, context);
  return { sa: done.sa, effects: [...moved.effects, ...clean.effects, ...done.effects] };
}

/** The next message of a Quick Mode, or a repeat of its last one. */
function onKnown(
  sa: Established,
  exchange: QuickMode,
  event: MessageEvent,
  context: IkeContext,
): Step {
  const digest = sha256(event.octets);
  const isRepeat = equalOctets(exchange.digest, digest);
  if (isRepeat) return repeatAnswer(sa, exchange);
  if (exchange.stage === "over") return onFourth(sa, exchange, event);
  if (exchange.stage !== "answered" && exchange.stage !== "asked") return { sa, effects: [] };
  const { header, octets } = event;
  const opened = decryptMessage(sa, exchange.iv, header, octets);
  if (opened === undefined) return counted(sa, "messages_bad_icv");
  const isCommitted = isakmpFlags(octets).commit;
  const message = { received: opened.received, iv: opened.iv, digest, isCommitted };
  const heard = { ...sa, heardAt: context.now, lastOfPhase1: undefined };
  const done = next(heard, exchange, message, context);
  if (done === undefined) return counted(sa, "messages_bad_icv");
  context.onMessage?.(seenPayloads("received", header, opened.received.payloads));
  if (done.sa?.phase !== "established") return done;
  const moved = follow(done.sa, event);
  return { sa: moved.sa, effects: [...done.effects, ...moved.effects] };
}

/** CONNECTED in a fourth message: some peers that have set the Commit bit send it there. */
function onFourth(sa: Established, exchange: Over, { header, octets }: MessageEvent): Step {
  if (exchange.held === undefined) return { sa, effects: [] };
  const opened = decryptMessage(sa, exchange.iv, header, octets);
  if (opened === undefined || !isHashed(sa, exchange.messageId, opened.received)) {
    return counted(sa, "messages_bad_icv");
  }
  const isConnected = notifyOf(opened.received.payloads, NotifyType.CONNECTED) !== undefined;
  return isConnected ? release(sa, (one) => one === exchange) : { sa, effects: [] };
}

function next(
  sa: Established,
  exchange: Extract<QuickMode, { stage: "answered" | "asked" }>,
  message: NextMessage,
  context: IkeContext,
): Step | undefined {
  if (exchange.stage === "answered") return onHash3(sa, exchange, message, context);
  const isAuthentic = isHashed(sa, exchange.messageId, message.received, exchange.Ni);
  return isAuthentic ? onGranted(sa, exchange, message, context) : undefined;
}

function repeatAnswer(sa: Established, exchange: QuickMode): Step {
  const octets = lastOf(exchange);
  if (octets === undefined) return counted(sa, "messages_repeated");
  return {
    sa,
    effects: [
      { kind: "count", counter: "messages_repeated" },
      { kind: "send", octets, path: sa.path },
    ],
  };
}

/** What we have answered to the peer's last message. */
function lastOf(exchange: QuickMode): Uint8Array | undefined {
  if (exchange.stage === "answered") return exchange.sent.octets;
  return exchange.stage === "over" ? exchange.last : undefined;
}

function used(sa: Established, messageId: number): Established {
  return { ...sa, usedIds: [...sa.usedIds, messageId].slice(-USED_IDS_MAX) };
}

/** A new, authentic message from another address or port: the peer has moved (RFC 3947 §6). */
function follow(
  sa: Established,
  { path }: MessageEvent,
): { readonly sa: Established; readonly effects: readonly { readonly kind: "moved" }[] } {
  if (equalPath(sa.path, path)) return { sa, effects: [] };
  const effects = sa.children.length > 0 ? ([{ kind: "moved" }] as const) : [];
  return { sa: { ...sa, path }, effects };
}

function counted(sa: Established, counter: IkeCounter): Step {
  return { sa, effects: [{ kind: "count", counter }] };
}
