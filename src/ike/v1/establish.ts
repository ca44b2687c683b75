/** Both ends are authenticated: Phase 1 is over (RFC 2409 §4). */

import type { CertificateHolder } from "../../crypto/signature.ts";
import { DAY_MS, type Instant, later } from "../../octets/instant.ts";
import type { Vendor } from "../../wire/v1/vendor-id.ts";
import { ikeAlgorithmsText } from "../algorithms.ts";
import type { IkeContext, IkeNote } from "../effect.ts";
import { jittered } from "../jitter.ts";
import { REKEY_SHARE_MIN } from "../limits.ts";
import { failedNote } from "./answer.ts";
import { newDpd } from "./dpd.ts";
import type { Established, Pushes } from "./established-phase.ts";
import { ikeAlgorithmsOf } from "./facts.ts";
import { wipeIsakmpKeys } from "./keys.ts";
import { countLegacy, legacyIn } from "./legacy.ts";
import { askForUser } from "./proving-user.ts";
import { beginPush } from "./push.ts";
import type { AfterProof } from "./responder-phase.ts";
import type { IkeEffect, Step } from "./step.ts";
import { inactivityStepMs } from "./usage.ts";

/** A longer lifetime of Phase 1 is accepted, and counts as this one. */
const LIFETIME_MS_MAX = 2 * DAY_MS;

export type Proven = Pick<
  Established,
  "id" | "path" | "peer" | "nat" | "natT" | "algorithms" | "keys" | "lastBlock" | "lastOfPhase1"
> & {
  readonly vendors: ReadonlySet<Vendor>;
  /** What both ends agreed on; undefined: the peer named none. */
  readonly lifetimeMs: number | undefined;
  readonly terms: AfterProof;
  readonly initialContact: boolean;
  /** What the peer's certificate says; left out: it has used none. */
  readonly holder?: CertificateHolder;
  /** XAUTH follows. */
  readonly needsUser: boolean;
  readonly step: IkeNote["step"];
};

/**
 * When we begin Phase 1 anew: the call has to be over before the site, too, ends this one. Sites
 * that were called together are not called together again.
 */
function renewAt(lifetimeMs: number, { now, random }: IkeContext): Instant {
  return later(now, jittered(lifetimeMs * RENEW_SHARE_MAX, REKEY_SHARE_MIN, random));
}

const RENEW_SHARE_MAX = 0.9;

/** The ISAKMP SA is up, unless something on our side stands against it. */
export function establish(proven: Proven, context: IkeContext): Step {
  const { terms, step, keys, algorithms } = proven;
  const { obstacle, policy, settings } = terms;
  if (obstacle !== undefined) {
    wipeIsakmpKeys(keys);
    const reason = { kind: "refused", refusal: obstacle } as const;
    const effects: readonly IkeEffect[] = [
      { kind: "held-back" },
      failedNote(step, obstacle),
      { kind: "ended", reason },
    ];
    return { sa: undefined, effects };
  }
  const { now } = context;
  const { inactivityMs, natKeepaliveMs } = settings;
  // Whoever began Phase 1 begins it anew: until then this one lives as long as was agreed.
  const lifetimeMs = Math.min(proven.lifetimeMs ?? settings.lifetimeMs, LIFETIME_MS_MAX);
  const isNatHere = proven.nat === "local" || proven.nat === "both";
  const sa: Established = {
    version: 1,
    phase: "established",
    id: proven.id,
    path: proven.path,
    nat: proven.nat,
    natT: proven.natT,
    algorithms,
    keys,
    lastBlock: proven.lastBlock,
    lastOfPhase1: proven.lastOfPhase1,
    peer: proven.peer,
    policy,
    settings,
    withFragments: proven.vendors.has("fragmentation") && settings.fragmentation,
    fragments: undefined,
    isSha256Short: terms.ikev1?.isSha256Short === true,
    children: [],
    farewells: [],
    quickModes: [],
    takenGroup: terms.childMethod?.method,
    push: undefined,
    usedIds: [],
    heir: undefined,
    dpd: newDpd(proven.vendors, context),
    usage: { movedAt: now, ticket: undefined },
    establishedAt: now,
    heardAt: now,
    timers: {
      rekeyAt: proven.id.role === "initiator" ? renewAt(lifetimeMs, context) : undefined,
      hardAt: later(now, lifetimeMs),
      inactivityAt:
        inactivityMs === undefined ? undefined : later(now, inactivityStepMs(inactivityMs)),
      keepaliveAt: isNatHere ? later(now, natKeepaliveMs) : undefined,
      childlessAt: undefined,
      redundant: undefined,
    },
  };
  const { initialContact } = proven;
  const weak = legacyIn(algorithms);
  const text = ikeAlgorithmsText(ikeAlgorithmsOf(algorithms));
  const detail = weak.length === 0 ? text : `${text}; weak: ${weak.join(", ")}`;
  const note = { level: "info", step, outcome: "ok", reason: "established", detail } as const;
  const pushes = pushesOf(proven);
  if (proven.needsUser) {
    const isUserKnown = terms.ikev1?.isUserKnown === true;
    return askForUser(sa, { initialContact, isUserKnown, pushes, note }, context);
  }
  const phase1 = step === "Main Mode" ? "main" : "aggressive";
  const pushed = pushes === undefined ? { sa, effects: [] } : beginPush(sa, pushes, context);
  const effects: readonly IkeEffect[] = [
    { kind: "authenticated", initialContact, holder: proven.holder, phase1 },
    ...countLegacy(algorithms),
    { kind: "note", note },
    ...pushed.effects,
  ];
  return { sa: pushed.sa, effects };
}

/** Only a site that calls is told its address: one that we call has it. */
function pushesOf({ terms, id, vendors }: Proven): Pushes | undefined {
  if (terms.ikev1?.pushesConfig !== true || id.role === "initiator") return undefined;
  return { isUnity: vendors.has("unity") };
}
