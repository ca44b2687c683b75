/**
 * The part of `states.ts` that asks a kernel with ESP for the states and policies of a fleet, as
 * the engine does: what they take of its memory, and what reading and removing them takes.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { asEspSpi } from "../../src/inet/esp-spi.ts";
import type { Prefix } from "../../src/inet/prefix.ts";
import { hashPolicies } from "../../src/linux/policy-hash.ts";
import { type Kernel, type KernelTables, openKernel } from "../../src/linux/xfrm-kernel.ts";
import type { XfrmRequest } from "../../src/xfrm/request.ts";
import type { XfrmStateId } from "../../src/xfrm/state.ts";
import { endpointOf } from "../simulation/plan.ts";
import { CALLED, type CrowdSubnets, createCrowd, outsideOf, subnetOf } from "./crowd.ts";
import { FLEET_SUBNET } from "./fleet.ts";
import { guestCpuUs } from "./guest-time.ts";
import { grownCaches, kernelMemory } from "./kernel-memory.ts";
import { say } from "./states-figure.ts";

const ROUNDS = 3;
const QUERIES = 2_000;
/** What has gone is freed somewhat later. */
const SETTLE_MS = 5_000;
const CACHES = 4;

const FLEET: CrowdSubnets = { within: FLEET_SUBNET, length: 24 };
const FIRST_SPI = 0xc000_0000;
/** SPIs of inbound states, for the other program. */
const SPIS_FILE = "/run/spis";

const [argument = ""] = process.argv.slice(2);
const kernel = opened();
if (argument === "removes") removeInbound();
else await measure(Number(argument));
kernel.close();

async function measure(sites: number): Promise<void> {
  const set = hashPolicies(4, { local: 0, remote: 24 });
  if (!set.ok) throw new Error(set.error);
  const before = kernelMemory();
  const spis = connectAll(sites);
  const full = kernelMemory();
  say("kernel memory, KiB a site", (full.kib - before.kib) / sites);
  for (const [name, kib] of grownCaches(before, full, CACHES)) {
    say(`– in ${name}, KiB a site`, kib / sites);
  }
  for (let round = 0; round < ROUNDS; round++) {
    await timed("counters of all states read", () => kernel.stateCounts(() => {}));
    await timed("names of all states and policies read", () => kernel.tables());
  }
  await timed("one state asked for", () => queryOften(spis), QUERIES);
  await removeByOthers(spis);
  await timed("the rest removed", () => kernel.removeLeftovers());
  await Bun.sleep(SETTLE_MS);
  say("kernel memory that stays, MiB", (kernelMemory().kib - before.kib) / 1_024);
  const left = await tables();
  say("states and policies that are left", left.states.size + left.policies.size);
}

/** Returns the SPIs of inbound states. */
function connectAll(sites: number): Uint32Array {
  const site = requestsOfSite();
  const spis = new Uint32Array(sites);
  for (let number = 0; number < sites; number++) {
    const numbered = { number, subnet: subnetOf(number, FLEET), outside: outsideOf(number, FLEET) };
    for (const request of site) {
      const answer = kernel.perform(requestOf(request, numbered));
      if (!answer.ok) throw new Error(`${answer.error.object}: ${answer.error.errno}`);
    }
    spis[number] = FIRST_SPI + number;
  }
  return spis;
}

/**
 * What the engine asks for when a site connects. Only for one: an engine with 100,000 sites has
 * more memory than a process of a guest can map.
 */
function requestsOfSite(): readonly (NewState | PutPolicy)[] {
  const requests: (NewState | PutPolicy)[] = [];
  const onKernel = (request: XfrmRequest): void => {
    if (request.op === "new-state") requests.push(structuredClone(request));
    if (request.op === "put-policy") requests.push(structuredClone(request));
  };
  const crowd = createCrowd(1, { subnets: FLEET, onKernel });
  crowd.driver.feed({ kind: "start" });
  requests.length = 0;
  crowd.connect(0);
  return requests;
}

type NewState = Extract<XfrmRequest, { op: "new-state" }>;
type PutPolicy = Extract<XfrmRequest, { op: "put-policy" }>;
type Numbered = { readonly number: number; readonly subnet: Prefix; readonly outside: string };

/** The same for another site: its addresses, SPIs and reqid. */
function requestOf(
  request: NewState | PutPolicy,
  { number, subnet, outside }: Numbered,
): NewState | PutPolicy {
  const { address: site } = endpointOf(outside, 0);
  if (request.op === "new-state") {
    const { state } = request;
    const { id, reqid } = state;
    const ends = state.direction === "in" ? { src: site, dst: id.dst } : { src: id.src, dst: site };
    const spi = asEspSpi(FIRST_SPI + number);
    return { op: "new-state", state: { ...state, id: { ...ends, spi }, reqid: reqid + number } };
  }
  const { policy } = request;
  const { id, template } = policy;
  const isOut = id.direction === "out";
  const place = isOut ? { dst: subnet } : { src: subnet };
  const ends = isOut ? { dst: site } : { src: site };
  const moved = template && { ...template, ...ends, reqid: template.reqid + number };
  const selector = { ...id.selector, ...place };
  return { op: "put-policy", policy: { ...policy, id: { ...id, selector }, template: moved } };
}

function inboundId(spi: number): XfrmStateId {
  const { address } = endpointOf(CALLED[4], 0);
  return { src: address, dst: address, spi: asEspSpi(spi) };
}

function queryOften(spis: Uint32Array): void {
  for (let times = 0; times < QUERIES; times++) {
    const id = inboundId(spis[times % spis.length] ?? 0);
    if (!kernel.perform({ op: "query-state", id }).ok) throw new Error("a state is missing");
  }
}

/** Another program removes all inbound states, one by one: each removal is an event. */
async function removeByOthers(spis: Uint32Array): Promise<void> {
  writeFileSync(SPIS_FILE, spis);
  let [events, losses] = [0, 0];
  const listening = kernel.listen(
    (event) => {
      if (event.kind === "removed") events++;
    },
    () => losses++,
  );
  if (!listening.ok) throw new Error(listening.error.detail);
  const program = Bun.spawn([process.execPath, import.meta.path, "removes"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  if ((await program.exited) !== 0) throw new Error("states could not be removed");
  await Bun.sleep(SETTLE_MS);
  say("states removed by another program: reported", events);
  say("– times that reports were lost", losses);
  // All names are read again then, so nothing stays unknown.
  say("– states that the tables then have", (await tables()).states.size);
}

/** The other program. */
function removeInbound(): void {
  const octets = readFileSync(SPIS_FILE);
  for (const spi of new Uint32Array(octets.buffer, octets.byteOffset, octets.length / 4)) {
    const answer = kernel.perform({ op: "delete-state", id: inboundId(spi) });
    if (!answer.ok) throw new Error(`${answer.error.object}: ${answer.error.errno}`);
  }
}

async function tables(): Promise<KernelTables> {
  const read = await kernel.tables();
  if (!read.ok) throw new Error(read.error.detail);
  return read.value;
}

function opened(): Kernel {
  const kernel = openKernel();
  if (!kernel.ok) throw new Error(kernel.error.detail);
  return kernel.value;
}

/** CPU of the whole guest, in ms, or in µs for each of `count`. */
async function timed(what: string, work: () => unknown, count?: number): Promise<void> {
  const from = await guestCpuUs();
  await work();
  const us = (await guestCpuUs()) - from;
  if (count === undefined) say(`${what}, ms of CPU`, us / 1_000);
  else say(`${what}, µs of CPU`, us / count);
}
