/** What a row sets instead of its base eroute: whether, how long, and over which interface. */

import { demandPostQuantum } from "../crypto/post-quantum.ts";
import type { Suite } from "../crypto/suite.ts";
import { ok, type Result } from "../octets/result.ts";
import { INACTIVITY_MS, LIFETIME_MS } from "./bounds.ts";
import { parseDuration } from "./duration.ts";
import type { BaseEroute, ChildOptions, ErouteLife } from "./eroute.ts";
import type { PeerRow } from "./row.ts";
import { filled, type RowFault, rowFault } from "./row-fault.ts";

/** Undefined: the base eroute's value applies. */
export type RowOptions = {
  readonly lifetimeSeconds: number | undefined;
  readonly inactivityMs: number | "off" | undefined;
  /** 0: none, whatever the base eroute has. */
  readonly ifId: number | undefined;
  /** Its IKE SA needs a post-quantum key exchange. */
  readonly postQuantum: boolean;
};

/** For an eroute without a row. */
export const NO_ROW_OPTIONS: RowOptions = {
  lifetimeSeconds: undefined,
  inactivityMs: undefined,
  ifId: undefined,
  postQuantum: false,
};

/** Child SA settings of the base eroute with the row's changes. */
export function childWith(child: ChildOptions, own: RowOptions): ChildOptions {
  // While nothing differs, all sites share one object.
  if (own.lifetimeSeconds === undefined && own.ifId === undefined) return child;
  const { lifetimeSeconds = child.lifetimeSeconds, ifId = child.ifId } = own;
  return { ...child, lifetimeSeconds, ifId: ifId === 0 ? undefined : ifId };
}

/** Proposals for the IKE SA: those of the eroute that have what the row demands. */
export function suitesWith(ike: readonly Suite[], own: RowOptions): readonly Suite[] {
  return own.postQuantum ? demandPostQuantum(ike) : ike;
}

/** The time-out of R13, the row's if it has one. */
export function inactivityWith(life: ErouteLife, own: RowOptions): number | undefined {
  const { inactivityMs = life.inactivityMs } = own;
  return inactivityMs === "off" ? undefined : inactivityMs;
}

/**
 * Whether the site may connect. A value that is neither yes nor no is refused, in case it means no.
 */
export function rowEnabled(row: PeerRow): Result<undefined, RowFault> {
  const text = filled(row.disabled)?.toLowerCase();
  if (text === undefined || NO.has(text)) return ok(undefined);
  if (YES.has(text)) {
    const detail = `the row of ${row.peerid} has disabled = ${text}: set it to 0 to let it connect`;
    return rowFault("row-disabled", "disabled", detail);
  }
  const detail = `disabled of ${row.peerid} is "${text}": write 0 or 1, or leave it empty`;
  return rowFault("bad-disabled", "disabled", detail);
}

const YES: ReadonlySet<string> = new Set(["1", "true", "t", "yes", "y", "on"]);
const NO: ReadonlySet<string> = new Set(["0", "false", "f", "no", "n", "off"]);

/** The row's own values, checked against its base eroute. */
export function rowOptions(
  row: PeerRow,
  base: Pick<BaseEroute, "name" | "ike">,
): Result<RowOptions, RowFault> {
  const lifetime = filled(row.lifetime);
  const lifetimeMs = lifetime === undefined ? undefined : timeMs(lifetime);
  if (lifetime !== undefined && !isWithin(lifetimeMs, LIFETIME_MS)) {
    const detail =
      `lifetime of ${row.peerid} is "${lifetime}": write a time from 5s to 7d, such as 1h or ` +
      "3600 (seconds), or leave it empty";
    return rowFault("bad-lifetime", "lifetime", detail);
  }
  const inactivity = filled(row.inactivity)?.toLowerCase();
  const isOff = inactivity === "off" || inactivity === "0";
  const inactivityMs = inactivity === undefined || isOff ? undefined : timeMs(inactivity);
  if (inactivity !== undefined && !isOff && !isWithin(inactivityMs, INACTIVITY_MS)) {
    const detail =
      `inactivity of ${row.peerid} is "${inactivity}": write a time from 10s to 30d, such as ` +
      "15m or 900 (seconds), off, or leave it empty";
    return rowFault("bad-inactivity", "inactivity", detail);
  }
  const ifId = rowIfId(row);
  if (!ifId.ok) return ifId;
  const postQuantum = rowPostQuantum(row, base);
  if (!postQuantum.ok) return postQuantum;
  const given = [lifetimeMs, inactivity, ifId.value].some((value) => value !== undefined);
  if (!given && !postQuantum.value) return ok(NO_ROW_OPTIONS);
  return ok({
    lifetimeSeconds: lifetimeMs === undefined ? undefined : Math.floor(lifetimeMs / 1000),
    inactivityMs: isOff ? "off" : inactivityMs,
    ifId: ifId.value,
    postQuantum: postQuantum.value,
  });
}

/** A value that is neither yes nor no is refused, in case it means yes. */
function rowPostQuantum(
  row: PeerRow,
  { name, ike }: Pick<BaseEroute, "name" | "ike">,
): Result<boolean, RowFault> {
  const text = filled(row.post_quantum)?.toLowerCase();
  if (text === undefined || NO.has(text)) return ok(false);
  if (!YES.has(text)) {
    const detail = `post_quantum of ${row.peerid} is "${text}": write 0 or 1, or leave it empty`;
    return rowFault("bad-post-quantum", "post_quantum", detail);
  }
  if (demandPostQuantum(ike).length > 0) return ok(true);
  const detail =
    `the row of ${row.peerid} has post_quantum = ${text}, but ike of eroute ${name} has no ` +
    "ML-KEM: add ke1_mlkem768 to a proposal there, and ke1_none beside it for the other sites";
  return rowFault("bad-post-quantum", "post_quantum", detail);
}

/** `1h30m`, or a number of seconds. */
function timeMs(text: string): number | undefined {
  return /^[0-9]{1,9}$/.test(text) ? Number(text) * 1000 : parseDuration(text);
}

function isWithin(
  ms: number | undefined,
  bounds: { readonly min: number; readonly max: number },
): boolean {
  return ms !== undefined && ms >= bounds.min && ms <= bounds.max;
}

function rowIfId(row: PeerRow): Result<number | undefined, RowFault> {
  const text = filled(row.if_id);
  if (text === undefined) return ok(undefined);
  const value = /^(0x[0-9a-fA-F]{1,8}|[0-9]{1,10})$/.test(text) ? Number(text) : Number.NaN;
  if (value <= 0xffff_ffff) return ok(value);
  const detail =
    `if_id of ${row.peerid} is "${text}": write a number from 1 to 4294967295, 0 for none, or ` +
    "leave it empty";
  return rowFault("bad-if-id", "if_id", detail);
}
