/** What must hold for a pair once nothing is under way. */

import type { ChildSaView, ErouteView } from "../../../src/concentrator/snapshot.ts";
import { equalOctets } from "../../../src/octets/concat.ts";
import type { ModelState } from "../kernel.ts";
import type { End } from "./end.ts";
import type { Pair } from "./pair.ts";
import { sendingState } from "./traffic.ts";

/**
 * Exactly one IKE SA and one Child SA, the same at both ends, with the same keys. There may be an
 * equal Child SA beside it, if both ends requested one at nearly the same time (§2.8).
 */
export function judgeSettled(pair: Pair): readonly string[] {
  const complaints: string[] = [];
  const [a, b] = [pair.a, pair.b].map((end) => {
    const views = end.concentrator.snapshot().eroutes(0, 10);
    complaints.push(...leftOvers(end, 1, views[0]?.childSas.length ?? 1));
    return only(end, views, complaints);
  });
  if (a === undefined || b === undefined) return complaints;
  const [ikeA, ikeB] = [a.ikeSas[0], b.ikeSas[0]];
  if (`${ikeA?.spiI}_${ikeA?.spiR}` !== `${ikeB?.spiI}_${ikeB?.spiR}`) {
    complaints.push("the ends have different IKE SAs");
  }
  if (ikeA?.ppk !== pair.withPpk || ikeB?.ppk !== pair.withPpk) {
    complaints.push(`a PPK is ${pair.withPpk ? "not " : ""}in the keys`);
  }
  for (const childA of a.childSas) {
    const childB = b.childSas.find(({ spiOut }) => spiOut === childA.spiIn);
    if (childB === undefined || childA.spiOut !== childB.spiIn) {
      complaints.push("the ends have different Child SAs");
      return complaints;
    }
    compare(pair.a, pair.b, childA.spiOut, complaints);
    compare(pair.b, pair.a, childB.spiOut, complaints);
    const mapped = pair.mapped(NAT_PORT);
    const sendsTo = stateOf(pair.a, childA.spiOut, "out")?.state.encapsulation?.dstPort;
    if (mapped !== undefined && sendsTo !== mapped) {
      complaints.push(`a sends to port ${sendsTo} of the NAT, end b is behind ${mapped}`);
    }
  }
  return complaints;
}

/**
 * The same where IKEv1 is allowed. Nobody answers its Deletes, so one that is lost leaves a Child
 * SA at one end until its lifetime is over; and a rekey takes 15 seconds. What counts is that
 * packets get through both ways.
 */
export function judgeFlowing(pair: Pair): readonly string[] {
  const complaints: string[] = [];
  const [a, b] = [pair.a, pair.b].map((end) => {
    const [view, ...more] = end.concentrator.snapshot().eroutes(0, 10);
    const children = view?.childSas.length ?? 0;
    if (view === undefined || more.length > 0 || children === 0 || children > LEFT_MAX) {
      complaints.push(`${end.name} has ${more.length} eroutes too many, ${children} Child SAs`);
    }
    const { states, draining, ...rest } = leftOversOf(end, 1, children);
    complaints.push(...Object.values(rest));
    return view;
  });
  const [ikeA, ikeB] = [a?.ikeSas[0], b?.ikeSas[0]];
  if (`${ikeA?.spiI}_${ikeA?.spiR}` !== `${ikeB?.spiI}_${ikeB?.spiR}`) {
    complaints.push("the ends have different IKE SAs");
  }
  for (const [from, to] of [
    [pair.a, pair.b],
    [pair.b, pair.a],
  ] as const) {
    const spi = sendingState(from)?.state.id.spi;
    if (spi === undefined) complaints.push(`${from.name} has no state to send with`);
    else compare(from, to, spi, complaints);
  }
  return complaints;
}

/** Child SAs of one end, with those that the other end has deleted. */
const LEFT_MAX = 8;

/** The Child SA, and an equal one. */
const CHILD_SAS_MAX = 2;

const NAT_PORT = 4_500;

/** Nothing at all is left. */
export function judgeEmpty(pair: Pair): readonly string[] {
  const complaints: string[] = [];
  for (const end of [pair.a, pair.b]) {
    const { name, concentrator, kernel } = end;
    if (concentrator.snapshot().erouteCount > 0) complaints.push(`${name} has an eroute in use`);
    if (kernel.states.size > 0) complaints.push(`${name} has ${kernel.states.size} states left`);
    complaints.push(...leftOvers(end, 0, 0));
  }
  return complaints;
}

function only(
  end: End,
  views: readonly ErouteView[],
  complaints: string[],
): ErouteView | undefined {
  const [view] = views;
  if (view === undefined || views.length > 1) {
    complaints.push(`${end.name} has ${views.length} eroutes in use`);
    return undefined;
  }
  if (view.ikeSas.length !== 1) complaints.push(`${end.name} has ${view.ikeSas.length} IKE SAs`);
  const [first, ...more] = view.childSas;
  const isEqual = (child: ChildSaView) => selectorsOf(child) === selectorsOf(first);
  if (first === undefined || more.length >= CHILD_SAS_MAX || !more.every(isEqual)) {
    complaints.push(`${end.name} has ${view.childSas.length} Child SAs`);
  }
  return view;
}

function selectorsOf(child: ChildSaView | undefined): string {
  return `${child?.localSubnets} === ${child?.remoteSubnets}`;
}

function leftOvers(end: End, count: number, children: number): readonly string[] {
  return Object.values(leftOversOf(end, count, children));
}

/** What there is too much or too little of, in words. */
function leftOversOf(end: End, count: number, children: number): Readonly<Record<string, string>> {
  const sizes = end.concentrator.tableSizes();
  const found = {
    ikeSas: sizes.ikeSas - sizes.lingering.counted,
    childSas: sizes.childSas,
    states: end.kernel.states.size,
    lookups: sizes.lookups,
    keyExchanges: sizes.keyExchanges,
    signatures: sizes.signatures,
    kernelRequests: sizes.kernelRequests,
    usageProbes: sizes.usageProbes,
    draining: sizes.draining,
    ...{ calls: sizes.calls, callsAdrift: sizes.callsAdrift, requests: sizes.requests },
    halfOpen: sizes.halfOpen.counted,
    reqids: sizes.reqids,
    internalErrors: end.concentrator.snapshot().counters.internal_errors,
  };
  const wanted = {
    ...{ ikeSas: count, childSas: children, states: 2 * children, lookups: 0, keyExchanges: 0 },
    ...{ signatures: 0, callsAdrift: 0, requests: 0 },
    ...{ kernelRequests: 0, usageProbes: 0, draining: 0, calls: 0, halfOpen: 0, reqids: count },
    internalErrors: 0,
  };
  const keys = Object.keys(wanted) as (keyof typeof wanted)[];
  const wrong = keys.filter((key) => found[key] !== wanted[key]);
  return Object.fromEntries(
    wrong.map((key) => [key, `${end.name}: ${key} is ${found[key]}, not ${wanted[key]}`]),
  );
}

/** What one end seals, the other one can open. */
function compare(from: End, to: End, spi: number, complaints: string[]): void {
  const out = stateOf(from, spi, "out");
  const into = stateOf(to, spi, "in");
  if (out === undefined || into === undefined) {
    complaints.push(`${from.name} -> ${to.name}: a state is missing`);
    return;
  }
  const areEqual =
    out.keys.length === into.keys.length &&
    out.keys.every((key, i) => equalOctets(key, into.keys[i] ?? new Uint8Array(0)));
  if (!areEqual) complaints.push(`${from.name} -> ${to.name}: the keys differ`);
}

function stateOf(end: End, spi: number, direction: "in" | "out"): ModelState | undefined {
  return [...end.kernel.states.values()].find(
    ({ state }) => state.id.spi === spi && state.direction === direction,
  );
}
