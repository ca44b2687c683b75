/** Child SAs in the kernel: installed, taken over, removed; policies shared by selector. */

import type { ChildSa } from "../../ike/child-sa.ts";
import type { IkeEffect } from "../../ike/ike-sa.ts";
import type { Nat } from "../../ike/nat.ts";
import type { Refusal } from "../../ike/refusal.ts";
import { equalAddress } from "../../inet/address.ts";
import type { EspSpi } from "../../inet/esp-spi.ts";
import { assert } from "../../octets/assert.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { wipe } from "../../octets/secret.ts";
import type { Reason } from "../../reason/reason.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { KernelResult, XfrmRefusal } from "../../xfrm/request.ts";
import type { XfrmStateId } from "../../xfrm/state.ts";
import { changedSite } from "../changes.ts";
import { count, countAgreed, type Engine } from "../engine.ts";
import { journal } from "../journal/write.ts";
import { aboutIkeSa, factsAt, ikeSaAt } from "../sites/ike-sas.ts";
import { judgePolicies, takeOver } from "../sites/overlap.ts";
import { childSasOf, installedAt, setChildSasOf } from "./child-sas.ts";
import { enterChosen, leaveChosen } from "./chosen.ts";
import { letDrain } from "./draining.ts";
import { currentEspPath } from "./esp-path.ts";
import { type ChildRequest, type Installed, isSameState, isUnsure, NONE } from "./installed.ts";
import { kernelReason } from "./kernel-reason.ts";
import { leaveOutbound, roomFor, takeOutbound } from "./outbound-spi.ts";
import { policiesOf, releasePolicy, usePolicies, withNames } from "./policies.ts";
import { leaveRepair, suspectStates } from "./repair.ts";
import { releaseReqid, takeReqid } from "./reqids.ts";
import { copyState, request, stateOf, wipeState } from "./request.ts";
import { childRoutes, releaseRoute, useRoute } from "./routes.ts";
import { childPolicies, inboundState, outboundState } from "./xfrm-of-child.ts";

type ChildUp = Extract<IkeEffect, { kind: "child-up" }>;

/** Asks the kernel for states and policies: inbound before outbound, states before policies. */
export function installChild(engine: Engine, spi: IkeSpi, up: ChildUp): void {
  const eroute = ikeSaAt(engine, spi)?.eroute;
  const ike = factsAt(engine, spi);
  assert(eroute !== undefined && ike !== undefined, "a Child SA needs its eroute");
  const path = currentEspPath(engine, ike);
  const wanted = { src: path.local.address, dst: path.remote.address, spi: up.child.spiOut };
  const room = roomFor(engine, { spi, erouteKey: eroute.key }, wanted);
  if (!room.ok) return refuseChild(engine, spi, up, room.error);
  const place = {
    child: up.child,
    path,
    encapsulate: needsEncapsulation(ike.nat),
    reqid: takeReqid(engine, eroute.key, up.child),
    options: eroute.child,
    remoteSubnets: eroute.remoteSubnets,
  };
  const inbound = inboundState(place, up.keys);
  const outbound = outboundState(place, up.keys);
  const former = room.value;
  const waits = up.inboundOnly && oldOneSends(engine, up.child, outbound.id);
  // Packets go through it as soon as it is there. To put it there twice would number them anew.
  const isKeptFirst = up.isOurs && engine.changes !== undefined;
  const named = withNames(childPolicies(place));
  const taken = judgePolicies(engine, eroute, named);
  const installed: Installed = {
    child: up.child,
    erouteKey: eroute.key,
    takesFrom: taken.from,
    place,
    ikeSpi: spi,
    encapsulated: place.encapsulate,
    inbound: inbound.id,
    outbound: outbound.id,
    mark: eroute.child.mark,
    policies: undefined,
    routes: childRoutes(place),
    outboundWaiting: waits ? outbound : undefined,
    asked: isKeptFirst ? (waits ? [inbound] : [inbound, outbound]).map(copyState) : NONE,
    moving: NONE,
    isKeptFirst,
    packetsIn: 0n,
    packetsOut: 0n,
    ticket: up.ticket,
    pending: 0,
    ours: [],
    refusal: undefined,
    drains: false,
    phase: "installing",
  };
  if (taken.refusal !== undefined) {
    releaseReqid(engine, eroute.key, place.reqid);
    wipeState(inbound, outbound, ...installed.asked);
    tell(engine, installed, err(taken.refusal));
    return;
  }
  enterTable(engine, installed);
  takeOutbound(engine, installed);
  const first = { op: "new-state", state: inbound, isKeptFirst } as const;
  request(engine, first, { installed, makes: inbound.id });
  if (!waits) {
    const insteadOf = former === undefined ? {} : { insteadOf: vacate(former) };
    const op = { op: "new-state", state: outbound, ...insteadOf } as const;
    request(engine, op, { installed, makes: outbound.id });
  }
  usePolicies(engine, installed, named);
  for (const route of installed.routes) {
    const op = useRoute(engine.dataplane.routes, up.child.spiIn, route);
    if (op !== undefined) request(engine, op, { installed, makes: undefined });
  }
  // Last, so that a policy that both use is never missing.
  if (former !== undefined) takeOut(engine, former);
}

/** There is no room for it: tells the IKE SA at once. */
function refuseChild(engine: Engine, spi: IkeSpi, up: ChildUp, refusal: Refusal): void {
  for (const { encryption, integrity } of [up.keys.in, up.keys.out]) wipe(encryption, integrity);
  const { ticket } = up;
  engine.inbox.push({ spi, event: { kind: "child-installed", ticket, result: err(refusal) } });
}

/** Its outbound state is removed by the request that needs the room. */
function vacate(former: Installed): ReturnType<typeof stateOf> {
  forgetState(former, former.outbound);
  return stateOf(former, former.outbound);
}

/**
 * The site has restarted: removes what it had before, and tells the IKE SA of that, if it is there.
 */
function takeOut(engine: Engine, former: Installed): void {
  const { ikeSpi: spi, child } = former;
  removeInstalled(engine, former);
  count(engine, "child_sas_closed");
  engine.inbox.push({ spi, event: { kind: "close-child", spiIn: child.spiIn } });
}

/**
 * Whether the former Child SA still sends to the same address: a site that has moved needs the new
 * one at once.
 */
function oldOneSends(engine: Engine, child: ChildSa, outbound: XfrmStateId): boolean {
  if (child.replaces === undefined) return false;
  const before = installedAt(engine, child.replaces);
  return before !== undefined && equalAddress(before.outbound.dst, outbound.dst);
}

/**
 * The site has deleted the former Child SA: from now on we send through the new one. With
 * `insteadOf` only if nothing else sends once that one has gone.
 */
export function installOutbound(engine: Engine, spiIn: number, insteadOf?: EspSpi): void {
  const installed = installedAt(engine, spiIn as ChildSa["spiIn"]);
  const state = installed?.outboundWaiting;
  if (installed === undefined || state === undefined) return;
  if (insteadOf !== undefined && anotherSends(engine, installed, insteadOf)) return;
  installed.outboundWaiting = undefined;
  installed.asked = [state];
  engine.dataplane.unsure.set(installed.child.spiIn, installed);
  changedSite(engine, installed.erouteKey);
  const op = { op: "new-state", state: copyState(state) } as const;
  request(engine, op, { installed, makes: state.id });
}

/**
 * A Child SA is about to go. If it is the last one that sends, and another one for the same packets
 * waits, that one sends from now on, whichever IKE SA of the site has it.
 */
export function letOthersSend(engine: Engine, going: number): void {
  const last = installedAt(engine, going as ChildSa["spiIn"]);
  if (last === undefined) return;
  for (const spiIn of childSasOf(engine, last.erouteKey)) {
    if (spiIn === last.child.spiIn) continue;
    if (installedAt(engine, spiIn)?.place.reqid !== last.place.reqid) continue;
    installOutbound(engine, spiIn, last.child.spiIn);
  }
}

function anotherSends(
  engine: Engine,
  { erouteKey, place: { reqid }, outbound, child }: Installed,
  going: EspSpi,
): boolean {
  return childSasOf(engine, erouteKey).some((spiIn) => {
    if (spiIn === going || spiIn === child.spiIn) return false;
    const other = installedAt(engine, spiIn);
    if (other === undefined || other.outboundWaiting !== undefined) return false;
    return other.place.reqid === reqid && equalAddress(other.outbound.dst, outbound.dst);
  });
}

/** The kernel has answered one request. After the last one, the IKE SA is told. */
export function onChildAnswer(
  engine: Engine,
  { installed, state, moves, isAgain }: ChildRequest,
  result: KernelResult,
): void {
  installed.pending--;
  changedSite(engine, installed.erouteKey);
  if (state !== undefined) becomeSure(engine, installed, { state, moves });
  if (!result.ok && !(isAgain && isDone(result.error, moves))) {
    installed.refusal ??= result.error;
    count(engine, "kernel_refusals");
    // It may be there all the same, made by the process before.
    if (isAgain && state !== undefined) {
      request(engine, { op: "delete-state", ...stateOf(installed, state) });
    }
    // The state is still where it was, unless it has gone.
    if (moves !== undefined && result.error.errno !== "ESRCH") {
      request(engine, { op: "delete-state", ...stateOf(installed, moves) });
    }
  } else if (state !== undefined && !isOnItsWay(installed, state)) installed.ours.push(state);
  if (installed.pending > 0) return;
  if (installed.phase === "removed") return deleteStates(engine, installed);
  const { refusal } = installed;
  if (refusal !== undefined) return onRefused(engine, installed, refusal);
  if (installed.phase === "up") {
    if (isAgain) suspectStates(engine, installed);
    return;
  }
  installed.phase = "up";
  if (!isUnsure(installed)) engine.dataplane.unsure.delete(installed.child.spiIn);
  count(engine, "child_sas_installed");
  countAgreed(engine, "child", installed.child.algorithms);
  if (installed.takesFrom.length > 0) takeOver(engine, installed);
  tell(engine, installed, ok(undefined));
}

/** The kernel has answered: what the next process would have asked again is settled. */
function becomeSure(
  { dataplane }: Engine,
  installed: Installed,
  { state, moves }: Pick<ChildRequest, "moves"> & { readonly state: XfrmStateId },
): void {
  if (moves !== undefined) {
    const left = installed.moving.filter(({ to }) => !isSameState(to, state));
    installed.moving = left.length === 0 ? NONE : left;
  } else if (installed.asked.length > 0) {
    wipeState(...installed.asked.filter(({ id }) => isSameState(id, state)));
    const left = installed.asked.filter(({ id }) => !isSameState(id, state));
    installed.asked = left.length === 0 ? NONE : left;
  }
  if (!isUnsure(installed)) dataplane.unsure.delete(installed.child.spiIn);
}

/** Whether it is asked to go elsewhere as soon as it is there. */
function isOnItsWay({ moving }: Installed, state: XfrmStateId): boolean {
  return moving.some(({ from }) => isSameState(from, state));
}

/**
 * Whether the process before had it done: the state is there, or is no longer where it was. It may
 * be lost altogether: the kernel is asked for it.
 */
function isDone({ errno }: XfrmRefusal, moves: XfrmStateId | undefined): boolean {
  return errno === (moves === undefined ? "EEXIST" : "ESRCH");
}

/**
 * The kernel has refused the Child SA: its IKE SA refuses the site's request, or deletes the Child
 * SA.
 */
function onRefused(engine: Engine, installed: Installed, refusal: XfrmRefusal): void {
  noteRefusal(engine, installed, refusal);
  const { ikeSpi: spi, child, phase } = installed;
  if (phase === "up") {
    engine.inbox.push({ spi, event: { kind: "close-child", spiIn: child.spiIn } });
    return;
  }
  tell(engine, installed, err(kernelRefusal(refusal)));
  removeInstalled(engine, installed);
}

function tell(engine: Engine, { ikeSpi, ticket }: Installed, result: Result<undefined, Refusal>) {
  engine.inbox.push({ spi: ikeSpi, event: { kind: "child-installed", ticket, result } });
}

/** The kernel has removed a state by itself: a state with this SPI is another one from now on. */
export function forgetState(installed: Installed, id: XfrmStateId): void {
  const at = installed.ours.findIndex((own) => isSameState(own, id));
  if (at >= 0) installed.ours.splice(at, 1);
}

/**
 * Takes a Child SA out of the kernel: policies before states, outbound before inbound. One that was
 * replaced still accepts for a while the packets that are on their way.
 */
export function removeChild(engine: Engine, spiIn: number, why: Reason): void {
  const installed = installedAt(engine, spiIn as ChildSa["spiIn"]);
  if (installed === undefined) return;
  installed.drains = DRAINED.includes(why);
  removeInstalled(engine, installed);
  count(engine, "child_sas_closed");
}

/** Reasons for the end of a Child SA that another one replaces. */
const DRAINED: readonly Reason[] = ["rekeyed", "redundant", "replaced-by-newer"];

/** Whether a Child SA's packets go through UDP: a NAT is on the way. */
export function needsEncapsulation(nat: Nat): boolean {
  return nat !== "none";
}

function noteRefusal(engine: Engine, installed: Installed, refusal: XfrmRefusal): void {
  journal(engine, aboutIkeSa(engine, installed.ikeSpi), {
    level: "error",
    step: "kernel",
    outcome: "failed",
    reason: kernelReason(refusal),
    detail: refusalDetail(refusal),
  });
}

function kernelRefusal(refusal: XfrmRefusal): Refusal {
  return { kind: "kernel", reason: kernelReason(refusal), detail: refusalDetail(refusal) };
}

function refusalDetail(refusal: XfrmRefusal): string {
  return `${refusal.operation} ${refusal.object}: ${refusal.errno}: ${refusal.detail}`;
}

export function enterTable(engine: Engine, installed: Installed): void {
  const { dataplane } = engine;
  const { child, erouteKey } = installed;
  changedSite(engine, erouteKey);
  dataplane.installed.set(child.spiIn, installed);
  if (isUnsure(installed)) dataplane.unsure.set(child.spiIn, installed);
  setChildSasOf(engine, erouteKey, [...childSasOf(engine, erouteKey), child.spiIn]);
  enterChosen(engine, installed);
}

function leaveTable(engine: Engine, installed: Installed): void {
  leaveChosen(engine, installed);
  const { dataplane } = engine;
  const { child, erouteKey } = installed;
  changedSite(engine, erouteKey);
  dataplane.installed.delete(child.spiIn);
  dataplane.unsure.delete(child.spiIn);
  const left = childSasOf(engine, erouteKey).filter((spiIn) => spiIn !== child.spiIn);
  setChildSasOf(engine, erouteKey, left);
}

function removeInstalled(engine: Engine, installed: Installed): void {
  installed.phase = "removed";
  const { outboundWaiting, asked } = installed;
  if (outboundWaiting !== undefined) wipeState(outboundWaiting);
  wipeState(...asked);
  installed.outboundWaiting = undefined;
  installed.asked = NONE;
  leaveTable(engine, installed);
  leaveOutbound(engine, installed);
  leaveRepair(engine, installed.child.spiIn);
  // Routes before policies: nothing is to go that way unprotected.
  for (const route of installed.routes) {
    const op = releaseRoute(engine.dataplane.routes, installed.child.spiIn, route);
    if (op !== undefined) request(engine, op);
  }
  for (const policy of policiesOf(installed).toReversed()) releasePolicy(engine, installed, policy);
  // While answers are under way, it is not known which states are ours.
  if (installed.pending === 0) deleteStates(engine, installed);
  releaseReqid(engine, installed.erouteKey, installed.place.reqid);
}

/** Outbound before inbound: nothing is sent whose answer would not be accepted. */
function deleteStates(engine: Engine, installed: Installed): void {
  for (const id of [installed.outbound, installed.inbound]) {
    if (!installed.ours.some((own) => isSameState(own, id))) continue;
    const drains = installed.drains && isSameState(id, installed.inbound) && !engine.shuttingDown;
    if (drains && letDrain(engine, installed)) continue;
    request(engine, { op: "delete-state", ...stateOf(installed, id) });
  }
  installed.ours.length = 0;
}
