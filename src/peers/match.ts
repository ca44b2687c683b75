/** Which rows are a key's: decided here, not by a database's collation. */

import { peerKey } from "../eroute/peer-id.ts";
import type { LookupKey, PeerRow } from "../eroute/row.ts";
import { formatAddress, parseAddress } from "../inet/address.ts";

/**
 * A key as it is asked of the database; undefined if no row can have it. The mask of a network is
 * left out, since tables keep it in a column of its own or behind the address.
 */
export function askedValue(key: LookupKey): string | undefined {
  if (key.by === "peerid") return key.peerid;
  return networkText(key.network);
}

/** The form of a row's column under which callers of {@link askedValue}'s value find it. */
export function rowKey(by: LookupKey["by"], row: PeerRow): string | undefined {
  return by === "peerid" ? peerKey(row.peerid) : networkText(firstSubnet(row.remip ?? ""));
}

/** The same form of an asked value. */
export function askedKey(by: LookupKey["by"], value: string): string {
  return by === "peerid" ? peerKey(value) : value;
}

/** Of a list: rows are found by its first subnet, since only its beginning is in an index. */
function firstSubnet(remip: string): string {
  return remip.trim().split(/[\s,]/, 1)[0] ?? "";
}

function networkText(text: string): string | undefined {
  const slash = text.indexOf("/");
  const address = parseAddress((slash < 0 ? text : text.slice(0, slash)).trim());
  return address === undefined ? undefined : formatAddress(address);
}
