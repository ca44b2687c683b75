/** Messages of an authenticated peer: repeats, the window, NATs (RFC 7296 §2.1-2.3, §2.23). */

import type { IkeHeader } from "../../wire/header.ts";
import { exchangeName } from "../../wire/v2/exchange-type.ts";
import type { IkeContext, IkeCounter, IkeNote } from "../effect.ts";
import type { IkeEvent } from "../event.ts";
import { sends } from "./answer.ts";
import type { Established } from "./established-phase.ts";
import type { IkeSa } from "./every-phase.ts";
import { follow } from "./mobike.ts";
import { type Opened, openMessage, type Read } from "./protect.ts";
import type { Step } from "./step.ts";
import { unwelcomeEffects } from "./unwelcome.ts";

export type MessageEvent = Extract<IkeEvent, { kind: "message" }>;

/** What an IKE SA does with each kind of message. */
export type MessageDuties = {
  /** A message that fails its integrity check. */
  readonly onForged: (sa: Established, event: MessageEvent, context: IkeContext) => Step;
  /** A request that is neither the next one nor a repeat of the last one. */
  readonly onOutOfWindow: (sa: Established, header: IkeHeader, context: IkeContext) => Step;
  /** The next request. */
  readonly onRequest: (sa: Established, header: IkeHeader, read: Read, context: IkeContext) => Step;
  /** The answer to our request, which is no longer in flight. */
  readonly onAnswer: (sa: Established, read: Read, context: IkeContext) => Step;
};

/** A message with our SPI: a request, a repeat, an answer, or a forgery. */
export function takeMessage(
  sa: Established,
  event: MessageEvent,
  duties: MessageDuties,
  context: IkeContext,
): Step {
  const { header, octets } = event;
  const opened = openMessage(sa, { header, octets }, context);
  if (opened.kind === "forged") return duties.onForged(sa, event, context);
  if (opened.kind === "unwelcome") {
    const step = exchangeName(header.exchangeType) as IkeNote["step"];
    return { sa: { ...sa, fragments: opened.fragments }, effects: unwelcomeEffects(opened, step) };
  }
  return header.flags.response
    ? takeResponse(sa, event, { opened, duties }, context)
    : takeRequest(sa, event, { opened, duties }, context);
}

type Opening = {
  readonly opened: Exclude<Opened, { kind: "forged" | "unwelcome" }>;
  readonly duties: MessageDuties;
};

function takeRequest(
  sa: Established,
  event: MessageEvent,
  { opened, duties }: Opening,
  context: IkeContext,
): Step {
  const { header, path } = event;
  const { inbound } = sa;
  if (header.messageId === inbound.nextId - 1 && inbound.lastResponse !== undefined) {
    // If a repeat comes in fragments, only the first one is answered (RFC 7383 §2.6.1).
    if (opened.kind === "fragment" && opened.number !== 1) return { sa, effects: [] };
    const again = sends(inbound.lastResponse, path);
    return { sa, effects: [{ kind: "count", counter: "messages_repeated" }, ...again] };
  }
  if (header.messageId !== inbound.nextId) return duties.onOutOfWindow(sa, header, context);
  const isHeld = sa.serving?.kind === "ike-auth-held";
  if (sa.serving !== undefined && !isHeld) return { sa, effects: [] };
  if (opened.kind === "fragment") {
    const { fragments } = opened;
    return { sa: { ...sa, fragments, heardAt: context.now }, effects: [] };
  }
  const fragments = opened.kind === "whole" ? opened.fragments : sa.fragments;
  const heard = { ...sa, fragments, inbound: { ...inbound, path }, heardAt: context.now };
  const here = follow(heard, path);
  const done = duties.onRequest(here.sa, header, opened, context);
  return { sa: done.sa, effects: [...here.effects, ...done.effects] };
}

function takeResponse(
  sa: Established,
  event: MessageEvent,
  { opened, duties }: Opening,
  context: IkeContext,
): Step {
  const { nextId, inFlight } = sa.outbound;
  if (inFlight?.messageId !== event.header.messageId) return { sa, effects: [] };
  if (opened.kind === "fragment") {
    return { sa: { ...sa, fragments: opened.fragments }, effects: [] };
  }
  // The peer's own request is finished first: our request and this answer are repeated later.
  if (isSlow(sa)) return { sa, effects: [] };
  const outbound = { nextId, inFlight: undefined };
  if (opened.kind === "faulty") {
    return duties.onAnswer({ ...sa, outbound, heardAt: context.now }, opened, context);
  }
  const heard: Established = {
    ...sa,
    outbound,
    fragments: opened.fragments,
    heardAt: context.now,
  };
  const here = follow(heard, event.path);
  const done = duties.onAnswer(here.sa, opened, context);
  return { sa: done.sa, effects: [...here.effects, ...done.effects] };
}

function isSlow({ serving, asking }: Established): boolean {
  if (serving === undefined) return false;
  const kind = asking?.kind;
  return kind === "child-response" || kind === "ike-response" || kind === "followup-response";
}

/** Changes nothing but a counter. */
export function counted(sa: IkeSa, counter: IkeCounter): Step {
  return { sa, effects: [{ kind: "count", counter }] };
}
