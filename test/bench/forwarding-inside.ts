/**
 * The part of `forwarding.ts` that runs on a kernel with ESP: a concentrator with the tunnels of a
 * fleet, one site, and a host behind the concentrator. Packets go through the tunnel of that site.
 * What the kernel is asked for is what the engine asks for.
 */

import { deserialize, serialize } from "bun:jsc";
import { readFileSync, writeFileSync } from "node:fs";
import type { Family } from "../../src/inet/address.ts";
import { hashPolicies } from "../../src/linux/policy-hash.ts";
import { type Kernel, openKernel } from "../../src/linux/xfrm-kernel.ts";
import type { XfrmPolicy } from "../../src/xfrm/policy.ts";
import { type HashLengths, UNSET_HASH_LENGTHS } from "../../src/xfrm/policy-hash.ts";
import type { XfrmRequest } from "../../src/xfrm/request.ts";
import type { XfrmState } from "../../src/xfrm/state.ts";
import { type CrowdSubnets, createCrowd } from "./crowd.ts";
import { HUB, inside, LAN, layGround, SITE, siteAddresses } from "./forwarding-ground.ts";
import { guestCpuUs } from "./guest-time.ts";

/** The remote prefix length from which on policies are found by hash; `trees`: the kernel's own. */
export type HashedFrom = number | "trees";

export type ForwardingOrder = {
  readonly fleet: CrowdSubnets;
  readonly lengths: readonly HashedFrom[];
  /** Numbers of sites, rising. */
  readonly sizes: readonly number[];
  readonly rounds: number;
  /** Windows of time in each direction. */
  readonly windows: number;
};

/** One window of time: µs of the guest's CPU for each packet, or for each request. */
export type ForwardingFigure = {
  readonly length: HashedFrom;
  readonly sites: number;
  readonly what: "out" | "in" | "install" | "replace" | "remove";
  readonly count: number;
  readonly cpuUs: number;
};

const PORT = "5201";
/** The requests for the tunnel that is measured. */
const OWN_FILE = "/run/own";
const ASK_EVERY_MS = 5;
const WINDOW_MS = 400;
/** The time of a process that has ended is lost on the host, somewhat later. */
const REST_MS = 500;
/** As many policies are replaced. */
const REPLACED = 6_000;
/** By then a flood has begun. */
const PACKETS_BEFORE = 1_000;
const OPPOSITE = { in: "out", out: "in", fwd: undefined } as const;

const [role, argument = ""] = process.argv.slice(2);
if (role === "outer") await outer();
else if (role === "hub") await hub(JSON.parse(argument) as ForwardingOrder);
else if (role === "site") site();

/** Lays the line, then goes on in the concentrator's namespace. */
async function outer(): Promise<void> {
  const order = JSON.parse(argument) as ForwardingOrder;
  layGround(order.fleet);
  inside(HUB, process.execPath, import.meta.path, "hub", argument);
}

/** One length after the other, in turn. */
async function hub(order: ForwardingOrder): Promise<void> {
  const sites = Math.max(...order.sizes);
  const { standing, requests } = requestsOf(order.fleet, sites);
  const kernel = opened();
  const [own = []] = requests;
  writeFileSync(OWN_FILE, new Uint8Array(serialize(own)));
  inside(SITE, process.execPath, import.meta.path, "site");
  for (const request of standing) must(kernel, request);
  for (const request of own) must(kernel, request);
  const { family } = siteAddresses(order.fleet);
  let former = UNSET_HASH_LENGTHS[family];
  for (let round = 0; round < order.rounds; round++) {
    for (const length of order.lengths) {
      former = setLengths(family, former, length);
      await growAndShrink(kernel, { order, length, requests });
    }
  }
  kernel.close();
}

function setLengths(family: Family, former: HashLengths, length: HashedFrom): HashLengths {
  const wanted = length === "trees" ? UNSET_HASH_LENGTHS[family] : { local: 0, remote: length };
  const set = hashPolicies(family, wanted, [former]);
  if (!set.ok) throw new Error(set.error);
  if (set.value.kind !== "in-force") throw new Error("other lengths are in force");
  return wanted;
}

type Fleet = {
  readonly order: ForwardingOrder;
  readonly length: HashedFrom;
  /** For each site; those for the first are in force. */
  readonly requests: readonly (readonly XfrmRequest[])[];
};

/** Grows the fleet, measures at each size, and lets it go again. */
async function growAndShrink(kernel: Kernel, fleet: Fleet): Promise<void> {
  const { order, length, requests } = fleet;
  const [own = []] = requests;
  const policies = policiesOf(own);
  let sites = 1;
  for (const size of order.sizes) {
    const more = requests.slice(sites, size).flat();
    sites = size;
    await timed({ length, sites, what: "install" }, more.length, () => all(kernel, more));
    // Policies of equal priority are asked in the order in which they came: this site's are last.
    for (const { id } of policies) must(kernel, { op: "delete-policy", id });
    for (const policy of policies) must(kernel, { op: "put-policy", policy });
    await measureDirections(kernel, fleet, sites);
  }
  const gone = requests.slice(1, sites).flat();
  const put = gone.filter(({ op }) => op === "put-policy").slice(0, REPLACED);
  await timed({ length, sites, what: "replace" }, put.length, () => all(kernel, put));
  const removals = gone.flatMap(removalOf);
  await timed({ length, sites, what: "remove" }, removals.length, () => all(kernel, removals));
}

/** One flood in each direction, cut into windows: the quiet ones count. */
async function measureDirections(
  kernel: Kernel,
  { order: { windows, fleet }, length, requests: [own = []] }: Fleet,
  sites: number,
): Promise<void> {
  const { inner } = siteAddresses(fleet);
  for (const what of ["out", "in"] as const) {
    const state = own.find((one) => one.op === "new-state" && one.state.direction === what);
    if (state?.op !== "new-state") throw new Error(`no state ${what}`);
    const { id } = state.state;
    const flood = await startFlood(inner, what);
    const first = packetsOf(kernel, id);
    while (packetsOf(kernel, id) < first + PACKETS_BEFORE) {
      if (flood.hasEnded()) throw new Error("iperf3 has ended");
      await Bun.sleep(ASK_EVERY_MS);
    }
    for (let window = 0; window < windows; window++) {
      const [from, before] = [await guestCpuUs(), packetsOf(kernel, id)];
      await Bun.sleep(WINDOW_MS);
      const cpuUs = (await guestCpuUs()) - from;
      say({ length, sites, what, count: packetsOf(kernel, id) - before, cpuUs });
    }
    await flood.stop();
  }
}

/** Small packets as fast as they can be sent, from behind the concentrator or to there. */
async function startFlood(inner: string, what: "out" | "in") {
  const server = iperf(SITE, ["-s", "--forceflush"]);
  await listening(server.stdout);
  const reverse = what === "in" ? ["-R"] : [];
  const load = ["-u", "-b", "0", "-l", "64", "-t", "600", ...reverse];
  const client = iperf(LAN, ["-c", inner, ...load]);
  return {
    hasEnded: () => client.exitCode !== null,
    async stop(): Promise<void> {
      for (const program of [client, server]) {
        program.kill("SIGKILL");
        await program.exited;
      }
      await Bun.sleep(REST_MS);
    },
  };
}

function iperf(namespace: string, words: readonly string[]) {
  const command = ["ip", "netns", "exec", namespace, "iperf3", "-p", PORT, ...words];
  return Bun.spawn(command, { stdio: ["ignore", "pipe", "inherit"] });
}

/** Until a server says that it listens. */
async function listening(output: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
  const reader = output.getReader();
  let said = "";
  while (!said.includes("listening")) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`iperf3 -s: ${said}`);
    said += new TextDecoder().decode(value);
  }
  reader.releaseLock();
}

function packetsOf(kernel: Kernel, id: XfrmState["id"]): number {
  const answer = kernel.perform({ op: "query-state", id });
  if (!answer.ok) throw new Error(answer.error.detail);
  return Number(answer.value?.packets ?? 0n);
}

async function timed(
  { length, sites, what }: Omit<ForwardingFigure, "count" | "cpuUs">,
  count: number,
  work: () => void,
): Promise<void> {
  const from = await guestCpuUs();
  work();
  say({ length, sites, what, count, cpuUs: (await guestCpuUs()) - from });
}

function say(figure: ForwardingFigure): void {
  console.log(`FIGURE ${JSON.stringify(figure)}`);
}

/** What the engine asks the kernel for: at its start, and for each site. */
function requestsOf(fleet: CrowdSubnets, sites: number) {
  let requests: XfrmRequest[] = [];
  const onKernel = (request: XfrmRequest) => void requests.push(structuredClone(request));
  const crowd = createCrowd(sites, { subnets: fleet, onKernel });
  crowd.driver.feed({ kind: "start" });
  const standing = requests;
  const ofSites = Array.from({ length: sites }, (_, number) => {
    requests = [];
    crowd.connect(number);
    return requests;
  });
  return { standing, requests: ofSites };
}

function policiesOf(requests: readonly XfrmRequest[]): readonly XfrmPolicy[] {
  return requests.flatMap((one) => (one.op === "put-policy" ? [one.policy] : []));
}

function removalOf(request: XfrmRequest): XfrmRequest[] {
  if (request.op === "put-policy") return [{ op: "delete-policy", id: request.policy.id }];
  if (request.op === "new-state") return [{ op: "delete-state", id: request.state.id }];
  return [];
}

/** The other end of the tunnel: the same states, the policies the other way round. */
function site(): void {
  const octets = readFileSync(OWN_FILE);
  const kernel = opened();
  for (const request of deserialize(octets) as XfrmRequest[]) {
    if (request.op === "new-state") {
      const direction = request.state.direction === "in" ? "out" : "in";
      must(kernel, { op: "new-state", state: { ...request.state, direction } });
    }
    if (request.op !== "put-policy") continue;
    const { policy } = request;
    const direction = OPPOSITE[policy.id.direction];
    if (direction === undefined) continue;
    must(kernel, { op: "put-policy", policy: { ...policy, id: { ...policy.id, direction } } });
  }
  kernel.close();
}

function opened(): Kernel {
  const kernel = openKernel();
  if (!kernel.ok) throw new Error(kernel.error.detail);
  return kernel.value;
}

function all(kernel: Kernel, requests: readonly XfrmRequest[]): void {
  for (const request of requests) must(kernel, request);
}

function must(kernel: Kernel, request: XfrmRequest): void {
  const answer = kernel.perform(request);
  if (!answer.ok) throw new Error(`${answer.error.object}: ${answer.error.errno}`);
}
