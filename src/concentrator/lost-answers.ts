/** Requests to the shell that have no answer yet, and what is done when none comes. */

import type { Instant } from "../octets/instant.ts";
import { request } from "./dataplane/request.ts";
import { count, type Engine, inMs } from "./engine.ts";
import type { Event } from "./event.ts";
import {
  failedAnswer,
  isQuestion,
  numberOfAnswer,
  numberOfQuestion,
  type Question,
} from "./failed-answer.ts";
import { ANSWER_MS_MAX } from "./open-requests.ts";
import { UNWATCHED } from "./requests.ts";

/** Failures that are told in one go; the rest is due at once again. */
const LOST_AT_ONCE = 64;

/** Notes what is asked for among the effects of an event. */
export function noteRequests(engine: Engine): void {
  for (const effect of engine.out) {
    if (!isQuestion(effect) || numberOfQuestion(effect) === UNWATCHED) continue;
    const until = inMs(engine, ANSWER_MS_MAX[effect.kind]);
    engine.openRequests[effect.kind].set(numberOfQuestion(effect), { question: effect, until });
  }
}

/** An answer has come, if this is one. */
export function noteAnswer({ openRequests }: Engine, event: Event): void {
  const answer = numberOfAnswer(event);
  if (answer !== undefined) openRequests[answer.to].delete(answer.number);
}

/** When the next answer counts as lost. */
export function openRequestsAt({ openRequests }: Engine): Instant | undefined {
  let at: Instant | undefined;
  for (const requests of Object.values(openRequests)) {
    const [first] = requests.values();
    if (first !== undefined && (at === undefined || first.until < at)) at = first.until;
  }
  return at;
}

/** How many answers are still to come. */
export function countOpen({ openRequests }: Engine): number {
  return Object.values(openRequests).reduce((sum, { size }) => sum + size, 0);
}

/** Answers in the shell's place what it has not answered in time; `tell` takes an answer in. */
export function giveUpLost(engine: Engine, tell: (event: Event) => void): void {
  let told = 0;
  for (const requests of Object.values(engine.openRequests)) {
    for (const [number, { question, until }] of requests) {
      if (until > engine.now || told === LOST_AT_ONCE) break;
      told++;
      requests.delete(number);
      count(engine, "lost_answers");
      tell(failedAnswer(question, `no answer within ${ANSWER_MS_MAX[question.kind] / 1_000} s`));
      removeUnsure(engine, question);
    }
  }
}

/** Whether the kernel has made the state is not known: nobody would use it, so it goes. */
function removeUnsure(engine: Engine, question: Question): void {
  if (question.kind !== "kernel" || question.op.op !== "new-state") return;
  const { id, mark } = question.op.state;
  request(engine, { op: "delete-state", id, ...(mark === undefined ? {} : { mark }) });
}
