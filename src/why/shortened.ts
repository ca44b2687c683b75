/** A record as histories keep it: a few KB, whatever a stranger offers. */

import type { JournalRecord } from "../concentrator/journal/journal.ts";

/** With no more of what was offered and configured than there is room for. */
export function shortened(record: JournalRecord): JournalRecord {
  const { offered, wanted } = record;
  if (offered === undefined && wanted === undefined) return record;
  return {
    ...record,
    ...(offered === undefined ? {} : { offered: shortList(offered) }),
    ...(wanted === undefined ? {} : { wanted: shortList(wanted) }),
  };
}

/** The default proposals for IKE have some 400 characters together. */
const OFFERS_LENGTH_MAX = 1_500;

/** As many of the first ones as there is room for, and how many more there are. */
function shortList(texts: readonly string[]): readonly string[] {
  const list: string[] = [];
  let room = OFFERS_LENGTH_MAX;
  for (const [i, text] of texts.entries()) {
    if (room < text.length) {
      // A part of a string holds on to the whole of it; a copy does not.
      if (list.length === 0) list.push([...text.slice(0, room)].join(""));
      const more = moreIn(texts.slice(Math.max(i, 1)));
      return more === 0 ? list : [...list, `and ${more} more`];
    }
    list.push(text);
    room -= text.length;
  }
  return list;
}

/** How many they are; the last of them may stand for others that were left out before. */
function moreIn(texts: readonly string[]): number {
  const [, before] = /^and (\d+) more$/.exec(texts.at(-1) ?? "") ?? [];
  return before === undefined ? texts.length : texts.length - 1 + Number(before);
}
