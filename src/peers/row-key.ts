/** Which rows belong to a key: decided here, not by a database's collation. */

import { peerKey, withoutPadding } from "../eroute/peer-id.ts";
import type { LookupKey, PeerRow } from "../eroute/row.ts";
import { formatAddress, parseAddress } from "../inet/address.ts";

/**
 * A key in the form in which the database is asked; undefined if no row can have it. The mask of a
 * network is left out, because tables keep it in a column of its own or after the address.
 */
export function askedValue(key: LookupKey): string | undefined {
  if (key.by === "peerid") return key.peerid;
  if (key.by === "ppk") return key.id;
  return networkText(key.by === "network" ? key.network : key.address);
}

/**
 * The forms of a row's column that match callers of {@link askedValue}'s value: an ID as it is, and
 * without the padding that the table added.
 */
export function rowKeys(by: LookupKey["by"], row: PeerRow): readonly string[] {
  if (by === "peerid") {
    const key = peerKey(row.peerid);
    const plain = withoutPadding(key);
    return plain === key ? [key] : [key, plain];
  }
  if (by === "ppk") return row.ppk_id == null ? [] : [row.ppk_id.trim()];
  const text = by === "network" ? firstSubnet(row.remip ?? "") : (row.peerip ?? "");
  const network = networkText(text);
  return network === undefined ? [] : [network];
}

/** A row as the caller with this key is to see it: without padding, unless the key has it. */
export function rowFor(by: LookupKey["by"], key: string, row: PeerRow): PeerRow {
  const plain = withoutPadding(row.peerid);
  const isAsked = by === "peerid" && peerKey(row.peerid) === key;
  return isAsked || plain === row.peerid ? row : { ...row, peerid: plain };
}

/** The same form of an asked value. */
export function askedKey(by: LookupKey["by"], value: string): string {
  return by === "peerid" ? peerKey(value) : value;
}

/** Of a list: rows are found by its first subnet, because an index covers only its beginning. */
function firstSubnet(remip: string): string {
  return remip.trim().split(/[\s,]/, 1)[0] ?? "";
}

function networkText(text: string): string | undefined {
  const slash = text.indexOf("/");
  const address = parseAddress((slash < 0 ? text : text.slice(0, slash)).trim());
  return address === undefined ? undefined : formatAddress(address);
}
