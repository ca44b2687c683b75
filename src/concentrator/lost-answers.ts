/** Answers of the shell that do not come: whoever waits is told of a failure. */

import { ANSWER_MS_MAX } from "./answer-times.ts";
import { request } from "./dataplane/request.ts";
import { count, type Engine } from "./engine.ts";
import type { Event } from "./event.ts";
import { failedAnswer, type Question } from "./failed-answer.ts";

/** Failures that are told in one go; the others stay due. */
const LOST_AT_ONCE = 64;

/** Answers in the shell's place what it has not answered in time; `tell` takes an answer in. */
export function giveUpLost(engine: Engine, tell: (event: Event) => void): void {
  let told = 0;
  for (const question of engine.requests.lost(engine.now)) {
    if (told++ === LOST_AT_ONCE) return;
    count(engine, "lost_answers");
    tell(failedAnswer(question, `no answer within ${ANSWER_MS_MAX[question.kind] / 1_000} s`));
    removeUnsure(engine, question);
  }
}

/** It is not known whether the kernel has made the state. Nothing would use it: remove it. */
function removeUnsure(engine: Engine, question: Question): void {
  if (question.kind !== "kernel" || question.op.op !== "new-state") return;
  const { id, mark } = question.op.state;
  request(engine, { op: "delete-state", id, ...(mark === undefined ? {} : { mark }) });
}
