/** How an established IKE SA begins: after IKE_AUTH, or as the successor of another one. */

import { type Instant, later } from "../../octets/instant.ts";
import type { IkeContext } from "../effect.ts";
import type { Credentials } from "../event.ts";
import { jittered } from "../jitter.ts";
import { CHILDLESS_MS, HARD_LIFETIMES, HARD_MS_MIN, REKEY_SHARE_MIN } from "../limits.ts";
import type { Nat } from "../nat.ts";
import type { SaId } from "../sa-id.ts";
import type { IkeSaSettings } from "../settings.ts";
import type { Task } from "./asking.ts";
import type { Established } from "./established-phase.ts";
import { afterAuth } from "./fragments.ts";
import { inactivityStepMs } from "./liveness.ts";
import type { Timers } from "./timers.ts";
import { FIRST_MESSAGE_ID } from "./window.ts";

type Known =
  | "id"
  | "path"
  | "nat"
  | "algorithms"
  | "keys"
  | "usesPpk"
  | "hasFullTranscript"
  | "peer"
  | "fragmentOctets"
  | "fragments"
  | "mobike"
  | "redirect"
  | "inbound"
  | "outbound";

/** The IKE SA after IKE_AUTH, still without a Child SA. */
export function newEstablished(
  known: Pick<Established, Known>,
  credentials: Pick<Credentials, "policy" | "settings" | "childMethod">,
  context: IkeContext,
): Established {
  const { now } = context;
  const { policy, settings, childMethod } = credentials;
  return {
    ...known,
    phase: "established",
    isCaller: known.id.role === "initiator",
    policy,
    settings,
    children: [],
    childMethod,
    struggle: undefined,
    redirected: undefined,
    serving: undefined,
    unfinished: undefined,
    asking: undefined,
    tasks: NO_TASKS,
    usage: { movedAt: now, ticket: undefined },
    timers: timersOf(settings, known, firstTimers(settings, known, context), context),
    establishedAt: now,
    heardAt: now,
    contested: undefined,
    undecidedUntil: undefined,
  };
}

/** Shared by all IKE SAs without any. */
const NO_TASKS: readonly Task[] = [];

/** The IKE SA after a rekey (RFC 7296 §2.18): only its SPIs, algorithms and keys are new. */
export function successorOf(
  sa: Established,
  made: Pick<Established, "id" | "algorithms" | "keys">,
  context: IkeContext,
): Established {
  const { now } = context;
  return {
    phase: "established",
    id: made.id,
    isCaller: sa.isCaller,
    path: sa.path,
    nat: sa.nat,
    algorithms: made.algorithms,
    keys: made.keys,
    // Its keys are made from SK_d, which contains the PPK (RFC 8784 §3).
    usesPpk: sa.usesPpk,
    hasFullTranscript: sa.hasFullTranscript,
    peer: sa.peer,
    policy: sa.policy,
    settings: sa.settings,
    children: sa.children,
    childMethod: sa.childMethod,
    struggle: undefined,
    inbound: { nextId: FIRST_MESSAGE_ID, lastResponse: undefined, path: sa.path },
    outbound: { nextId: FIRST_MESSAGE_ID, inFlight: undefined },
    serving: undefined,
    unfinished: undefined,
    asking: undefined,
    tasks: tasksLeft(sa),
    fragmentOctets: sa.fragmentOctets,
    fragments: afterAuth(sa.fragments),
    mobike: sa.mobike,
    redirect: sa.redirect,
    redirected: sa.redirected,
    usage: { ...sa.usage, ticket: undefined },
    timers: timersOf(sa.settings, sa, sa.timers, context),
    establishedAt: now,
    heardAt: now,
    contested: undefined,
    undecidedUntil: undefined,
  };
}

function tasksLeft({ tasks, asking }: Established): readonly Task[] {
  const left = tasks.filter((task) => task.kind !== "rekey-ike");
  return asking?.kind === "routability"
    ? [...left, { kind: "routability", path: asking.path }]
    : left;
}

/** The timers that a rekey does not change. */
type Kept = Pick<Timers, "reauthAt" | "childlessAt" | "redundant">;

function firstTimers(
  settings: IkeSaSettings,
  { id }: { readonly id: SaId },
  context: IkeContext,
): Kept {
  const reauthAt = reauthAtOf(settings, id.role === "initiator", context);
  return { reauthAt, childlessAt: later(context.now, CHILDLESS_MS), redundant: undefined };
}

function timersOf(
  settings: IkeSaSettings,
  { nat }: { readonly nat: Nat },
  kept: Kept,
  context: IkeContext,
): Timers {
  const { now, random } = context;
  const { lifetimeMs, inactivityMs, natKeepaliveMs } = settings;
  const isHidden = nat === "local" || nat === "both";
  return {
    rekeyAt: later(now, jittered(lifetimeMs, REKEY_SHARE_MIN, random)),
    hardAt: later(now, Math.max(lifetimeMs * HARD_LIFETIMES, lifetimeMs + HARD_MS_MIN)),
    reauthAt: kept.reauthAt,
    inactivityAt:
      inactivityMs === undefined ? undefined : later(now, inactivityStepMs(inactivityMs)),
    keepaliveAt: isHidden ? later(now, natKeepaliveMs) : undefined,
    childlessAt: kept.childlessAt,
    redundant: kept.redundant,
    noticeAt: now,
  };
}

/** The original initiator reauthenticates; the other end only waits for it. */
export function reauthAtOf(
  { reauthMs }: IkeSaSettings,
  isCaller: boolean,
  context: IkeContext,
): Instant | undefined {
  if (reauthMs === undefined) return undefined;
  if (!isCaller) return later(context.now, reauthMs * REAUTH_GRACE);
  return later(context.now, jittered(reauthMs, REKEY_SHARE_MIN, context.random));
}

const REAUTH_GRACE = 1.1;
