/** The longest turn of the event loop under the worst known messages: milliseconds and name. */

import { type WorstMessage, worstMessages } from "../simulation/worst-messages.ts";

/** Each is delivered this often: the best time excludes delays of the machine. */
const ROUNDS = 40;

let longest = { ms: 0, name: "" };
for (const message of worstMessages({ debug: false })) {
  const ms = shortestMs(message);
  if (ms > longest.ms) longest = { ms, name: message.name };
}
console.log(`${longest.ms.toFixed(2)} ${longest.name}`);

/** The longest event that follows from the message, in the round in which it was shortest. */
function shortestMs(message: WorstMessage): number {
  let shortest = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const { table, deliver } = message.prepare();
    const { concentrator } = table;
    const { handle } = concentrator;
    let ms = 0;
    concentrator.handle = (event, now) => {
      const from = performance.now();
      const effects = handle(event, now);
      ms = Math.max(ms, performance.now() - from);
      return effects;
    };
    deliver();
    shortest = Math.min(shortest, ms);
  }
  return shortest;
}
