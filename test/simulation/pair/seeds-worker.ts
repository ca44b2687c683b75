/** Lives pairs with a range of seeds; prints the complaints as JSON lines. */

import { livePair, reportOf } from "./life.ts";

const [from = 1, to = 1] = process.argv.slice(2).map(Number);

for (let seed = from; seed <= to; seed++) {
  const life = livePair(seed);
  if (life.complaints.length === 0) continue;
  console.error(reportOf(seed, life));
  console.log(JSON.stringify({ seed, complaints: life.complaints }));
  break;
}
