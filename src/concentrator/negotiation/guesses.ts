/**
 * Guessing of keys: repeated failures with one ID from one address prefix are slowed down. An
 * attempt that comes too early is refused unread, with the answer to a wrong key, so that a guesser
 * cannot tell them apart. The site itself is not slowed down: it is at another prefix, or at the
 * address and port where it last connected.
 */

import { peerKey } from "../../eroute/peer-id.ts";
import { pathOf } from "../../ike/ike-sa.ts";
import type { Refusal } from "../../ike/refusal.ts";
import type { RefusalText } from "../../ike/refusal-text.ts";
import { formatEndpoint } from "../../inet/endpoint.ts";
import { originOf } from "../../inet/origin.ts";
import type { Reason } from "../../reason/reason.ts";
import { count, type Engine } from "../engine.ts";
import type { Entry } from "./entry.ts";

/** Sites whose last address and port are remembered; the oldest is forgotten. */
const PLACES_MAX = 16_384;

/**
 * Counts an attempt as failed until it proves not to be, so that a hundred at the same time count
 * as a hundred. Returns why the attempt is refused, if it comes too early.
 */
export function slowDown(engine: Engine, entry: Entry): RefusalText | undefined {
  const { peerId, sa } = entry;
  // What was tried before in this IKE SA has failed: it is repeated.
  entry.guess = undefined;
  if (peerId === undefined) return undefined;
  const { remote } = pathOf(sa);
  const key = peerKey(peerId);
  const place = formatEndpoint(remote);
  const from = placeOf(engine, key) === place ? place : originOf(remote.address);
  const guess = `${from} ${key}`;
  if (engine.negotiation.guesses.rates.of(guess, engine.now).take(engine.now)) {
    entry.guess = guess;
    return undefined;
  }
  count(engine, "guesses_slowed");
  const detail = `${peerId} has failed too often from ${from}: this attempt was refused unread`;
  return { reason: "slowed-down", detail };
}

/**
 * A refusal before any key was compared is no guess (the database is down, another site has the
 * subnet). An unknown ID counts like a wrong key, so that strangers see no difference.
 */
export function forgiveUnlooked(engine: Engine, entry: Entry, refusal: Refusal): void {
  if (refusal.kind === "no-credentials" && OF_UNKNOWN_IDS.has(refusal.reason)) return;
  forgive(engine, entry);
}

const OF_UNKNOWN_IDS: ReadonlySet<Reason> = new Set<Reason>([
  "no-row",
  "row-disabled",
  "no-eroute",
  "user-without-eroute",
  "eroute-without-user",
]);

/** It was no failure after all. */
export function forgive(engine: Engine, entry: Entry): void {
  if (entry.guess !== undefined) engine.negotiation.guesses.rates.giveBack(entry.guess, engine.now);
  entry.guess = undefined;
}

/** The site has proved who it is. */
export function rememberPlace(engine: Engine, entry: Entry): void {
  forgive(engine, entry);
  if (entry.peerId === undefined) return;
  const { places, texts } = engine.negotiation.guesses;
  const key = peerKey(entry.peerId);
  forgetPlace(engine, key);
  places.set(key, texts.put(formatEndpoint(pathOf(entry.sa).remote)));
  const oldest = places.size > PLACES_MAX ? places.firstKey() : undefined;
  if (oldest !== undefined) forgetPlace(engine, oldest);
}

function placeOf({ negotiation }: Engine, key: string): string | undefined {
  const { places, texts } = negotiation.guesses;
  const place = places.get(key);
  return place === undefined ? undefined : texts.at(place);
}

function forgetPlace({ negotiation }: Engine, key: string): void {
  const { places, texts } = negotiation.guesses;
  const place = places.get(key);
  if (place === undefined) return;
  texts.free(place);
  places.delete(key);
}
