/**
 * Finds the functions that the first site runs for the first time when it connects and rekeys,
 * after a warm-up or without one. It is a process of its own, because functions are counted from
 * the time they are loaded. Prints numbers and names as JSON.
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
const { createRehearsal } = await import("../../../src/daemon/rehearsal.ts");
const { warmUp } = await import("../../../src/daemon/warm-up.ts");

await entered();
const isWarm = process.argv[2] === "warm";
const warmed = new Set<string>();
if (isWarm) warmUp();
note(warmed, await entered());
const table = layTable();
await entered();
const [caller] = connectAll(table, 1);
const ofConnection = await entered();
const cold = [...ofConnection].filter((name) => !warmed.has(name));
if (isWarm) await rehearse();
note(warmed, await entered());
const [child] = caller?.session().children ?? [];
if (caller !== undefined && child !== undefined) {
  caller.ask({ kind: "rekey-child", spiIn: child.spiIn });
  caller.settle();
}
const ofRekey = await entered();
cold.push(...[...ofRekey].filter((name) => !warmed.has(name) && !ofConnection.has(name)));
console.log(JSON.stringify({ used: new Set([...ofConnection, ...ofRekey]).size, cold }));

function note(all: Set<string>, names: ReadonlySet<string>): void {
  if (isWarm) for (const name of names) all.add(name);
}

/** What follows while nobody calls. */
async function rehearse(): Promise<void> {
  const rehearsal = createRehearsal({ callers: 2, isWhole: true });
  while (rehearsal.rounds === 0) {
    if (!rehearsal.step()) await new Promise((resolve) => void setImmediate(resolve));
  }
  rehearsal.close();
}

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
