/** Which configured eroute a peer ID belongs to (R1-R3). */

import { assert } from "../octets/assert.ts";
import {
  allowsVersion,
  type BaseEroute,
  type Egroup,
  type Eroute,
  type EroutePlan,
  type IkeMajor,
  type LocalUser,
  type NormalEroute,
  needsPsk,
} from "./eroute.ts";
import { nearestText } from "./nearest.ts";
import { egroupNamed, eroutesFor, userNamed } from "./plan-index.ts";

export type ConfiguredMatch =
  /** The egroup's table has the rest (R2). */
  | { readonly kind: "base"; readonly eroute: BaseEroute; readonly egroup: Egroup }
  | {
      readonly kind: "local";
      readonly eroute: NormalEroute;
      /** Undefined if the eroute needs no pre-shared key. */
      readonly user: LocalUser | undefined;
    }
  | {
      readonly kind: "refused";
      readonly reason: "no-eroute" | "user-without-eroute" | "eroute-without-user" | "ike-version";
      /**
       * The configured pattern that matches the ID or comes nearest to it, if there is one; for
       * `ike-version` the name of the eroute that matches it.
       */
      readonly closest: string | undefined;
    };

/**
 * Base eroutes are matched first. Without one, a local user and a normal eroute must both match
 * (R3), except where certificates are sufficient: there the eroute alone is enough. `major`: the
 * version of IKE that the eroute has to allow; without it every version will do.
 */
export function matchConfigured(
  plan: EroutePlan,
  peerId: string,
  major?: IkeMajor,
): ConfiguredMatch {
  let normal: NormalEroute | undefined;
  let other: Eroute | undefined;
  for (const eroute of eroutesFor(plan, peerId)) {
    if (major !== undefined && !allowsVersion(eroute, major)) other ??= eroute;
    else if (eroute.kind === "normal") normal ??= eroute;
    else {
      const egroup = egroupNamed(plan, eroute.egroup);
      assert(
        egroup !== undefined,
        `eroute ${eroute.name} is linked to an egroup that does not exist`,
      );
      return { kind: "base", eroute, egroup };
    }
  }
  const user = userNamed(plan, peerId);
  if (normal !== undefined && (user !== undefined || !needsPsk(normal.auth))) {
    return { kind: "local", eroute: normal, user };
  }
  if (normal !== undefined) {
    return { kind: "refused", reason: "eroute-without-user", closest: normal.peerid.text };
  }
  if (other !== undefined) {
    return { kind: "refused", reason: "ike-version", closest: other.name };
  }
  const closest = nearestText(peerId, patternTexts(plan));
  const reason = user === undefined ? "no-eroute" : "user-without-eroute";
  return { kind: "refused", reason, closest };
}

function* patternTexts(plan: EroutePlan): Generator<string> {
  for (const eroute of plan.eroutes) yield eroute.peerid.text;
}
