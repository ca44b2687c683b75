/** The end of an ISAKMP SA and of Child SAs by our side (RFC 2408 §3.15). */

import type { EspSpi } from "../../inet/esp-spi.ts";
import { wipe } from "../../octets/secret.ts";
import type { Reason } from "../../reason/reason.ts";
import type { ChildSa } from "../child-sa.ts";
import type { IkeContext } from "../effect.ts";
import { childrenDown } from "./answer.ts";
import type { Established } from "./established-phase.ts";
import { deleteOf, sayGone, unsaid } from "./farewell.ts";
import { hasSameSelectors } from "./quick-child.ts";
import { wipeSecrets } from "./secrets.ts";
import { deleteIsakmp, sendInformational } from "./send-informational.ts";
import type { IkeEffect, Step } from "./step.ts";

/** Deletes the ISAKMP SA and its Child SAs, and tells the peer. */
export function close(sa: Established, why: Reason, context: IkeContext): Step {
  const effects: IkeEffect[] = [...childrenDown(sa, why)];
  if (sa.children.length > 0) {
    const spis = sa.children.map(({ spiIn }) => spiIn);
    effects.push(...sendInformational(sa, [deleteOf(spis)], context).effects);
  }
  effects.push(...leave(sa, why, context));
  return { sa: undefined, effects };
}

/** Deletes the ISAKMP SA alone: its Child SAs outlive it, until the next one takes them over. */
export function closeAlone(sa: Established, why: Reason, context: IkeContext): Step {
  const done = part(sa);
  const effects: IkeEffect[] = [...done.effects];
  const { unsaid: spis } = done;
  if (spis.length > 0) effects.push(...sendInformational(sa, [deleteOf(spis)], context).effects);
  effects.push(...leave(done.sa, why, context).map(withChildSas));
  return { sa: undefined, effects };
}

/**
 * Before it ends without its Child SAs: what is complete goes to a newer ISAKMP SA, if any. What is
 * gone is said in another one, because the peer may not have got what we say here.
 */
export function part(sa: Established): Parted & {
  /** The inbound SPIs of what is gone. */
  readonly unsaid: readonly EspSpi[];
} {
  const done = dropUnfinished(sa);
  const given = give(done.sa, new Set());
  const spis = [...unsaid(sa), ...done.dropped];
  const effects: IkeEffect[] = [...done.effects, ...given.effects];
  if (spis.length > 0) effects.push({ kind: "unsaid", spis });
  return { sa: given.sa, effects, unsaid: spis };
}

type Parted = { readonly sa: Established; readonly effects: readonly IkeEffect[] };

/** Hands Child SAs over to the newer ISAKMP SA, if there is one; `kept`: inbound SPIs that stay. */
export function give(sa: Established, kept: ReadonlySet<number>): Parted {
  const { heir } = sa;
  const children = sa.children.filter(({ spiIn }) => !kept.has(spiIn));
  if (heir === undefined || children.length === 0) return { sa, effects: [] };
  const { spi, until } = heir;
  const pairs = children.map(({ spiIn, spiOut }) => ({ spiIn, spiOut }));
  const left = sa.children.filter((child) => !children.includes(child));
  return {
    sa: { ...sa, heir: { spi, until, given: [...heir.given, ...pairs] }, children: left },
    effects: [{ kind: "hand-over", to: spi, children }],
  };
}

/**
 * What no Quick Mode has completed goes with its ISAKMP SA: the peer may never have had it, and
 * nobody is left to find out. `dropped`: what it may have.
 */
function dropUnfinished(sa: Established): Parted & { readonly dropped: readonly EspSpi[] } {
  let at: Established = { ...sa, quickModes: [] };
  const effects: IkeEffect[] = [];
  const dropped: EspSpi[] = [];
  for (const exchange of sa.quickModes) {
    if ("wish" in exchange) wipe(exchange.wish.random);
    if ("child" in exchange) {
      effects.push({ kind: "child-down", spiIn: exchange.child.spiIn, why: "timeout" });
    }
    if (exchange.stage !== "answered") continue;
    const child = at.children.find(({ spiIn }) => spiIn === exchange.spiIn);
    if (child === undefined) continue;
    const gone = withoutChild(at, child, "timeout");
    effects.push(...gone.effects);
    dropped.push(child.spiIn);
    at = gone.sa;
  }
  // The timer that ends a replaced one goes, too: what replaces it has to send from now on.
  for (const { spiIn, replaces } of at.children) {
    if (replaces !== undefined) effects.push({ kind: "child-outbound", spiIn });
  }
  return { sa: at, effects, dropped };
}

function withChildSas(effect: IkeEffect): IkeEffect {
  return effect.kind === "ended" ? { ...effect, childSasStay: true } : effect;
}

function leave(sa: Established, why: Reason, context: IkeContext): readonly IkeEffect[] {
  const told = deleteIsakmp(sa, context);
  wipeSecrets(sa);
  return [told, { kind: "ended", reason: { kind: "we-deleted", why } }];
}

/** Removes one Child SA, and tells the peer, several times: nobody answers a Delete. */
export function closeChild(
  sa: Established,
  child: ChildSa,
  why: Reason,
  context: IkeContext,
): Parted {
  const gone = withoutChild(sa, child, why);
  const told = sayGone(gone.sa, [child.spiIn], context);
  return { sa: told.sa, effects: [...gone.effects, ...told.effects] };
}

/** The same without telling the peer, which knows. */
export function withoutChild(sa: Established, child: ChildSa, why: Reason): Parted {
  const children = sa.children
    .filter((other) => other !== child)
    .map((other) => (other.replaces === child.spiIn ? { ...other, replaces: undefined } : other));
  const isReplaced = sa.children.some(({ replaces }) => replaces === child.spiIn);
  return {
    sa: { ...sa, children },
    effects: [
      ...sendingInstead(sa, child),
      { kind: "child-down", spiIn: child.spiIn, why: isReplaced ? "rekeyed" : why },
    ],
  };
}

/**
 * What replaces it sends from now on. The peer may never have got our answer to a Quick Mode: what
 * only such a one has made sends if nothing else does, and after all others.
 */
function sendingInstead(
  { children, quickModes }: Established,
  child: ChildSa,
): readonly IkeEffect[] {
  const unproven = new Set<number>();
  for (const exchange of quickModes) {
    if (exchange.stage === "answered") unproven.add(exchange.spiIn);
  }
  const effects: IkeEffect[] = [];
  const waiting: ChildSa[] = [];
  const unsure: ChildSa[] = [];
  for (const one of children) {
    const { spiIn, replaces } = one;
    if (one === child || !hasSameSelectors(one, child)) continue;
    if (unproven.has(spiIn)) unsure.push(one);
    else if (replaces === child.spiIn) effects.push({ kind: "child-outbound", spiIn });
    else waiting.push(one);
  }
  const insteadOf = child.spiIn;
  for (const { spiIn } of [...waiting, ...unsure]) {
    effects.push({ kind: "child-outbound", spiIn, insteadOf });
  }
  return effects;
}
