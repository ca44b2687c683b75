/** Parameters by which lists are searched, filtered, sorted and paged, in the API and on pages. */

import { JOURNAL_LEVELS } from "../../concentrator/journal/journal.ts";
import { EROUTE_STATES, SORTS } from "../lists/eroutes.ts";
import { LAST_KINDS, WHO_KINDS } from "../lists/not-connected.ts";
import { PEER_STATES } from "../lists/peers.ts";
import { RANGES } from "../series.ts";
import { algorithm, text, whole, word } from "./parameters.ts";

/** Rows of one answer. */
const LIMIT = { least: 1, most: 1_000, otherwise: 200 };
const OFFSET = { least: 0, most: 10_000_000, otherwise: 0 };
const SEQUENCE = { least: 0, most: Number.MAX_SAFE_INTEGER, otherwise: undefined };

export const limit = whole("The most rows to answer with.", LIMIT);
export const offset = whole("The number of rows to skip.", OFFSET);

const ALGORITHM = "this algorithm or family (`mlkem768`, `ML_KEM_768`, `modp`, `pq`)";

export const EROUTE_FILTERS = {
  q: text("Only eroutes with this in their peer ID, name, address or subnet, in any case."),
  eroute: text("Only those of this base or normal eroute."),
  state: word("Only those in this state.", EROUTE_STATES),
  with: algorithm(`Only those with ${ALGORITHM} in an IKE SA or Child SA.`),
  without: algorithm(`Only those without ${ALGORITHM} in any IKE SA and Child SA.`),
  sort: word("Ascending by this; with `-` descending.", SORTS),
};

export const EVENT_FILTERS = {
  site: text("Only events of this peer ID."),
  level: word("Only events of this level or a more severe one.", JOURNAL_LEVELS),
};

const before = whole("Only events with a lower sequence.", { ...SEQUENCE, least: 1 });
export const EVENT_PAGE = { before, ...EVENT_FILTERS };
export const AFTER = whole("Only events with a higher sequence.", SEQUENCE);

export const NOT_CONNECTED_FILTERS = {
  q: text("Only those with this in their peer ID, address or reason, in any case."),
  last: word(
    "Only those whose last attempt `failed`, or whose connection has `ended`.",
    LAST_KINDS,
  ),
  offers: algorithm(`Only those whose last refused proposals have ${ALGORITHM}.`),
  who: word("Only `sites`, which have a row or an eroute, or only `strangers`.", WHO_KINDS),
};

export const PEERS_PAGE = {
  egroup: text("Rows of this egroup; the first one if none is given."),
  q: text("Only rows with this in their peer ID, subnet or address, in any case."),
  peer_state: word("Only rows of sites in this state.", PEER_STATES),
  after_peer: text("Only rows after this peer ID: `next` of the page before."),
  limit,
};

export const SERIES_RANGE = {
  range: word("The last hour, or the last two days; the hour if none is given.", RANGES),
};
