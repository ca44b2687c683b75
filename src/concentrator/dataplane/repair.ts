/**
 * What another program has removed from the kernel: policies and routes are put back, those against
 * clear text first. Child SAs get new keys, because the keys of a state are not kept. If something
 * is only suspected to be missing, the kernel is asked first. Objects of others are not touched.
 */

import type { EspSpi } from "../../inet/esp-spi.ts";
import { formatPrefix } from "../../inet/prefix.ts";
import type { Instant } from "../../octets/instant.ts";
import type { Names } from "../../octets/names.ts";
import type { XfrmRemoval } from "../../xfrm/event.ts";
import {
  formatPolicyId,
  formatStateId,
  type KernelResult,
  stateName,
  type XfrmRequest,
} from "../../xfrm/request.ts";
import type { XfrmStateId } from "../../xfrm/state.ts";
import { ask } from "../ask.ts";
import { changedSite } from "../changes.ts";
import { type Engine, inMs } from "../engine.ts";
import type { Event } from "../event.ts";
import { isAtRest } from "../resting.ts";
import { installedAt } from "./child-sas.ts";
import { type Installed, isSameState } from "./installed.ts";
import { outboundAt } from "./outbound-spi.ts";
import { policyInForce } from "./policies.ts";
import { noteRefused, noteState, tellSoon, tellTally } from "./repair-notes.ts";
import type { Repairing, Walk } from "./repairs.ts";

/** Checked in one go: a name that is known to exist costs a microsecond. */
const LOOKS_AT_ONCE = 256;
/** To look at one that is at rest takes as long as so many more. */
const REST_LOOKS = 7;
/** Questions to the kernel in one go, and Child SAs that get new keys. */
const QUESTIONS_AT_ONCE = 64;
const REMAKES_AT_ONCE = 4;
const NEXT_PORTION_MS = 2;
/** All tables are walked at most this often, however often they are flushed. */
const WALK_EVERY_MS = 200;
/** A rekey that has not replaced a lost Child SA by then has failed: the Child SA is deleted. */
const REMAKE_MS = 30_000;

/** Another program has removed something; most of it is not ours. */
export function onRemoved(engine: Engine, { removal, by }: Removed): void {
  if (engine.shuttingDown) return;
  if (by !== KERNEL) engine.dataplane.repairs.by = by;
  switch (removal.what) {
    case "state": {
      const installed = ownerOf(engine, removal.id);
      if (installed !== undefined) suspectStates(engine, installed);
      return;
    }
    case "policy":
      return suspectPolicy(engine, formatPolicyId(removal.id));
    case "route":
      // The kernel itself removes routes with their interface: no program is to blame.
      return putRouteBack(engine, formatPrefix(removal.destination), by === KERNEL);
    case "states":
      return walk(engine, { states: new Set(), policies: undefined, worn: EMPTY });
    case "policies":
      walk(engine, { states: undefined, policies: new Set(), worn: EMPTY });
      // Policies that keep packets from leaving in clear do not wait for their turn.
      if (engine.dataplane.repairs.walkedAt === engine.now) return;
      for (const name of engine.dataplane.standing.keys()) suspectPolicy(engine, name);
      return;
  }
}

/** The netlink port of the kernel itself. */
const KERNEL = 0;

type Removed = Extract<Event, { kind: "removed" }> & { readonly removal: XfrmRemoval };

/** Compares our tables with those of the kernel, and asks it about what is missing. */
export function onKernelTables(
  engine: Engine,
  { states, policies, worn }: Extract<Event, { kind: "kernel-tables" }>,
): void {
  if (!engine.shuttingDown) walk(engine, { states, policies, worn });
}

/** Starts a walk through our tables, in portions; one that is under way begins again. */
function walk(engine: Engine, known: Walk["known"]): void {
  const { repairs } = engine.dataplane;
  const before = repairs.walk?.known;
  // Two walks have begun: everything that either was to check is checked again.
  const { worn } = known;
  const merged = before === undefined ? known : { states: EMPTY, policies: EMPTY, worn };
  const policies = merged.policies === undefined ? NONE : policyNames(engine);
  const states = merged.states === undefined ? NONE : engine.dataplane.installed.entries();
  repairs.walk = { known: merged, policies, states };
  const earliest = repairs.walkedAt === undefined ? engine.now : repairs.walkedAt + WALK_EVERY_MS;
  const at = Math.max(engine.now, earliest) as typeof engine.now;
  if (repairs.at === undefined || at < repairs.at) repairs.at = at;
  runRepairs(engine);
}

/** Standing policies come first: they keep packets from leaving in clear. */
function* policyNames({ dataplane }: Engine): Generator<string, undefined> {
  const { standing, policies } = dataplane;
  yield* standing.keys();
  for (const name of policies.names()) if (!standing.has(name)) yield name;
  return undefined;
}

const EMPTY: Names = new Set();
const NONE: IterableIterator<never> = [].values();

/** The next portion, if it is time. */
export function runRepairs(engine: Engine): void {
  const { repairs } = engine.dataplane;
  if (repairs.tellAt !== undefined && engine.now >= repairs.tellAt) tellTally(engine);
  if (repairs.at === undefined || engine.now < repairs.at) return;
  const isDone = repairs.walk === undefined || walkOn(engine, repairs.walk);
  if (isDone) repairs.walk = undefined;
  for (const [spiIn, installed] of repairs.remakes) {
    if (repairs.remade >= REMAKES_AT_ONCE) break;
    repairs.remade++;
    repairs.remakes.delete(spiIn);
    engine.inbox.push({ spi: installed.ikeSpi, event: { kind: "rekey-child", spiIn } });
  }
  repairs.remade = 0;
  const isOver = isDone && repairs.remakes.size === 0;
  repairs.at = isOver ? undefined : inMs(engine, NEXT_PORTION_MS);
}

/** Whether everything has been checked. */
function walkOn(engine: Engine, { known, policies, states }: Walk): boolean {
  const { repairs } = engine.dataplane;
  repairs.walkedAt = engine.now;
  let questions = 0;
  for (let looks = 0; looks < LOOKS_AT_ONCE && questions < QUESTIONS_AT_ONCE; looks++) {
    const policy = policies.next();
    if (policy.done !== true) {
      if (known.policies?.has(policy.value) === true) continue;
      suspectPolicy(engine, policy.value);
      questions++;
      continue;
    }
    const next = states.next();
    if (next.done === true) return true;
    const [spiIn, held] = next.value;
    if (isAtRest(held)) looks += REST_LOOKS;
    if (isAtRest(held) && isWhole(known, engine.resting.glimpse(held)?.states ?? [])) continue;
    const value = installedAt(engine, spiIn);
    if (value === undefined) continue;
    if (value.phase === "up" && value.ours.some((id) => known.worn.has(stateName(id)))) {
      repairs.remakes.set(value.child.spiIn, value);
    }
    if (areThere(known, value.ours)) continue;
    suspectStates(engine, value);
    questions += value.ours.length;
  }
  return false;
}

/** Whether the kernel has them, and none of them has to be replaced. */
function isWhole(known: Walk["known"], states: readonly XfrmStateId[]): boolean {
  return areThere(known, states) && !states.some((id) => known.worn.has(stateName(id)));
}

function areThere({ states: known }: Walk["known"], states: readonly XfrmStateId[]): boolean {
  return states.length > 0 && states.every((id) => known?.has(stateName(id)) === true);
}

/** Asks whether it is there; if not, it is put back. */
function suspectPolicy(engine: Engine, name: string): void {
  const id = policyInForce(engine, name)?.id;
  if (id === undefined) return;
  askKernel(engine, { kind: "repair", what: "policy", name }, { op: "query-policy", id });
}

/** Asks for its states; if one is gone, the Child SA gets new keys. */
export function suspectStates(engine: Engine, installed: Installed): void {
  const { child, phase, pending } = installed;
  if (phase !== "up" || pending > 0) return;
  const lostAt = engine.dataplane.repairs.lost.get(child.spiIn);
  if (lostAt !== undefined) return giveUpRemake(engine, installed, lostAt);
  for (const id of installed.ours) {
    const { mark } = installed;
    const named = isSameState(id, installed.outbound) && mark !== undefined ? { id, mark } : { id };
    askKernel(
      engine,
      { kind: "repair", what: "state", installed, id },
      { op: "query-state", ...named },
    );
  }
}

/** The site would not rekey it: deletes the Child SA, and asks for another one. */
function giveUpRemake(engine: Engine, installed: Installed, lostAt: number): void {
  if (engine.now < lostAt + REMAKE_MS) return;
  const { child, ikeSpi: spi } = installed;
  const { spiIn, local, remote } = child;
  engine.inbox.push({ spi, event: { kind: "close-child", spiIn } });
  engine.inbox.push({ spi, event: { kind: "new-child", local, remote } });
}

/** The kernel's answer to one of these requests. */
export function onRepairAnswer(engine: Engine, repairing: Repairing, result: KernelResult): void {
  const errno = result.ok ? undefined : result.error.errno;
  if (repairing.what === "state") {
    if (errno === "ESRCH") onStateLost(engine, repairing.installed, repairing.id);
  } else if (repairing.what === "policy") {
    if (errno === "ENOENT") putPolicyBack(engine, repairing.name);
    else if (errno === "EEXIST") noteRefused(engine, "policies_taken_by_others", result);
  } else if (!result.ok && !repairing.isQuiet) noteRefused(engine, "kernel_refusals", result);
}

function putPolicyBack(engine: Engine, name: string): void {
  const policy = policyInForce(engine, name);
  if (policy === undefined) return;
  tellSoon(engine, "policies");
  askKernel(engine, { kind: "repair", what: "put", isQuiet: false }, { op: "put-policy", policy });
}

function putRouteBack(engine: Engine, destination: string, isQuiet: boolean): void {
  const route = engine.dataplane.routes.get(destination)?.at(-1)?.route;
  if (route === undefined) return;
  if (!isQuiet) tellSoon(engine, "routes");
  askKernel(engine, { kind: "repair", what: "put", isQuiet }, { op: "put-route", route });
}

/** A state is lost, and its keys were only in the kernel: a rekey makes new ones. */
function onStateLost(engine: Engine, installed: Installed, id: XfrmStateId): void {
  const at = installed.ours.findIndex((own) => isSameState(own, id));
  if (at < 0 || installed.phase !== "up") return;
  installed.ours.splice(at, 1);
  changedSite(engine, installed.erouteKey);
  const { repairs } = engine.dataplane;
  const { spiIn } = installed.child;
  tellSoon(engine, "states");
  if (repairs.lost.has(spiIn)) return;
  noteState(engine, installed, formatStateId(id));
  repairs.lost.set(spiIn, engine.now);
  repairs.remakes.set(spiIn, installed);
  repairs.at ??= engine.now;
}

/** Whether a Child SA has lost its states, and is about to get new keys. */
export function hasLostStates({ dataplane }: Engine, spiIn: EspSpi): boolean {
  return dataplane.repairs.lost.has(spiIn);
}

/** When repairs continue. */
export function repairsAt({ dataplane }: Engine): Instant | undefined {
  return dataplane.repairs.at;
}

/** When they are reported. */
export function repairNotesAt({ dataplane }: Engine): Instant | undefined {
  return dataplane.repairs.tellAt;
}

/** It goes, or is about to be replaced by another one. */
export function leaveRepair(engine: Engine, spiIn: EspSpi): void {
  engine.dataplane.repairs.lost.delete(spiIn);
  engine.dataplane.repairs.remakes.delete(spiIn);
}

/** By destination and SPI, as the kernel does. */
function ownerOf(engine: Engine, id: Pick<XfrmStateId, "dst" | "spi">): Installed | undefined {
  const inbound = installedAt(engine, id.spi);
  const name = stateName(id);
  if (inbound !== undefined && stateName(inbound.inbound) === name) return inbound;
  return outboundAt(engine, name);
}

function askKernel(engine: Engine, repairing: Repairing, op: XfrmRequest): void {
  ask(engine, repairing, (request) => ({ kind: "kernel", request, op }));
}
