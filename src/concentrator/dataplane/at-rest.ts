/** Child SAs of sites at rest: what of them is written, and how they come back into the tables. */

import { asEspSpi, type EspSpi } from "../../inet/esp-spi.ts";
import type { Place } from "../../octets/octet-store.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { stateName } from "../../xfrm/request.ts";
import { changedSite } from "../changes.ts";
import { count, type Engine } from "../engine.ts";
import { isAtRest, keysAt } from "../resting.ts";
import { childSasOf, setChildSasOf } from "./child-sas.ts";
import { forgetState } from "./install.ts";
import type { Installed } from "./installed.ts";
import { takeOutbound } from "./outbound-spi.ts";
import { type PlainChild, plainOf } from "./plain-child.ts";
import { policyInForce } from "./policies.ts";
import { request } from "./request.ts";
import { releaseRoute } from "./routes.ts";

/** With more Child SAs, or selectors of one, a site stays awake: they take too long to write. */
const CHILDREN_MAX = 8;
const SELECTORS_MAX = 16;

/** Whether the kernel owes an answer about a Child SA of the site. */
export function awaitsKernel(engine: Engine, erouteKey: string): boolean {
  for (const spiIn of childSasOf(engine, erouteKey)) {
    const installed = engine.dataplane.installed.get(spiIn);
    if (installed !== undefined && !isAtRest(installed) && installed.pending > 0) return true;
  }
  return false;
}

/** All Child SAs of a site as they are written; undefined: it has none, or one is to stay awake. */
export function childrenToRest(
  engine: Engine,
  erouteKey: string,
  ikeSpi: IkeSpi,
): readonly PlainChild[] | undefined {
  const { dataplane, requests } = engine;
  const spisIn = childSasOf(engine, erouteKey);
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
    !dataplane.unsure.has(spiIn) &&
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
export function wakeChildren(engine: Engine, children: readonly Installed[]): void {
  for (const installed of children) {
    engine.dataplane.installed.set(installed.child.spiIn, installed);
    takeOutbound(engine, installed);
  }
}

/** Whether the tables have these Child SAs of an IKE SA, and no other of its site, at a place. */
export function areChildrenAt(
  engine: Engine,
  children: readonly Installed[],
  {
    erouteKey,
    ikeSpi,
    place,
  }: { readonly erouteKey: string; readonly ikeSpi: IkeSpi; readonly place: Place },
): boolean {
  const { dataplane } = engine;
  const known = childSasOf(engine, erouteKey);
  if (known.length !== children.length) return false;
  return children.every((installed, at) => {
    const { spiIn } = installed.child;
    if (installed.ikeSpi !== ikeSpi || known[at] !== spiIn) return false;
    return (
      dataplane.installed.get(spiIn) === place &&
      dataplane.outbounds.get(stateName(installed.outbound)) === place
    );
  });
}

/** A Child SA of a site that cannot be read to its end: it is there to be removed. */
export function putChildBack(engine: Engine, installed: Installed, place: Place): void {
  const { dataplane } = engine;
  dataplane.installed.set(installed.child.spiIn, installed);
  if (dataplane.outbounds.get(stateName(installed.outbound)) === place) {
    takeOutbound(engine, installed);
  } else {
    // Another one was given its SPI in the meantime: the state is that one's.
    forgetState(installed, installed.outbound);
  }
}

/** The Child SAs of an eroute in use that are at a place. */
export function childrenAt(engine: Engine, erouteKey: string, place: Place): readonly EspSpi[] {
  const { installed } = engine.dataplane;
  return childSasOf(engine, erouteKey).filter((spiIn) => installed.get(spiIn) === place);
}

/** Takes out what the tables have at the place of a site that cannot be read. */
export function forgetChildren(engine: Engine, place: Place, erouteKey: string | undefined): void {
  const { dataplane } = engine;
  const known = erouteKey === undefined ? [] : childrenAt(engine, erouteKey, place);
  const gone = new Set(known);
  for (const spiIn of gone) dataplane.installed.delete(spiIn);
  for (const name of keysAt(dataplane.outbounds, place)) dataplane.outbounds.delete(name);
  if (erouteKey !== undefined) {
    changedSite(engine, erouteKey);
    const left = childSasOf(engine, erouteKey).filter((spiIn) => !gone.has(spiIn));
    setChildSasOf(engine, erouteKey, left);
  }
  for (const users of [...dataplane.routes.values()]) {
    for (const { spiIn, route } of users.filter((user) => gone.has(asEspSpi(user.spiIn)))) {
      const op = releaseRoute(dataplane.routes, spiIn, route);
      if (op !== undefined) request(engine, op);
    }
  }
  for (const name of dataplane.policies.forget(gone)) {
    const policy = policyInForce(engine, name);
    if (policy !== undefined) request(engine, { op: "put-policy", policy });
  }
  for (const _ of gone) count(engine, "child_sas_closed");
}

/** The key of the eroute in use that has Child SAs at a place. */
export function keyOfChildrenAt(engine: Engine, place: Place): string | undefined {
  for (const key of engine.dataplane.byEroute.keys()) {
    if (childrenAt(engine, key, place).length > 0) return key;
  }
  return undefined;
}
