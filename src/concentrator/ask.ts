/** Asks the shell for something: the effect goes out, and its waiter into the table of requests. */

import type { Engine } from "./engine.ts";
import type { NumberOf, QuestionOf, WaiterKind, WaiterOf } from "./requests.ts";

/** `questionWith` gets the number that the answer will quote, which is returned too. */
export function ask<K extends WaiterKind>(
  { requests, out, now }: Engine,
  waiter: WaiterOf<K>,
  questionWith: (number: NumberOf<K>) => QuestionOf<K>,
): NumberOf<K> {
  const number = requests.number() as NumberOf<K>;
  const question = questionWith(number);
  requests.open<K>(number, { waiter, question }, now);
  out.push(question);
  return number;
}
