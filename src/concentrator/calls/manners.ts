/** With which version of IKE, and in which mode of Phase 1, a site is called: one after another. */

import type { Eroute } from "../../eroute/eroute.ts";
import { ikev1AuthFault } from "../../eroute/ikev1-auth.ts";
import type { EndReason } from "../../ike/end-reason.ts";
import { mayBeOfVersion } from "../../ike/lasting-refusal.ts";
import { equalAddress } from "../../inet/address.ts";
import type { Engine } from "../engine.ts";
import type { ErouteInUse } from "../sites/eroute-in-use.ts";
import { erouteAt } from "../sites/eroutes.ts";
import { versionsOf } from "../sites/ike-sas.ts";
import type { Failure } from "./call-table.ts";
import type { CallAttempt, CallEnds, CallManner } from "./calls.ts";

/** Sites whose last manner is remembered; the oldest is forgotten first. */
const REMEMBERED_MAX = 16_384;

/** The site was reached in this manner, or has called in it: the next call begins with it. */
export function rememberManner({ calls }: Engine, key: string, manner: CallManner): void {
  const { manners } = calls;
  manners.delete(key);
  manners.set(key, manner);
  const [oldest] = manners.keys();
  if (manners.size > REMEMBERED_MAX && oldest !== undefined) manners.delete(oldest);
}

/**
 * What the eroute allows: IKEv2 before IKEv1, Main Mode before Aggressive Mode, which shows our ID.
 * Whatever the site was here with last comes first.
 */
export function mannersFor(engine: Engine, { base, key }: ErouteInUse): readonly CallManner[] {
  const all = mannersOf(base);
  const known = engine.calls.manners.get(key);
  const before = all.find((one) => equalManner(one, known));
  const inUse = erouteAt(engine, key);
  const major = inUse === undefined ? undefined : versionsOf(engine, inUse).at(-1);
  const isFirst = (one: CallManner) =>
    before === undefined || (major !== undefined && before.major !== major)
      ? one.major === major
      : one === before;
  return [...all.filter(isFirst), ...all.filter((one) => !isFirst(one))];
}

function mannersOf(base: Eroute): readonly CallManner[] {
  const { v2, v1 } = base.versions;
  const manners: CallManner[] = v2 ? [{ major: 2 }] : [];
  if (v1 === undefined || ikev1Obstacle(base) !== undefined) return manners;
  if (v1.mode !== "aggressive") manners.push({ major: 1, phase1: "main" });
  if (v1.mode !== "main" && !signs(base)) manners.push({ major: 1, phase1: "aggressive" });
  return manners;
}

function equalManner(one: CallManner, other: CallManner | undefined): boolean {
  return one.major === other?.major && phase1Of(one) === phase1Of(other);
}

function phase1Of(manner: CallManner): "main" | "aggressive" | undefined {
  return manner.major === 1 ? manner.phase1 : undefined;
}

/** Why no site of this eroute can be called in any manner. */
export function noMannerFailure({ base, peerId }: ErouteInUse): Failure {
  const detail = `${peerId} cannot be called with IKEv1: ${ikev1Obstacle(base) ?? "not allowed"}`;
  return { reason: "ikev1-unsupported", detail };
}

function ikev1Obstacle(eroute: Eroute): string | undefined {
  if (eroute.versions.v1?.xauth !== true) return ikev1AuthFault(eroute);
  return "its user has to prove who it is (XAUTH), so it calls";
}

/** Whether both ends sign, which only Main Mode has. */
function signs({ auth }: Eroute): boolean {
  return auth.own.kind === "signature";
}

/** Each address in each manner. */
export function attemptsAt(
  ends: readonly CallEnds[],
  manners: readonly CallManner[],
): readonly CallAttempt[] {
  return ends.flatMap(({ local, remote }) => manners.map((manner) => ({ local, remote, manner })));
}

/**
 * What is still worth an attempt after one has failed: the same address in another manner only if
 * the site may have refused, or not understood, the manner.
 */
export function attemptsLeft(
  failed: CallAttempt,
  left: readonly CallAttempt[],
  reason: EndReason,
): readonly CallAttempt[] {
  if (reason.kind === "refused" && mayBeOfVersion(reason.refusal)) return left;
  return left.filter(({ remote }) => !equalAddress(remote, failed.remote));
}
