/** Lives pairs with a range of seeds; prints the complaints as JSON lines. */

import { type Life, livePair, reportOf } from "./life.ts";

const [from = 1, to = 1] = process.argv.slice(2).map(Number);

for (let seed = from; seed <= to; seed++) {
  const life = lived(seed);
  if (life?.complaints.length === 0) continue;
  if (life !== undefined) {
    console.error(reportOf(seed, life));
    console.log(JSON.stringify({ seed, complaints: life.complaints }));
  }
  break;
}

/** Undefined where something was thrown, which is told. */
function lived(seed: number): Life | undefined {
  try {
    return livePair(seed);
  } catch (fault) {
    const thrown = fault instanceof Error ? fault.stack : String(fault);
    console.log(JSON.stringify({ seed, complaints: [`thrown: ${thrown}`] }));
    return undefined;
  }
}
