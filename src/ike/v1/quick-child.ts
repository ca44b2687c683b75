/** The Child SA of a Quick Mode: its selectors, its mode, its keys (RFC 2409 §5.5). */

import type { AddressRange } from "../../inet/address.ts";
import type { Endpoint } from "../../inet/endpoint.ts";
import type { EspSpi } from "../../inet/esp-spi.ts";
import { later } from "../../octets/instant.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import type { TrafficSelector } from "../../wire/traffic-selector.ts";
import type { IdPayload, Received } from "../../wire/v1/message.ts";
import { selectorOfId } from "../../wire/v1/traffic-id.ts";
import { espAlgorithmsText } from "../algorithms.ts";
import type { ChildSa } from "../child-sa.ts";
import type { ChildKeys, IkeContext } from "../effect.ts";
import { isInside } from "../inside.ts";
import { jittered } from "../jitter.ts";
import { REKEY_SHARE_MIN, SUPERSEDED_MS } from "../limits.ts";
import type { Refusal } from "../refusal.ts";
import { selectorsText } from "../selector-text.ts";
import type { Established } from "./established-phase.ts";
import { deriveQuickModeKeys, type QuickModeInput } from "./keys.ts";
import type { ChosenEsp } from "./proposal.ts";
import { encapsulationMode } from "./transform-numbers.ts";

export type Selectors = {
  readonly local: readonly TrafficSelector[];
  readonly remote: readonly TrafficSelector[];
};

/**
 * What the initiator's and responder's IDs name. Nothing can be narrowed: they lie inside what the
 * site may use, or are refused. Without IDs the ends themselves are meant.
 */
export function selectorsOf(
  sa: Established,
  ids: readonly Received<IdPayload>[],
): Result<Selectors, Refusal> {
  const asked = ids.length === 0 ? endsOf(sa) : namedBy(ids);
  if (!asked.ok) return asked;
  const { local, remote } = asked.value;
  const { policy } = sa;
  if (isInside(local, policy.local) && isInside(remote, policy.remote)) return asked;
  return err({
    kind: "ts-unacceptable",
    offered: [selectorsText(local, remote)],
    wanted: [selectorsText(policy.local, policy.remote)],
  });
}

function namedBy(ids: readonly Received<IdPayload>[]): Result<Selectors, Refusal> {
  const [idI, idR, ...others] = ids;
  if (idI === undefined || idR === undefined || others.length > 0) {
    const detail = `${ids.length} IDs, needs two or none`;
    return err({ kind: "malformed", where: "Quick Mode", detail });
  }
  const [remote, local] = [selectorOfId(idI), selectorOfId(idR)];
  if (remote === undefined || local === undefined) {
    const { idType } = (remote === undefined ? idI : idR).identity;
    const detail = `an ID of type ${idType} that names no addresses`;
    return err({ kind: "malformed", where: "Quick Mode", detail });
  }
  return ok({ local: [local], remote: [remote] });
}

function endsOf({ path }: Established): Result<Selectors, Refusal> {
  return ok({ local: [hostOf(path.local)], remote: [hostOf(path.remote)] });
}

function hostOf({ address }: Endpoint): TrafficSelector {
  const { family, value } = address;
  const range: AddressRange = { family, first: value, last: value };
  return { protocol: 0, startPort: 0, endPort: 65535, range };
}

/** The encapsulation modes that fit the NAT that was found (RFC 3947 §5.1). */
export function encapsulationsOf({ nat, natT, policy }: Established): readonly number[] {
  const tunnel = encapsulationMode("tunnel", nat === "none" ? "none" : natT);
  const isWhole = nat === "none" && policy.transport;
  return isWhole ? [tunnel, encapsulationMode("transport", "none")] : [tunnel];
}

/** The mode of a number that {@link encapsulationsOf} allows. */
function modeOf(encapsulation: number): ChildSa["mode"] {
  return encapsulation === encapsulationMode("transport", "none") ? "transport" : "tunnel";
}

/** The Child SA that both ends have agreed on. */
export function childOf(
  sa: Established,
  made: Selectors & {
    readonly chosen: ChosenEsp;
    readonly spiIn: EspSpi;
    readonly replaces: ChildSa | undefined;
  },
  context: IkeContext,
): ChildSa {
  const { chosen, spiIn, local, remote, replaces } = made;
  const { seconds } = chosen.lifetime;
  const lifetimeMs = Math.min(sa.policy.lifetimeMs, (seconds ?? DEFAULT_SECONDS) * 1_000);
  return {
    spiIn,
    spiOut: chosen.spi,
    algorithms: chosen.algorithms,
    mode: modeOf(chosen.encapsulation),
    local,
    remote,
    createdAt: context.now,
    rekeyAt: later(context.now, jittered(rekeyMsMax(lifetimeMs), REKEY_SHARE_MIN, context.random)),
    replaces: replaces?.spiIn,
    redundantUntil: undefined,
    struggle: undefined,
  };
}

/**
 * The latest moment for new keys. Both ends count the same lifetime, and the peer drops what comes
 * on a Child SA after it: we still send on the former one until it is deleted.
 */
function rekeyMsMax(lifetimeMs: number): number {
  const latest = Math.min(lifetimeMs * REKEY_SHARE_MAX, lifetimeMs - SUPERSEDED_MS - REKEY_MS);
  return Math.max(latest, lifetimeMs / 2);
}

const REKEY_SHARE_MAX = 0.9;

/** A Quick Mode of which a message is lost takes a few seconds. */
const REKEY_MS = 5_000;

/** RFC 2407 §4.5. */
const DEFAULT_SECONDS = 28_800;

/** Its keys, named from our side. */
export function keysOf(
  { algorithms, keys }: Established,
  esp: ChildSa["algorithms"],
  input: QuickModeInput & { readonly role: "initiator" | "responder" },
): ChildKeys {
  const isakmp = { prf: algorithms.prf, SKEYID_d: keys.SKEYID_d };
  const both = deriveQuickModeKeys(isakmp, esp, input);
  return input.role === "responder"
    ? { in: both.initiator, out: both.responder }
    : { in: both.responder, out: both.initiator };
}

/** The newest Child SA with the same selectors that nothing has replaced yet. */
export function formerOf({ children }: Established, asked: Selectors): ChildSa | undefined {
  const replaced = new Set(children.map(({ replaces }) => replaces));
  const key = keyOf(asked);
  return children.findLast((child) => keyOf(child) === key && !replaced.has(child.spiIn));
}

export function hasSameSelectors(one: ChildSa, other: ChildSa): boolean {
  return keyOf(one) === keyOf(other);
}

function keyOf({ local, remote }: Selectors): string {
  return selectorsText(local, remote);
}

/** `10.0.0.0/16 === 192.168.1.0/24, AES_GCM_16_256`, for the journal. */
export function childText(child: ChildSa): string {
  return `${selectorsText(child.local, child.remote)}, ${espAlgorithmsText(child.algorithms)}`;
}
