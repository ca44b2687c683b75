/**
 * Finds the functions that the first site runs for the first time, after a warm-up or without one.
 * It is a process of its own, because functions are counted from the time they are loaded. Prints
 * numbers and names as JSON.
 */

import { Session } from "node:inspector";

type Coverage = {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly {
      readonly functionName: string;
      readonly ranges: readonly { readonly startOffset: number; readonly count: number }[];
    }[];
  }[];
};

const session = new Session();
session.connect();
await post("Profiler.enable");
await post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });

const { connectAll } = await import("../../simulation/neighbours.ts");
const { layTable } = await import("../../simulation/table.ts");
const { warmUp } = await import("../../../src/daemon/warm-up.ts");

await entered();
const isWarm = process.argv[2] === "warm";
if (isWarm) warmUp();
const before = await entered();
const warmed = isWarm ? before : new Set<string>();
const table = layTable();
await entered();
const [caller] = connectAll(table, 1);
const [child] = caller?.session().children ?? [];
if (caller !== undefined && child !== undefined) {
  caller.ask({ kind: "rekey-child", spiIn: child.spiIn });
  caller.settle();
}
const used = await entered();
const cold = [...used].filter((name) => !warmed.has(name));
console.log(JSON.stringify({ used: used.size, cold }));

/** Functions of the rooms of a connection that have been entered since the last call. */
async function entered(): Promise<Set<string>> {
  const { result } = (await post("Profiler.takePreciseCoverage")) as Coverage;
  const names = new Set<string>();
  for (const { url, functions } of result) {
    if (!/\/src\/(octets|inet|crypto|wire|ike|eroute|concentrator)\//.test(url)) continue;
    for (const { functionName, ranges } of functions) {
      const [whole] = ranges;
      if (whole === undefined || whole.count === 0) continue;
      names.add(`${url.slice(url.indexOf("/src/"))} ${functionName} ${whole.startOffset}`);
    }
  }
  return names;
}

function post(method: string, params: object = {}): Promise<unknown> {
  return new Promise((resolve, reject) => {
    session.post(method, params, (fault, result) => (fault ? reject(fault) : resolve(result)));
  });
}
