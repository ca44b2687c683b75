/** Answering requests of an established IKE SA, and noting down what was answered. */

import type { Path } from "../../inet/endpoint.ts";
import { later } from "../../octets/instant.ts";
import { wipe } from "../../octets/secret.ts";
import type { Reason } from "../../reason/reason.ts";
import { exchangeName } from "../../wire/v2/exchange-type.ts";
import type { Payload } from "../../wire/v2/message.ts";
import { wipeCredentials } from "../credentials.ts";
import type { IkeContext, IkeNote } from "../effect.ts";
import { type EndReason, endWord } from "../end-reason.ts";
import { LINGER_MS } from "../limits.ts";
import { type Refusal, refusalText } from "../refusal.ts";
import type { Established } from "./established-phase.ts";
import type { InitiatorPhase } from "./initiator-phase.ts";
import { wipeHalfOpenKeys, wipeIkeKeys } from "./keys.ts";
import { notifyFor } from "./notify.ts";
import { sealMessage } from "./protect.ts";
import type { IkeEffect, Step } from "./step.ts";

export type AnswerTo = { readonly exchangeType: number; readonly messageId: number };

/** One `send` for each datagram of a message. */
export function sends(datagrams: readonly Uint8Array[], path: Path): IkeEffect[] {
  return datagrams.map((octets) => ({ kind: "send", octets, path }));
}

/** Answers a request: the response is kept for repeats, the window moves on (§2.1, §2.3). */
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

/** Answers a request, then is over: only repeats of that request are answered any more. */
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
  wipeIkeKeys(sa.keys);
  const forgetAt = later(context.now, LINGER_MS);
  const { id, path } = sa;
  return {
    sa: { phase: "ended", id, path, messageId: to.messageId, response, forgetAt },
    effects,
  };
}

/** All Child SAs go, the newest first: the oldest is the one that sends until the last moment. */
export function childrenDown(sa: Established, why: Reason): IkeEffect[] {
  return sa.children.toReversed().map(({ spiIn }) => ({ kind: "child-down", spiIn, why }));
}

/** A call that came to nothing: whatever was secret in it is wiped. */
export function endCall(sa: InitiatorPhase, refusal: Refusal): Step {
  const step = "half" in sa ? "IKE_AUTH" : "IKE_SA_INIT";
  if ("half" in sa) {
    wipeCredentials(sa.call.credentials);
    wipeHalfOpenKeys(sa.half.keys);
  } else {
    wipeCredentials(sa.calling.call.credentials);
    wipe(sa.calling.privateOctets);
  }
  const reason = { kind: "refused", refusal } as const;
  return { sa: undefined, effects: [failedNote(step, refusal), { kind: "ended", reason }] };
}

/** The journal's note of a negotiation or SA that a refusal ended; `more` goes on its detail. */
export function failedNote(step: IkeNote["step"], refusal: Refusal, more = ""): IkeEffect {
  const note = noteOf("failed", step, refusal);
  return { kind: "note", note: { ...note, detail: `${note.detail}${more}` } };
}

/** The journal's note of a request that came to nothing; the IKE SA goes on. */
export function refusedNote(step: IkeNote["step"], refusal: Refusal): IkeEffect {
  return { kind: "note", note: noteOf("refused", step, refusal) };
}

/** The peer refuses new keys of `what` in every form: it is called, if it can be. */
export function noteOfStruggle(what: string): IkeEffect {
  const detail = `the site refuses new keys for ${what} in every form: it is called, if it can be`;
  const note = { step: "CREATE_CHILD_SA", outcome: "refused", reason: "rekey-refused" } as const;
  return { kind: "note", note: { level: "warning", ...note, detail } };
}

/** The journal's note of something that went well. */
export function okNote(step: IkeNote["step"], reason: Reason, detail: string): IkeEffect {
  return { kind: "note", note: { level: "info", step, outcome: "ok", reason, detail } };
}

function noteOf(outcome: "failed" | "refused", step: IkeNote["step"], refusal: Refusal): IkeNote {
  return { level: "warning", step, outcome, ...refusalText(refusal) };
}
