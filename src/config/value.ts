/** Single values of a configuration: each is read from its text, or reported as a fault. */

import { parseCallAddress } from "../eroute/call-address.ts";
import { parseDuration } from "../eroute/duration.ts";
import type { CallAddress } from "../eroute/eroute.ts";
import { hasControlCharacter } from "../eroute/pattern.ts";
import { PEER_ID_LENGTH_MAX } from "../eroute/peer-id.ts";
import { parseAddress } from "../inet/address.ts";
import { type Check, needed } from "./check.ts";
import { type KeyPath, quoted } from "./fault.ts";

/** A time and its bounds, ms. `otherwise` is used if the key is missing or wrong. */
export type DurationBounds = {
  readonly min: number;
  readonly max: number;
  readonly otherwise: number;
};

/** Milliseconds of a time such as `10s`. */
export function durationMs(
  check: Check,
  path: KeyPath,
  text: string | undefined,
  bounds: DurationBounds,
): number {
  if (text === undefined) return bounds.otherwise;
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= bounds.min && ms <= bounds.max) return ms;
  check.fault(path, `is ${quoted(text)}`);
  return bounds.otherwise;
}

/**
 * The name of an egroup or eroute. No `/`: a dynamic eroute is called by its name, `/` and the peer
 * ID.
 */
export function nameOf(check: Check, path: KeyPath, text: string | undefined): string | undefined {
  const name = needed(check, path, text);
  if (name === undefined || /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/.test(name)) return name;
  check.fault(path, `is ${quoted(name)}`);
  return undefined;
}

/** An ID: of a user, or the one that we present. */
export function idOf(check: Check, path: KeyPath, text: string | undefined): string | undefined {
  const id = needed(check, path, text);
  if (id === undefined) return undefined;
  const length = id.length;
  if (length === 0 || length > PEER_ID_LENGTH_MAX || hasControlCharacter(id)) {
    check.fault(path, `is ${quoted(id)}, ${length} characters`);
    return undefined;
  }
  if (id !== id.trim()) {
    check.fault(path, `is ${quoted(id)}, with blanks around it`);
    return undefined;
  }
  return id;
}

/** `peerip` or `bakpeerip` of a normal eroute. */
export function callAddressOf(
  check: Check,
  path: KeyPath,
  text: string | undefined,
): string | undefined {
  if (text === undefined) return undefined;
  const address = parseCallAddress(text);
  if (address.ok) return address.value.host;
  check.fault(path, `is ${quoted(text)}, which ${address.error}`);
  return undefined;
}

/** One text or several, each with its path. */
export function listOf(
  path: KeyPath,
  value: string | readonly string[] | undefined,
): readonly { readonly path: KeyPath; readonly text: string }[] {
  if (value === undefined) return [];
  if (typeof value === "string") return [{ path, text: value }];
  return value.map((text, i) => ({ path: [...path, i], text }));
}

/** Another gateway, as it can be named to a site. */
export function gatewayOf(
  check: Check,
  path: KeyPath,
  text: string | undefined,
): CallAddress | undefined {
  const host = callAddressOf(check, path, text);
  return host === undefined ? undefined : { host, address: parseAddress(host) };
}
