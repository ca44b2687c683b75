/**
 * Codec of what Child SAs share in the kernel, in small portions: which Child SA's policy or route
 * is in force where several want the same one, draining states, waiting moves, lost states.
 */

import { espSpi, ikeSpi, instant } from "../../ike/state/values.ts";
import { asEspSpi, type EspSpi } from "../../inet/esp-spi.ts";
import { formatPrefix } from "../../inet/prefix.ts";
import { bool, byKind, type Codec, constant, list, record, text, u32 } from "../../octets/codec.ts";
import type { Instant } from "../../octets/instant.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { Engine } from "../engine.ts";
import { installedAt } from "./child-sas.ts";
import { putDraining } from "./draining.ts";
import type { Draining } from "./installed.ts";
import { mark, stateId } from "./plain-child.ts";
import { isChild } from "./policies.ts";
import type { PolicyUser } from "./policy-table.ts";
import type { RouteTable } from "./routes.ts";
import { NO_CHILD } from "./standing.ts";

/** Our SPIs of the Child SAs that want the same kernel object; that of the last is in force. */
type Users = { readonly name: string; readonly spisIn: readonly number[] };

type Waiting = { readonly spi: IkeSpi; readonly at: Instant; readonly waiting: number };

/** A Child SA whose states are lost; `waits`: its rekey has not been requested yet. */
type Lost = { readonly spiIn: EspSpi; readonly since: Instant; readonly waits: boolean };

export type PlainShared =
  | { readonly kind: "policy"; readonly users: Users }
  | { readonly kind: "route"; readonly users: Users }
  | { readonly kind: "draining"; readonly draining: Draining }
  | { readonly kind: "move"; readonly move: Waiting }
  | { readonly kind: "lost"; readonly lost: Lost };

type SharedOf<K extends PlainShared["kind"]> = Extract<PlainShared, { readonly kind: K }>;

const NAME_MAX = 1_024;
const SITES_MAX = 10_000_000;

const users = record<Users>({ name: text(NAME_MAX), spisIn: list(u32, SITES_MAX) });

export const plainShared: Codec<PlainShared> = byKind<PlainShared>({
  policy: record<SharedOf<"policy">>({ kind: constant("policy"), users }),
  route: record<SharedOf<"route">>({ kind: constant("route"), users }),
  draining: record<SharedOf<"draining">>({
    kind: constant("draining"),
    draining: record<Draining>({ id: stateId, mark, until: instant }),
  }),
  move: record<SharedOf<"move">>({
    kind: constant("move"),
    move: record<Waiting>({ spi: ikeSpi, at: instant, waiting: u32 }),
  }),
  lost: record<SharedOf<"lost">>({
    kind: constant("lost"),
    lost: record<Lost>({ spiIn: espSpi, since: instant, waits: bool }),
  }),
});

/** All of it, one by one; undefined for each table entry that need not be written. */
export function* sharedOf({ dataplane }: Engine): Generator<PlainShared | undefined> {
  const { policies, routes, draining, moves, repairs } = dataplane;
  for (const one of policies.shared()) {
    yield one === undefined ? undefined : told("policy", one.name, one.users.map(spiOf));
  }
  for (const [name, users] of routes) yield told("route", name, users.map(spiInOf));
  for (const state of draining.queue) yield { kind: "draining", draining: state };
  for (const [spi, { at, waiting }] of moves) yield { kind: "move", move: { spi, at, waiting } };
  for (const [spiIn, since] of repairs.lost) {
    yield { kind: "lost", lost: { spiIn, since, waits: repairs.remakes.has(spiIn) } };
  }
}

function spiOf(user: PolicyUser): number {
  return isChild(user) ? user : NO_CHILD;
}

function spiInOf({ spiIn }: { readonly spiIn: number }): number {
  return spiIn;
}

/** A single user follows from its Child SA. */
function told(
  kind: "policy" | "route",
  name: string,
  spisIn: readonly number[],
): PlainShared | undefined {
  const isKnown = spisIn.length === 1 && spisIn[0] !== NO_CHILD;
  return isKnown ? undefined : { kind, users: { name, spisIn } };
}

/** Puts a portion into the tables, which must hold all Child SAs already. */
export function putShared(engine: Engine, shared: readonly PlainShared[]): void {
  for (const one of shared) {
    switch (one.kind) {
      case "policy":
        putUsers(engine, one.users);
        break;
      case "route":
        putRouteUsers(engine, one.users);
        break;
      case "draining":
        putDraining(engine, one.draining);
        break;
      case "move":
        putMove(engine, one.move);
        break;
      case "lost":
        putLost(engine, one.lost);
        break;
    }
  }
}

function putUsers(engine: Engine, { name, spisIn }: Users): void {
  const { dataplane } = engine;
  const known = dataplane.policies.usersOf(name);
  const users = new Set<PolicyUser>();
  for (const spiIn of spisIn) {
    const user = spiIn === NO_CHILD ? dataplane.standing.get(name) : asEspSpi(spiIn);
    if (user !== undefined && (!isChild(user) || known.includes(user))) users.add(user);
  }
  for (const user of known) users.add(user);
  // At the end: what is written next comes in the order in which it was read.
  dataplane.policies.put(name, [...users]);
  dataplane.policies.moveToEnd(name);
}

function putRouteUsers(engine: Engine, { name, spisIn }: Users): void {
  const { routes } = engine.dataplane;
  const known = routes.get(name) ?? [];
  routes.delete(name);
  for (const spiIn of spisIn) {
    const route = installedAt(engine, asEspSpi(spiIn))?.routes.find(
      ({ destination }) => formatPrefix(destination) === name,
    );
    if (route !== undefined) putRouteUser(engine, name, { spiIn, route });
  }
  for (const user of known) putRouteUser(engine, name, user);
}

function putMove({ dataplane }: Engine, { spi, at, waiting }: Waiting): void {
  dataplane.moves.set(spi, { at, waiting });
}

function putLost(engine: Engine, { spiIn, since, waits }: Lost): void {
  const { repairs } = engine.dataplane;
  const installed = installedAt(engine, spiIn);
  if (installed === undefined) return;
  repairs.lost.set(spiIn, since);
  if (!waits) return;
  repairs.remakes.set(spiIn, installed);
  repairs.at ??= engine.now;
}

/**
 * Puts the users of each kernel object in the order of their eroutes in use: `rankOf` says where
 * one stands. What stands without a Child SA comes first.
 */
export function orderUsers(engine: Engine, rankOf: (erouteKey: string) => number): void {
  const rank = (user: PolicyUser): number => {
    const key = isChild(user) ? installedAt(engine, user)?.erouteKey : undefined;
    return key === undefined ? -1 : rankOf(key);
  };
  const { policies, routes } = engine.dataplane;
  policies.sortUsers(rank);
  for (const users of routes.values()) {
    if (users.length > 1) users.sort((a, b) => rank(asEspSpi(a.spiIn)) - rank(asEspSpi(b.spiIn)));
  }
}

/** Adds a user, unless it is known already. */
export function putPolicyUser({ dataplane }: Engine, name: string, user: PolicyUser): void {
  const known = dataplane.policies.usersOf(name);
  if (!known.includes(user)) dataplane.policies.put(name, [...known, user]);
}

/** The same for a route. */
export function putRouteUser(
  { dataplane: { routes } }: Engine,
  name: string,
  user: NonNullable<ReturnType<RouteTable["get"]>>[number],
): void {
  const known = routes.get(name) ?? [];
  if (!known.some(({ spiIn }) => spiIn === user.spiIn)) known.push(user);
  routes.set(name, known);
}
