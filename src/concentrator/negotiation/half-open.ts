/** Places and memory for IKE SAs whose peer has not authenticated yet: bounded, shared fairly. */

import { halfOpenOctets, pathOf } from "../../ike/ike-sa.ts";
import { HALF_OPEN_OCTETS } from "../../ike/limits.ts";
import { formatEndpoint, type Path } from "../../inet/endpoint.ts";
import { originOf } from "../../inet/origin.ts";
import { count, type Engine, type Entry } from "../engine.ts";
import { noteLimit } from "../journal/limit-notes.ts";

/** What one address prefix has of them. */
export type HalfOpenShare = { places: number; octets: number };

/** Below this share of the memory nobody is asked for a cookie for it. */
const COOKIE_SHARE = 0.25;

/** Whether one of these octets has room; `crowded`: if it shows that its address is its own. */
export function roomFor(engine: Engine, path: Path, octets: number): "free" | "crowded" | "none" {
  const { limits } = engine.plan;
  const share = engine.halfOpenPrefixes.get(originOf(path.remote.address));
  const places = share?.places ?? 0;
  const needs = HALF_OPEN_OCTETS + octets;
  // One prefix never gets more than half of all, cookies or not: others want in as well.
  const placesMax = Math.max(limits.halfOpenPerPrefixMax, Math.floor(limits.halfOpenMax / 2));
  const hasPlace = engine.halfOpen < limits.halfOpenMax && places < placesMax;
  if (!hasPlace || !hasMemory(engine, share, needs)) {
    refuse(engine, path, hasPlace);
    return "none";
  }
  const isCrowded =
    engine.halfOpen >= limits.cookieAbove ||
    places >= limits.halfOpenPerPrefixMax ||
    engine.halfOpenOctets + needs > limits.halfOpenOctetsMax * COOKIE_SHARE;
  return isCrowded ? "crowded" : "free";
}

/** Whether a message of a peer that is not known yet may be taken in: it may have to be kept. */
export function mayGrow(engine: Engine, { halfOpenPrefix, sa }: Entry, octets: number): boolean {
  if (halfOpenPrefix === undefined) return true;
  if (hasMemory(engine, engine.halfOpenPrefixes.get(halfOpenPrefix), octets)) return true;
  refuse(engine, pathOf(sa), true);
  return false;
}

function hasMemory(engine: Engine, share: HalfOpenShare | undefined, octets: number): boolean {
  const { halfOpenOctetsMax } = engine.plan.limits;
  if (engine.halfOpenOctets + octets > halfOpenOctetsMax) return false;
  return (share?.octets ?? 0) + octets <= halfOpenOctetsMax / 2;
}

function refuse(engine: Engine, { remote }: Path, hasPlace: boolean): void {
  count(engine, "half_open_refused");
  const { halfOpenMax, halfOpenOctetsMax } = engine.plan.limits;
  const detail = hasPlace
    ? `no memory for ${formatEndpoint(remote)}: half_open_memory is ${halfOpenOctetsMax} octets`
    : `no place for ${formatEndpoint(remote)}: half_open_max is ${halfOpenMax}`;
  noteLimit(engine, { reason: "half-open-full", step: "IKE_SA_INIT", detail });
}

/** A stranger was let in. */
export function enterHalfOpen(engine: Engine, entry: Entry): void {
  engine.halfOpen++;
  const prefix = originOf(pathOf(entry.sa).remote.address);
  entry.halfOpenPrefix = prefix;
  const share = engine.halfOpenPrefixes.get(prefix) ?? { places: 0, octets: 0 };
  share.places++;
  engine.halfOpenPrefixes.set(prefix, share);
  weighHalfOpen(engine, entry);
}

/** Takes note of what it keeps now. */
export function weighHalfOpen(engine: Engine, entry: Entry): void {
  if (entry.halfOpenPrefix !== undefined) setOctets(engine, entry, halfOpenOctets(entry.sa));
}

/** An IKE SA is half open no more. */
export function leaveHalfOpen(engine: Engine, entry: Entry): void {
  engine.halfOpen--;
  const prefix = entry.halfOpenPrefix;
  if (prefix === undefined) return;
  setOctets(engine, entry, 0);
  entry.halfOpenPrefix = undefined;
  const share = engine.halfOpenPrefixes.get(prefix);
  if (share === undefined) return;
  share.places--;
  if (share.places === 0) engine.halfOpenPrefixes.delete(prefix);
}

function setOctets(engine: Engine, entry: Entry, octets: number): void {
  const more = octets - entry.halfOpenOctets;
  entry.halfOpenOctets = octets;
  engine.halfOpenOctets += more;
  const share = engine.halfOpenPrefixes.get(entry.halfOpenPrefix ?? "");
  if (share !== undefined) share.octets += more;
}
