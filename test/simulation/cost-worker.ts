/**
 * Counts the steps that each of the worst messages takes, in a process of its own, because counting
 * makes all code slower. Prints name and steps of each as JSON.
 */

import { Session } from "node:inspector";

/** The profiler's result for one script, as far as it is needed. */
type Coverage = {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly { readonly ranges: readonly { readonly count: number }[] }[];
  }[];
};

const session = new Session();
session.connect();
await post("Profiler.enable");
await post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });

// Code is counted from its first run on, so it is loaded now.
const { worstMessages } = await import("./worst-messages.ts");
const { HOSTILE_CERTIFICATES, judgementOf } = await import("./hostile-certificates.ts");
const { performSignature } = await import("../../src/crypto/signature-work.ts");

/** All of those certificates are valid then. */
const WALL_MS = Date.UTC(2026, 1, 1);

const counted: { readonly name: string; readonly steps: number }[] = [];
for (const debug of [false, true]) {
  for (const message of worstMessages({ debug })) {
    const { deliver } = message.prepare();
    await stepsSinceLast();
    deliver();
    const name = debug ? `${message.name}, with debug` : message.name;
    counted.push({ name, steps: await stepsSinceLast() });
  }
}
for (const [what, certificates] of HOSTILE_CERTIFICATES) {
  const request = judgementOf(certificates);
  await stepsSinceLast();
  performSignature(request, WALL_MS);
  counted.push({ name: `certificates: ${what}`, steps: await stepsSinceLast() });
}
console.log(JSON.stringify(counted));

/** How often blocks of the engine's code have been entered since the last call. */
async function stepsSinceLast(): Promise<number> {
  const { result } = (await post("Profiler.takePreciseCoverage")) as Coverage;
  let steps = 0;
  for (const { url, functions } of result) {
    if (!url.includes("/src/")) continue;
    for (const { ranges } of functions) for (const { count } of ranges) steps += count;
  }
  return steps;
}

function post(method: string, params: object = {}): Promise<unknown> {
  return new Promise((resolve, reject) => {
    session.post(method, params, (fault, result) => (fault ? reject(fault) : resolve(result)));
  });
}
