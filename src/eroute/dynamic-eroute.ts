/** A row becomes a dynamic eroute, or the reason why it cannot (R4, R6, R10). */

import { type Address, type Family, formatAddress, parseAddress } from "../inet/address.ts";
import { containsPrefix, formatPrefix, type Prefix, parseMask, prefixOf } from "../inet/prefix.ts";
import { err, ok, type Result } from "../octets/result.ts";
import { parseCallAddress } from "./call-address.ts";
import type { BaseEroute, CallAddress, Egroup } from "./eroute.ts";
import { hasControlCharacter } from "./pattern.ts";
import { asPeerId, PEER_ID_LENGTH_MAX, type PeerId, peerKey } from "./peer-id.ts";
import { pskOf } from "./psk.ts";
import type { PeerRow } from "./row.ts";

/** Base eroute and row put together: what a site's SAs are made from. */
export type DynamicEroute = {
  /** `fleet/site-1`: base eroute and peer ID (R4). */
  readonly name: string;
  readonly base: BaseEroute;
  /** As the row spells it. */
  readonly peerId: PeerId;
  readonly psk: Uint8Array;
  /** The row's, else the base eroute's. */
  readonly ourid: string | undefined;
  readonly localSubnets: readonly Prefix[];
  readonly remoteSubnets: readonly Prefix[];
  readonly peerip: CallAddress | undefined;
  readonly bakpeerip: CallAddress | undefined;
};

/** Why there is no dynamic eroute. `detail` says what is there, what is expected, what to do. */
export type RowFault = {
  readonly kind:
    | "no-row"
    | "duplicate-rows"
    | "no-password"
    | "bad-password"
    | "no-subnet"
    | "bad-subnet"
    | "bad-mask"
    | "outside-base-subnet"
    | "bad-peer-address"
    | "bad-our-id";
  /** Our word for the column, where one is at fault. */
  readonly column?: string;
  readonly detail: string;
};

/**
 * The dynamic eroute of the one row whose ID is `peerId`. Rows of other IDs do not count: some
 * databases take IDs for equal that differ in accents or trailing blanks.
 */
export function dynamicErouteOf(
  base: BaseEroute,
  egroup: Egroup,
  peerId: PeerId,
  rows: readonly PeerRow[],
): Result<DynamicEroute, RowFault> {
  const row = onlyRow(rows, peerId, egroup);
  if (!row.ok) return row;
  const psk = rowPsk(row.value);
  if (!psk.ok) return psk;
  const subnet = rowSubnet(row.value, egroup);
  if (!subnet.ok) return subnet;
  const inside = insideBase(subnet.value, base, row.value);
  if (!inside.ok) return inside;
  const ourid = rowOurId(row.value);
  if (!ourid.ok) return ourid;
  const peerip = rowCallAddress(row.value, "peerip");
  if (!peerip.ok) return peerip;
  const bakpeerip = rowCallAddress(row.value, "bakpeerip");
  if (!bakpeerip.ok) return bakpeerip;
  return ok({
    name: `${base.name}/${row.value.peerid}`,
    base,
    peerId: asPeerId(row.value.peerid),
    psk: psk.value,
    ourid: ourid.value ?? base.ourid,
    localSubnets: base.localSubnets,
    remoteSubnets: [subnet.value],
    peerip: peerip.value,
    bakpeerip: bakpeerip.value,
  });
}

function onlyRow(
  rows: readonly PeerRow[],
  peerId: PeerId,
  egroup: Egroup,
): Result<PeerRow, RowFault> {
  const key = peerKey(peerId);
  const own = rows.filter((row) => peerKey(row.peerid) === key);
  const [row] = own;
  if (row === undefined) {
    const similar = rows[0];
    const hint =
      similar === undefined
        ? "add one, or correct the ID that the site presents"
        : `its row for "${similar.peerid}" is another ID to erouted: correct one of them`;
    return fault("no-row", "peerid", `egroup ${egroup.name} has no row for "${peerId}": ${hint}`);
  }
  if (own.length === 1) return ok(row);
  const detail =
    `egroup ${egroup.name} has more than one row for "${peerId}", one is expected: ` +
    "remove the others, and make the column unique";
  return fault("duplicate-rows", "peerid", detail);
}

function rowPsk(row: PeerRow): Result<Uint8Array, RowFault> {
  if (row.password === null || row.password === "") {
    const detail = `the row of ${row.peerid} has no password: write its pre-shared key there`;
    return fault("no-password", "password", detail);
  }
  const psk = pskOf(row.password);
  if (psk.ok) return psk;
  const detail =
    `the password of ${row.peerid} ${psk.error}: write 0x and hex digits, 0s and base64, ` +
    "or a text that begins with neither";
  return fault("bad-password", "password", detail);
}

function rowSubnet(row: PeerRow, egroup: Egroup): Result<Prefix, RowFault> {
  const remip = filled(row.remip);
  if (remip === undefined) {
    const detail = `the row of ${row.peerid} has no remip: write the site's subnet there`;
    return fault("no-subnet", "remip", detail);
  }
  const slash = remip.indexOf("/");
  const address = parseAddress(slash < 0 ? remip : remip.slice(0, slash));
  if (address === undefined) {
    const detail =
      `remip of ${row.peerid} is "${remip}", expected is a subnet address such as ` +
      "192.168.1.0 or 192.168.1.0/24";
    return fault("bad-subnet", "remip", detail);
  }
  const length = rowMask(row, egroup, address, slash < 0 ? undefined : remip.slice(slash + 1));
  if (!length.ok) return length;
  // As the routers do it: the mask clears the host bits of 192.168.1.1.
  return ok(prefixOf(address, length.value));
}

/** The prefix length: behind remip, in remmsk, else the egroup's for all sites (R12). */
function rowMask(
  row: PeerRow,
  egroup: Egroup,
  address: Address,
  behind: string | undefined,
): Result<number, RowFault> {
  const { family } = address;
  const remmsk = filled(row.remmsk);
  const ofRemip = behind === undefined ? undefined : parseMask(behind, family);
  if (behind !== undefined && ofRemip === undefined) {
    return maskFault(row, "remip", `/${behind}`, family);
  }
  const ofRemmsk = remmsk === undefined ? undefined : parseMask(remmsk, family);
  if (remmsk !== undefined && ofRemmsk === undefined) {
    return maskFault(row, "remmsk", remmsk, family);
  }
  if (ofRemip !== undefined && ofRemmsk !== undefined && ofRemip !== ofRemmsk) {
    const detail =
      `remip of ${row.peerid} ends in /${ofRemip}, but remmsk ${remmsk} is /${ofRemmsk}: ` +
      "make them equal, or leave remmsk empty";
    return fault("bad-mask", "remmsk", detail);
  }
  const ofEgroup = family === 4 ? egroup.remoteMask.v4 : egroup.remoteMask.v6;
  const length = ofRemip ?? ofRemmsk ?? ofEgroup;
  if (length !== undefined) return ok(length);
  const key = family === 4 ? "remote_mask" : "remote_mask6";
  const detail =
    `the row of ${row.peerid} gives no mask for ${formatAddress(address)}: ` +
    `write remmsk, or set ${key} of egroup ${egroup.name}`;
  return fault("bad-mask", "remmsk", detail);
}

function maskFault(
  row: PeerRow,
  column: "remip" | "remmsk",
  text: string,
  family: Family,
): Result<never, RowFault> {
  const example = family === 4 ? "255.255.255.0 or 24" : "64";
  const detail =
    `the mask "${text}" in ${column} of ${row.peerid} is not one of IPv${family}: ` +
    `write for example ${example}`;
  return fault("bad-mask", column, detail);
}

/** R10: a site gets nothing outside of what its base eroute covers. */
function insideBase(subnet: Prefix, base: BaseEroute, row: PeerRow): Result<undefined, RowFault> {
  if (base.remoteSubnets.some((whole) => containsPrefix(whole, subnet))) return ok(undefined);
  const whole = base.remoteSubnets.map(formatPrefix).join(", ");
  const detail =
    `the subnet of ${row.peerid} is ${formatPrefix(subnet)}, ` +
    `eroute ${base.name} covers ${whole}: ` +
    "correct remip and remmsk, or widen the eroute's remote_subnet";
  return fault("outside-base-subnet", "remip", detail);
}

function rowOurId(row: PeerRow): Result<string | undefined, RowFault> {
  const ourid = filled(row.ourid);
  if (ourid === undefined) return ok(undefined);
  if (ourid.length <= PEER_ID_LENGTH_MAX && !hasControlCharacter(ourid)) return ok(ourid);
  const detail =
    `ourid of ${row.peerid} has ${ourid.length} characters or holds a control character: write ` +
    `at most ${PEER_ID_LENGTH_MAX}, or leave it empty for the eroute's`;
  return fault("bad-our-id", "ourid", detail);
}

function rowCallAddress(
  row: PeerRow,
  column: "peerip" | "bakpeerip",
): Result<CallAddress | undefined, RowFault> {
  const text = filled(row[column]);
  if (text === undefined) return ok(undefined);
  const address = parseCallAddress(text);
  if (address.ok) return address;
  const detail =
    `${column} of ${row.peerid} is "${text}", which ${address.error}: ` +
    "write 192.0.2.1, 2001:db8::1 or gw.example, or leave it empty";
  return fault("bad-peer-address", column, detail);
}

/** A column's text without blanks around it; undefined for NULL and for nothing but blanks. */
function filled(text: string | null): string | undefined {
  const trimmed = text?.trim();
  return trimmed === "" ? undefined : trimmed;
}

function fault(
  kind: RowFault["kind"],
  column: string,
  detail: string,
): { readonly ok: false; readonly error: RowFault } {
  return err({ kind, column, detail });
}
