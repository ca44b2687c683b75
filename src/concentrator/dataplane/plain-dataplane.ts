/** Codec of what the concentrator knows about the kernel's tables. */

import { instant } from "../../ike/state/values.ts";
import { formatPrefix } from "../../inet/prefix.ts";
import { bool, type Codec, list, optional, record, text } from "../../octets/codec.ts";
import type { Instant } from "../../octets/instant.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { formatPolicyId } from "../../xfrm/request.ts";
import type { Engine } from "../engine.ts";
import { childSasOf, installedAt } from "./child-sas.ts";
import { enterTable } from "./install.ts";
import { standingPolicies } from "./no-sa.ts";
import { takeOutbound } from "./outbound-spi.ts";
import { installedOf, type PlainChild, plainOf } from "./plain-child.ts";
import { putPolicyUser, putRouteUser } from "./plain-shared.ts";
import { policiesOf } from "./policies.ts";

/** What does not belong to a single Child SA. */
export type PlainDataplane = {
  readonly isStarted: boolean;
  /** Names of policies that stand without an SA (R14). */
  readonly standing: readonly string[];
  readonly standingRetryAt: Instant | undefined;
};

const NAME_MAX = 1_024;
const POLICIES_MAX = 10_000_000;

export const plainDataplane: Codec<PlainDataplane> = record<PlainDataplane>({
  isStarted: bool,
  standing: list(text(NAME_MAX), POLICIES_MAX),
  standingRetryAt: optional(instant),
});

export function dataplaneOf({ dataplane }: Engine): PlainDataplane {
  const { isStarted, standing, standingRetryAt } = dataplane;
  return { isStarted, standing: [...standing.keys()], standingRetryAt };
}

/**
 * `withUsers`: the policies that stand are entered among the users of each policy, for which no
 * document comes.
 */
export function putDataplane(engine: Engine, plain: PlainDataplane, withUsers: boolean): void {
  const { dataplane } = engine;
  const names = new Set(plain.standing);
  const standing = [...standingPolicies(engine.plan)].filter(([name]) => names.has(name));
  dataplane.standing = new Map(standing);
  dataplane.isStarted = plain.isStarted;
  if (withUsers) {
    for (const [name, policy] of standing) {
      putPolicyUser(engine, name, policy);
    }
  }
  dataplane.standingRetryAt = plain.standingRetryAt;
}

/** Whether the kernel has answered every request: each Child SA is either installed or not. */
export function isKernelQuiet({ requests }: Engine): boolean {
  return KERNEL_REQUESTS.every((kind) => requests.size(kind) === 0);
}

const KERNEL_REQUESTS = ["child-sa", "usage", "repair", "standing"] as const;

/** The Child SAs of an eroute in use, also those that have outlived their IKE SA. */
export function plainChildrenOf(
  engine: Engine,
  erouteKey: string,
  stays: (spi: IkeSpi) => boolean,
): readonly PlainChild[] {
  const spisIn = childSasOf(engine, erouteKey);
  return spisIn.flatMap((spiIn) => {
    const installed = installedAt(engine, spiIn);
    if (installed === undefined || !stays(installed.ikeSpi)) return [];
    return plainOf(installed) ?? [];
  });
}

/** Puts a Child SA into the tables; `putShared` then orders the users of each kernel object. */
export function putChild(engine: Engine, plain: PlainChild, erouteKey: string): void {
  const installed = installedOf(plain, erouteKey);
  const { spiIn } = installed.child;
  enterTable(engine, installed);
  takeOutbound(engine, installed);
  for (const { id } of policiesOf(installed)) putPolicyUser(engine, formatPolicyId(id), spiIn);
  for (const route of installed.routes) {
    putRouteUser(engine, formatPrefix(route.destination), { spiIn, route });
  }
  engine.dataplane.reqidsTaken.set(installed.place.reqid, true);
}
