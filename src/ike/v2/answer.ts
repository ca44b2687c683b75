/** Answers to the peer's requests in an established IKE SA, and the journal's notes of them. */

import type { Path } from "../../inet/endpoint.ts";
import { later } from "../../octets/instant.ts";
import type { Reason } from "../../reason/reason.ts";
import { exchangeName } from "../../wire/v2/exchange-type.ts";
import type { Payload } from "../../wire/v2/message.ts";
import type { IkeContext, IkeNote } from "../effect.ts";
import { type EndReason, endWord } from "../end-reason.ts";
import { LINGER_MS } from "../limits.ts";
import { type Refusal, refusalText } from "../refusal.ts";
import type { Established } from "./established-phase.ts";
import type { InitiatorPhase } from "./initiator-phase.ts";
import { wipeIkeKeys } from "./keys.ts";
import { notifyFor } from "./notify.ts";
import { sealMessage } from "./protect.ts";
import { MESSAGES_OF } from "./round.ts";
import { wipeSecrets } from "./secrets.ts";
import type { IkeEffect, Step } from "./step.ts";
import { wipeUnderWay } from "./unfinished.ts";

export type AnswerTo = { readonly exchangeType: number; readonly messageId: number };

/** A `send` effect for each datagram of a message. */
export function sends(datagrams: readonly Uint8Array[], path: Path): IkeEffect[] {
  return datagrams.map((octets) => ({ kind: "send", octets, path }));
}

/** Answers a request: keeps the response for repeats and moves the window (§2.1, §2.3). */
export function answer(
  sa: Established,
  to: AnswerTo,
  payloads: readonly Payload[],
  context: IkeContext,
): { readonly sa: Established; readonly effects: readonly IkeEffect[] } {
  const datagrams = sealMessage(sa, { ...to, response: true }, payloads, context);
  const { path } = sa.inbound;
  const inbound = { nextId: to.messageId + 1, lastResponse: datagrams, path };
  return { sa: { ...sa, inbound, serving: undefined }, effects: sends(datagrams, path) };
}

/** Answers a request with a refusal; the IKE SA goes on. */
export function refuse(sa: Established, to: AnswerTo, refusal: Refusal, context: IkeContext): Step {
  const notify = notifyFor(refusal);
  const answered = answer(sa, to, notify === undefined ? [] : [notify], context);
  const step = exchangeName(to.exchangeType) as IkeNote["step"];
  return {
    sa: answered.sa,
    effects: [...answered.effects, { kind: "note", note: noteOf("refused", step, refusal) }],
  };
}

/** Answers a request and ends the IKE SA: from then on only repeats of it are answered. */
export function answerAndEnd(
  sa: Established,
  to: AnswerTo,
  outcome: { readonly payloads: readonly Payload[]; readonly reason: EndReason },
  context: IkeContext,
): Step {
  const { payloads, reason } = outcome;
  const response = sealMessage(sa, { ...to, response: true }, payloads, context);
  const effects: IkeEffect[] = childrenDown(sa, endWord(reason));
  effects.push(...sends(response, sa.inbound.path), { kind: "ended", reason });
  wipeUnderWay(sa);
  wipeIkeKeys(sa.keys);
  const forgetAt = later(context.now, LINGER_MS);
  const { id, path } = sa;
  return {
    sa: { phase: "ended", id, path, messageId: to.messageId, response, forgetAt },
    effects,
  };
}

/** Removes all Child SAs, the newest first: the oldest one sends until the last moment. */
export function childrenDown(sa: Established, why: Reason): IkeEffect[] {
  return sa.children.toReversed().map(({ spiIn }) => ({ kind: "child-down", spiIn, why }));
}

/** Ends a call that failed, and wipes its secrets. */
export function endCall(sa: InitiatorPhase, refusal: Refusal): Step {
  const step = "half" in sa ? MESSAGES_OF[sa.half.rounds[0].kind].step : "IKE_SA_INIT";
  wipeSecrets(sa);
  const reason = { kind: "refused", refusal } as const;
  return { sa: undefined, effects: [failedNote(step, refusal), { kind: "ended", reason }] };
}

/** The note of a negotiation or SA that a refusal ended; `more` is added to its detail. */
export function failedNote(step: IkeNote["step"], refusal: Refusal, more = ""): IkeEffect {
  const note = noteOf("failed", step, refusal);
  return { kind: "note", note: { ...note, detail: `${note.detail}${more}` } };
}

/** The note of a request that failed; the IKE SA goes on. */
export function refusedNote(step: IkeNote["step"], refusal: Refusal): IkeEffect {
  return { kind: "note", note: noteOf("refused", step, refusal) };
}

/** The note of a peer that refuses new keys for `what` in every form. */
export function noteOfStruggle(what: string): IkeEffect {
  const detail = `the site refuses new keys for ${what} in every form: we call it anew if we can`;
  const note = { step: "CREATE_CHILD_SA", outcome: "refused", reason: "rekey-refused" } as const;
  return { kind: "note", note: { level: "warning", ...note, detail } };
}

/** The note of something that succeeded. */
export function okNote(step: IkeNote["step"], reason: Reason, detail: string): IkeEffect {
  return { kind: "note", note: { level: "info", step, outcome: "ok", reason, detail } };
}

function noteOf(outcome: "failed" | "refused", step: IkeNote["step"], refusal: Refusal): IkeNote {
  return { level: "warning", step, outcome, ...refusalText(refusal) };
}
