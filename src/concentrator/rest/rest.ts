/**
 * Puts sites to rest, and wakes them. Sites are put to rest between two events only: while one is
 * handled, code may hold the objects of any site that it has asked for.
 */

import type { Eroute } from "../../eroute/eroute.ts";
import { spiOf } from "../../ike/ike-sa.ts";
import { assert } from "../../octets/assert.ts";
import type { Place } from "../../octets/octet-store.ts";
import { noteBug } from "../bug.ts";
import {
  areChildrenAt,
  awaitsKernel,
  childrenToRest,
  restChildren,
  wakeChildren,
} from "../dataplane/at-rest.ts";
import { installedOf } from "../dataplane/plain-child.ts";
import type { Engine } from "../engine.ts";
import {
  entryToRest,
  isEntryAt,
  restEntry,
  wakeEntry,
  wokenEntry,
} from "../negotiation/at-rest.ts";
import { type Glimpse, type Lexicon, leaveAwake, stayAwake } from "../resting.ts";
import {
  erouteAwakeAt,
  isErouteAt,
  isIkeSaAt,
  restSite,
  siteToRest,
  wakeSite,
} from "../sites/at-rest.ts";
import type { ErouteInUse } from "../sites/eroute-in-use.ts";
import { restingErouteOf, wokenEroute } from "../sites/resting-eroute.ts";
import { countRested, countWoken } from "./counts.ts";
import { type Beginning, readBeginningOf, readSite, writeSite } from "./document.ts";

/** Sites that are looked at in vain in one go: some microseconds each. */
const BUSY_MAX = 4;
/** Sites that are put to rest within a millisecond, however many events that has. */
const RESTED_MAX = 16;

/** Puts to rest what nothing has happened to for longest, if more is awake than should be. */
export function restSome(engine: Engine): void {
  const { awake, awakeMax, portion } = engine.resting;
  if (awake.size <= awakeMax || engine.shuttingDown) return;
  const ms = Math.floor(engine.now);
  if (ms !== portion.ms) {
    portion.ms = ms;
    portion.rested = 0;
  }
  let busy = 0;
  for (let looks = awake.size; looks > 0; looks--) {
    if (awake.size <= awakeMax || busy === BUSY_MAX || portion.rested >= RESTED_MAX) return;
    const key = awake.firstValue();
    if (key === undefined) return;
    portion.rested++;
    const eroute = erouteAwakeAt(engine, key);
    // What is to happen to the site next is that the kernel answers: it comes back here then.
    if (eroute === undefined || awaitsKernel(engine, key) || tryToRest(engine, eroute)) {
      leaveAwake(engine, key);
      continue;
    }
    // The next ones may have nothing to do.
    stayAwake(engine, key);
    busy++;
  }
}

/** A bug in it leaves the site awake, and what has just happened to others as it is. */
function tryToRest(engine: Engine, eroute: ErouteInUse): boolean {
  try {
    return putToRest(engine, eroute);
  } catch (fault) {
    noteBug(engine, undefined, fault);
    return true;
  }
}

/** What is left of the site is what was written. False: something is to be done for it. */
function putToRest(engine: Engine, awake: ErouteInUse): boolean {
  const { resting, changes } = engine;
  const { key } = awake;
  const found = siteToRest(engine, awake);
  if (found === undefined) return false;
  const { spi, initialContact, stand } = found;
  if (changes?.sites.has(key) || changes?.ikeSas.has(spi)) return false;
  const children = childrenToRest(engine, key, spi);
  if (children === undefined) return false;
  const { peerId } = found.eroute;
  const ikeSa = entryToRest(engine, spi, peerId);
  const eroute = restingErouteOf(found.eroute);
  const base = baseNumber(resting.lexicon, found.eroute.base);
  if (ikeSa === undefined || eroute === undefined || base === undefined) return false;
  const states = children.flatMap(({ ours }) => ours);
  const { facts } = stand;
  const kind = { isV1: facts?.version === 1, canBeSentAway: facts?.canBeSentAway === true };
  const place = writeSite(resting, {
    ...kind,
    base,
    peerId,
    states,
    eroute,
    children,
    ikeSa,
    initialContact,
  });
  if (place === undefined) return false;
  countRested(resting, kind, resting.lexicon);
  restSite(engine, found, place);
  restEntry(engine, spi, place);
  restChildren(engine, children, place);
  return true;
}

/** A number of 16 bits, by which the eroute is found again. */
const BASES_MAX = 65_536;

function baseNumber({ bases, baseNumbers }: Lexicon, base: Eroute): number | undefined {
  const known = baseNumbers.get(base);
  if (known !== undefined || bases.length === BASES_MAX) return known;
  baseNumbers.set(base, bases.length);
  return bases.push(base) - 1;
}

/** All objects of a site are in their tables again, or it is noted as lost. */
export function wake(engine: Engine, place: Place): void {
  const { resting } = engine;
  if (resting.lost.has(place)) return;
  try {
    putBack(engine, place);
  } catch (fault) {
    resting.lost.set(place, fault);
  }
}

/** Whatever may fail comes before the first change. */
function putBack(engine: Engine, place: Place): void {
  const { resting } = engine;
  const { value: site, lexicon } = readSite(resting, place);
  const { peerId, initialContact } = site;
  const spi = spiOf(site.ikeSa.sa);
  const eroute = wokenEroute(site.eroute, baseOf(site, lexicon), { peerId, spi });
  const { key, name } = eroute;
  const entry = wokenEntry(site.ikeSa, { peerId, eroute: name });
  const children = site.children.map((child) => installedOf(child, key));
  const isHeld =
    isErouteAt(engine, key, place) &&
    isIkeSaAt(engine, spi, place) &&
    isEntryAt(engine, spi, place) &&
    areChildrenAt(engine, children, { erouteKey: key, ikeSpi: spi, place });
  assert(isHeld, "what a site at rest holds is what the tables have at its place");
  resting.documents.free(place);
  countWoken(resting, site, lexicon);
  const stand = wakeEntry(engine, spi, entry);
  wakeSite(engine, eroute, { spi, stand, peerId, initialContact });
  wakeChildren(engine, children);
  stayAwake(engine, key);
}

/** The eroute as it was configured when the site was written. */
export function baseOf({ base }: Pick<Beginning, "base">, { bases }: Lexicon): Eroute {
  const found = bases[base];
  assert(found !== undefined, "a site at rest has an eroute");
  return found;
}

/** What is wanted of a site that stays at rest. */
export function glimpse({ resting }: Engine, place: Place): Glimpse | undefined {
  if (resting.lost.has(place)) return undefined;
  try {
    const { value, lexicon } = readBeginningOf(resting, place);
    return { base: baseOf(value, lexicon), peerId: value.peerId, states: value.states };
  } catch (fault) {
    resting.lost.set(place, fault);
    return undefined;
  }
}
