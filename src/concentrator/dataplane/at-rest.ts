/** Child SAs of sites at rest: what of them is written, and how they come back into the tables. */

import type { Place } from "../../octets/octet-store.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { stateName } from "../../xfrm/request.ts";
import type { Engine } from "../engine.ts";
import { isAtRest } from "../resting.ts";
import type { Installed } from "./installed.ts";
import { takeOutbound } from "./outbound-spi.ts";
import { installedOf, type PlainChild, plainOf } from "./plain-child.ts";

/** With more Child SAs, or selectors of one, a site stays awake: they take too long to write. */
const CHILDREN_MAX = 8;
const SELECTORS_MAX = 16;

/** All Child SAs of a site as they are written; undefined: it has none, or one is to stay awake. */
export function childrenToRest(
  engine: Engine,
  erouteKey: string,
  ikeSpi: IkeSpi,
): readonly PlainChild[] | undefined {
  const { dataplane, requests } = engine;
  const spisIn = dataplane.byEroute.get(erouteKey) ?? [];
  if (spisIn.length > CHILDREN_MAX) return undefined;
  // What is being put back refers to Child SAs by themselves.
  if (requests.size("repair") > 0) return undefined;
  const children: PlainChild[] = [];
  for (const spiIn of spisIn) {
    const installed = dataplane.installed.get(spiIn);
    if (installed === undefined || isAtRest(installed)) return undefined;
    if (installed.ikeSpi !== ikeSpi || !isQuiet(engine, installed)) return undefined;
    const plain = plainOf(installed);
    if (plain === undefined) return undefined;
    children.push(plain);
  }
  return children.length === 0 ? undefined : children;
}

/** Whether it is in the kernel, and nothing is to be done there. */
function isQuiet({ dataplane }: Engine, installed: Installed): boolean {
  const { phase, pending, refusal, drains, policies, outboundWaiting, asked, moving } = installed;
  const { spiIn, local, remote } = installed.child;
  return (
    phase === "up" &&
    local.length + remote.length <= SELECTORS_MAX &&
    pending === 0 &&
    refusal === undefined &&
    !drains &&
    policies === undefined &&
    outboundWaiting === undefined &&
    asked.length === 0 &&
    moving.length === 0 &&
    !dataplane.unsure.has(installed) &&
    !dataplane.repairs.lost.has(spiIn) &&
    !dataplane.repairs.remakes.has(spiIn) &&
    dataplane.outbounds.get(stateName(installed.outbound)) === installed
  );
}

/** The tables hold the place instead. */
export function restChildren(
  { dataplane }: Engine,
  children: readonly PlainChild[],
  place: Place,
): void {
  for (const { child, outbound } of children) {
    dataplane.installed.set(child.spiIn, place);
    dataplane.outbounds.set(stateName(outbound), place);
  }
}

/** They are back. */
export function wakeChildren(
  engine: Engine,
  children: readonly PlainChild[],
  erouteKey: string,
): void {
  for (const plain of children) {
    const installed = installedOf(plain, erouteKey);
    engine.dataplane.installed.set(installed.child.spiIn, installed);
    takeOutbound(engine, installed);
  }
}
