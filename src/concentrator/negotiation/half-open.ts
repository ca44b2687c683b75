/** Places and memory for IKE SAs whose peer has not authenticated yet: bounded, shared fairly. */

import { halfOpenOctets, type IkeSa, pathOf } from "../../ike/ike-sa.ts";
import { HALF_OPEN_OCTETS } from "../../ike/limits.ts";
import { formatEndpoint, type Path } from "../../inet/endpoint.ts";
import { originOf } from "../../inet/origin.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { count, type Engine } from "../engine.ts";
import { noteLimit } from "../journal/limit-notes.ts";
import { entryAt } from "./ike-sas.ts";
import type { HalfOpenPlace, HalfOpenShare } from "./negotiation.ts";

/** Below this share of the memory, no cookies are requested. */
const COOKIE_SHARE = 0.25;

/** Whether there is room for a stranger's message; `crowded`: only with a valid cookie. */
export function roomFor(engine: Engine, path: Path, octets: number): "free" | "crowded" | "none" {
  const { limits } = engine.plan;
  const share = engine.negotiation.halfOpen.prefixes.get(originOf(path.remote.address));
  const places = share?.places ?? 0;
  const needs = HALF_OPEN_OCTETS + octets;
  // One prefix never gets more than half of all places, with or without cookies.
  const placesMax = Math.max(limits.halfOpenPerPrefixMax, Math.floor(limits.halfOpenMax / 2));
  const hasPlace =
    engine.negotiation.halfOpen.places.size < limits.halfOpenMax && places < placesMax;
  if (!hasPlace || !hasMemory(engine, share, needs)) {
    refuse(engine, path, hasPlace);
    return "none";
  }
  const isCrowded =
    engine.negotiation.halfOpen.places.size >= limits.cookieAbove ||
    places >= limits.halfOpenPerPrefixMax ||
    engine.negotiation.halfOpen.octets + needs > limits.halfOpenOctetsMax * COOKIE_SHARE;
  return isCrowded ? "crowded" : "free";
}

/** Whether there is memory for a message of a half-open IKE SA: the message may have to be kept. */
export function mayGrow(engine: Engine, spi: IkeSpi, octets: number): boolean {
  const { places, prefixes } = engine.negotiation.halfOpen;
  const place = places.get(spi);
  if (place === undefined) return true;
  if (hasMemory(engine, prefixes.get(place.prefix), octets)) return true;
  const entry = entryAt(engine, spi);
  if (entry !== undefined) refuse(engine, pathOf(entry.sa), true);
  return false;
}

function hasMemory(engine: Engine, share: HalfOpenShare | undefined, octets: number): boolean {
  const { halfOpenOctetsMax } = engine.plan.limits;
  if (engine.negotiation.halfOpen.octets + octets > halfOpenOctetsMax) return false;
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
export function enterHalfOpen(engine: Engine, spi: IkeSpi, sa: IkeSa): void {
  const { places, prefixes } = engine.negotiation.halfOpen;
  const prefix = originOf(pathOf(sa).remote.address);
  const share = prefixes.get(prefix) ?? { places: 0, octets: 0 };
  share.places++;
  prefixes.set(prefix, share);
  places.set(spi, { prefix, octets: 0 });
  weighHalfOpen(engine, spi, sa);
}

/** Counts the memory that it takes now. */
export function weighHalfOpen(engine: Engine, spi: IkeSpi, sa: IkeSa): void {
  const place = engine.negotiation.halfOpen.places.get(spi);
  if (place !== undefined) setOctets(engine, place, halfOpenOctets(sa));
}

/** An IKE SA is no longer half-open. */
export function leaveHalfOpen(engine: Engine, spi: IkeSpi): void {
  const { places, prefixes } = engine.negotiation.halfOpen;
  const place = places.get(spi);
  if (place === undefined) return;
  engine.negotiation.ikev1.halfOpen.delete(spi);
  setOctets(engine, place, 0);
  places.delete(spi);
  const share = prefixes.get(place.prefix);
  if (share !== undefined && --share.places === 0) prefixes.delete(place.prefix);
}

function setOctets(engine: Engine, place: HalfOpenPlace, octets: number): void {
  const { halfOpen } = engine.negotiation;
  const more = octets - place.octets;
  place.octets = octets;
  halfOpen.octets += more;
  const share = halfOpen.prefixes.get(place.prefix);
  if (share !== undefined) share.octets += more;
}
