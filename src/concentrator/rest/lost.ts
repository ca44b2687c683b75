/**
 * Ends sites at rest that cannot be read: only a bug of ours or broken memory makes one so. Each
 * loses what an IKE SA loses that is awake while a bug is met: its SAs, in the kernel as well. Then
 * it may dial in again. As sites are put to rest, so are they ended: between two events only.
 */

import type { Place } from "../../octets/octet-store.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { noteBug } from "../bug.ts";
import { childrenAt, forgetChildren, keyOfChildrenAt, putChildBack } from "../dataplane/at-rest.ts";
import type { Installed } from "../dataplane/installed.ts";
import { installedOf } from "../dataplane/plain-child.ts";
import type { Engine } from "../engine.ts";
import { forgetEntry, isEntryAt } from "../negotiation/at-rest.ts";
import {
  forgetSite,
  isIkeSaAt,
  keyOfErouteAt,
  nameOfSite,
  putErouteBack,
} from "../sites/at-rest.ts";
import { leaveEroute, removeLeft } from "../sites/eroute-end.ts";
import type { ErouteInUse } from "../sites/eroute-in-use.ts";
import { forgetIkeSa } from "../sites/ike-sas.ts";
import { wokenEroute } from "../sites/resting-eroute.ts";
import { count, countWoken } from "./counts.ts";
import { readCounted, readRemains } from "./document.ts";
import { baseOf } from "./rest.ts";

/**
 * Ended in one go; the others stay due. Where all tables are walked, one of them takes 20 ms with
 * 10,000 sites.
 */
const ENDED_AT_ONCE = 4;

/** Ends those that were found to be lost. */
export function endLost(engine: Engine): void {
  const { resting } = engine;
  let ended = 0;
  for (const [place, fault] of resting.lost) {
    if (ended >= ENDED_AT_ONCE) return;
    const remains = remainsOf(engine, place);
    ended += remains === undefined ? ENDED_AT_ONCE : 1;
    if (isEnded(engine, place, { remains, fault })) {
      uncount(engine, place);
      resting.documents.free(place);
    }
    resting.lost.delete(place);
  }
}

/**
 * False: even that has met a bug, and tables may still have its place. So its octets stay, and it
 * is found to be lost again when it is next asked for.
 */
function isEnded(
  engine: Engine,
  place: Place,
  { remains, fault }: { readonly remains: RemainsOfSite | undefined; readonly fault: unknown },
): boolean {
  try {
    if (remains === undefined) endUnknown(engine, place, fault);
    else endKnown(engine, place, { remains, fault });
    return true;
  } catch (another) {
    return isTakenOut(engine, place, another);
  }
}

/** It costs this site alone: whatever is left of it in the tables goes. */
function isTakenOut(engine: Engine, place: Place, fault: unknown): boolean {
  try {
    endUnknown(engine, place, fault);
    return true;
  } catch (another) {
    noteBug(engine, undefined, another);
    return false;
  }
}

/**
 * Of one that cannot be read at all, what it has in common with others may stay for good, and it is
 * counted as one of those that there are.
 */
function uncount({ resting }: Engine, place: Place): void {
  const { kind, lexicon } = readCounted(resting, place);
  const { v1, v2, canBeSentAway } = resting.resters;
  const known = kind ?? { isV1: v2 === 0, canBeSentAway: canBeSentAway === v1 + v2 };
  if (lexicon === undefined) count(resting, known, -1);
  else countWoken(resting, known, lexicon);
}

type RemainsOfSite = {
  readonly eroute: ErouteInUse;
  readonly spi: IkeSpi;
  readonly children: readonly Installed[];
};

/** All but the IKE SA, if it can be read, and if the tables agree. */
function remainsOf(engine: Engine, place: Place): RemainsOfSite | undefined {
  try {
    const { value, lexicon } = readRemains(engine.resting, place);
    const { peerId } = value;
    const spi = value.children[0]?.ikeSpi;
    if (spi === undefined || !isEntryAt(engine, spi, place)) return undefined;
    if (!isIkeSaAt(engine, spi, place)) return undefined;
    const eroute = wokenEroute(value.eroute, baseOf(value, lexicon), { peerId, spi });
    const children = value.children.map((child) => installedOf(child, eroute.key));
    const held = childrenAt(engine, eroute.key, place);
    const spisIn = children.filter(({ ikeSpi }) => ikeSpi === spi).map(({ child }) => child.spiIn);
    const isAll = held.length === children.length && held.every((one) => spisIn.includes(one));
    return isAll ? { eroute, spi, children } : undefined;
  } catch {
    return undefined;
  }
}

/** Its eroute and its Child SAs end as if it were awake. */
function endKnown(
  engine: Engine,
  place: Place,
  { remains, fault }: { readonly remains: RemainsOfSite; readonly fault: unknown },
): void {
  const { eroute, spi, children } = remains;
  noteBug(engine, { peerId: eroute.peerId, eroute: eroute.name }, fault);
  forgetEntry(engine, place, spi);
  forgetIkeSa(engine, spi);
  const isInUse = putErouteBack(engine, eroute, place);
  for (const installed of children) putChildBack(engine, installed, place);
  removeLeft(engine, eroute.key, spi, "internal-error");
  if (isInUse) leaveEroute(engine, eroute, spi, "internal-error");
}

/**
 * What the tables have at its place goes. The kernel keeps what nobody can name any more, until all
 * that nobody claims is looked for there.
 */
function endUnknown(engine: Engine, place: Place, fault: unknown): void {
  // Where another eroute in use was put in its place, only its Child SAs are left of it.
  const key = keyOfErouteAt(engine, place) ?? keyOfChildrenAt(engine, place);
  forgetChildren(engine, place, key);
  forgetEntry(engine, place);
  forgetSite(engine, place, key);
  noteBug(engine, key === undefined ? undefined : nameOfSite(key), fault);
  engine.resting.isLeftBehind = true;
}

/** Whether the kernel may have what nobody can name, since this was last asked. */
export function takeLeftBehind({ resting }: Engine): boolean {
  const { isLeftBehind } = resting;
  resting.isLeftBehind = false;
  return isLeftBehind;
}
