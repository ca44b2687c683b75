/**
 * What sites have in common in the kernel, as plain data: whose policy or route is in force where
 * several want one, states that still take what was on its way, policies that stand without an SA.
 */

import { instant } from "../../ike/state/values.ts";
import { asEspSpi } from "../../inet/esp-spi.ts";
import { formatPrefix } from "../../inet/prefix.ts";
import { type Codec, list, record, text, u32 } from "../../octets/codec.ts";
import type { XfrmPolicy } from "../../xfrm/policy.ts";
import { formatPolicyId } from "../../xfrm/request.ts";
import type { RemoteRoute } from "../../xfrm/route.ts";
import type { Engine } from "../engine.ts";
import { installedAt } from "./child-sas.ts";
import type { Draining, Installed } from "./installed.ts";
import { standingPolicies } from "./no-sa.ts";
import { takeOutbound } from "./outbound-spi.ts";
import { installedOf, mark, type PlainChild, plainChild, plainOf, stateId } from "./plain-child.ts";
import { NO_CHILD } from "./standing.ts";

/** Our SPIs of the Child SAs that want one object of the kernel; the last one's is in force. */
type Users = { readonly name: string; readonly spisIn: readonly number[] };

export type PlainDataplane = {
  /** In the order in which they were installed. */
  readonly children: readonly PlainChild[];
  /** Where more than one wants it: all others follow from the Child SAs. */
  readonly policies: readonly Users[];
  readonly routes: readonly Users[];
  readonly draining: readonly Draining[];
  /** Names of policies that stand without an SA (R14). */
  readonly standing: readonly string[];
};

const NAME_MAX = 1_024;
const SITES_MAX = 10_000_000;

const users = list(
  record<Users>({ name: text(NAME_MAX), spisIn: list(u32, SITES_MAX) }),
  SITES_MAX,
);

export const plainDataplane: Codec<PlainDataplane> = record<PlainDataplane>({
  children: list(plainChild, SITES_MAX),
  policies: users,
  routes: users,
  draining: list(
    record<Draining>({
      id: stateId,
      until: instant,
      mark,
    }),
    SITES_MAX,
  ),
  standing: list(text(NAME_MAX), SITES_MAX),
});

/** What outlives the process of what is in the kernel: Child SAs on their way there do not. */
export function dataplaneOf({ dataplane }: Engine): PlainDataplane {
  const policies = [...dataplane.policies].map(([name, { users }]) => usersOf(name, users));
  const routes = [...dataplane.routes].map(([name, users]) => usersOf(name, users));
  return {
    children: [...dataplane.installed.values()].flatMap((installed) => plainOf(installed) ?? []),
    policies: policies.filter(isTold),
    routes: routes.filter(isTold),
    draining: [...dataplane.draining],
    standing: [...dataplane.standing.keys()],
  };
}

function usersOf(name: string, list: readonly { readonly spiIn: number }[]): Users {
  return { name, spisIn: list.map(({ spiIn }) => spiIn) };
}

/** Of a Child SA alone it is known anyway. */
function isTold({ spisIn }: Users): boolean {
  return spisIn.length > 1 || spisIn[0] === NO_CHILD;
}

/** Puts what was written into the tables, and makes anew all that follows from it. */
export function putDataplane(engine: Engine, plain: PlainDataplane): void {
  const { dataplane } = engine;
  const standing = standingPolicies(engine.plan);
  const names = new Set(plain.standing);
  dataplane.standing = new Map([...standing].filter(([name]) => names.has(name)));
  dataplane.draining.splice(0, dataplane.draining.length, ...plain.draining);
  const { policies, routes, outbounds, reqids, reqidsTaken } = dataplane;
  for (const table of [policies, routes, outbounds, reqids, reqidsTaken]) table.clear();
  for (const child of plain.children)
    dataplane.installed.set(child.child.spiIn, installedOf(child));
  for (const { name, spisIn } of plain.policies) {
    for (const spiIn of spisIn) {
      const policy = spiIn === NO_CHILD ? standing.get(name) : policyOf(engine, spiIn, name);
      if (policy !== undefined) usePolicy(engine, name, spiIn, policy);
    }
  }
  for (const { name, spisIn } of plain.routes) {
    for (const spiIn of spisIn) {
      const route = routeOf(engine, spiIn, name);
      if (route !== undefined) useRoute(engine, name, spiIn, route);
    }
  }
  for (const installed of dataplane.installed.values()) putInstalled(engine, installed);
}

function putInstalled(engine: Engine, installed: Installed): void {
  const { spiIn } = installed.child;
  takeOutbound(engine, installed);
  for (const policy of installed.policies) {
    usePolicy(engine, formatPolicyId(policy.id), spiIn, policy);
  }
  for (const route of installed.routes) {
    useRoute(engine, formatPrefix(route.destination), spiIn, route);
  }
  const { reqid } = installed.place;
  const uses = engine.dataplane.reqids.get(installed.reqidKey)?.uses ?? 0;
  engine.dataplane.reqids.set(installed.reqidKey, { reqid, uses: uses + 1 });
  engine.dataplane.reqidsTaken.add(reqid);
}

function policyOf(engine: Engine, spiIn: number, name: string) {
  const policies = installedAt(engine, asEspSpi(spiIn))?.policies;
  return policies?.find(({ id }) => formatPolicyId(id) === name);
}

function routeOf(engine: Engine, spiIn: number, name: string) {
  const routes = installedAt(engine, asEspSpi(spiIn))?.routes;
  return routes?.find(({ destination }) => formatPrefix(destination) === name);
}

/** One more wants it, unless that was written already. */
function usePolicy(
  { dataplane: { policies } }: Engine,
  name: string,
  spiIn: number,
  policy: XfrmPolicy,
): void {
  const known = policies.get(name) ?? { id: policy.id, users: [] };
  if (!known.users.some((user) => user.spiIn === spiIn)) known.users.push({ spiIn, policy });
  policies.set(name, known);
}

function useRoute(
  { dataplane: { routes } }: Engine,
  name: string,
  spiIn: number,
  route: RemoteRoute,
): void {
  const known = routes.get(name) ?? [];
  if (!known.some((user) => user.spiIn === spiIn)) known.push({ spiIn, route });
  routes.set(name, known);
}
