/** Makes a dynamic eroute from a row, or gives the reason why it cannot (R4, R6, R10). */

import type { Prefix } from "../inet/prefix.ts";
import { ok, type Result } from "../octets/result.ts";
import { parseCallAddress } from "./call-address.ts";
import { type BaseEroute, type CallAddress, type Egroup, needsPsk, usesPsk } from "./eroute.ts";
import { hasControlCharacter } from "./pattern.ts";
import { asPeerId, PEER_ID_LENGTH_MAX, type PeerId, peerKey } from "./peer-id.ts";
import { type Ppk, rowPpk } from "./ppk.ts";
import { passwordOctets } from "./psk.ts";
import type { PeerRow } from "./row.ts";
import { filled, type RowFault, rowFault } from "./row-fault.ts";
import { type RowOptions, rowEnabled, rowOptions } from "./row-options.ts";
import { rowLocalSubnets, rowRemoteSubnets } from "./row-subnets.ts";

/** Base eroute and row combined: a site's SAs are made from this. */
export type DynamicEroute = {
  /** `fleet/site-1`: base eroute and peer ID (R4). */
  readonly name: string;
  readonly base: BaseEroute;
  /** As written in the row. */
  readonly peerId: PeerId;
  /** Undefined if the eroute accepts certificates and the row has no password. */
  readonly psk: Uint8Array | undefined;
  /** Undefined: none. The base eroute decides whether it is used. */
  readonly ppk: Ppk | undefined;
  /** The row's, otherwise the base eroute's. */
  readonly ourid: string | undefined;
  readonly localSubnets: readonly Prefix[];
  readonly remoteSubnets: readonly Prefix[];
  readonly peerip: CallAddress | undefined;
  readonly bakpeerip: CallAddress | undefined;
  /** What the row sets instead of the base eroute. */
  readonly own: RowOptions;
};

/**
 * Makes the dynamic eroute from the one row whose ID is `peerId`. Rows with other IDs do not count:
 * some databases treat IDs as equal that differ in accents or trailing blanks.
 */
export function dynamicErouteOf(
  base: BaseEroute,
  egroup: Egroup,
  peerId: PeerId,
  rows: readonly PeerRow[],
): Result<DynamicEroute, RowFault> {
  const row = onlyRow(rows, peerId, egroup);
  if (!row.ok) return row;
  const enabled = rowEnabled(row.value);
  if (!enabled.ok) return enabled;
  const psk = rowPsk(row.value, base, egroup);
  if (!psk.ok) return psk;
  const ppk = rowPpk(row.value, base.ppk);
  if (!ppk.ok) return ppk;
  const remoteSubnets = rowRemoteSubnets(row.value, base, egroup);
  if (!remoteSubnets.ok) return remoteSubnets;
  const localSubnets = rowLocalSubnets(row.value, base, remoteSubnets.value);
  if (!localSubnets.ok) return localSubnets;
  const own = rowOptions(row.value, base);
  if (!own.ok) return own;
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
    ppk: ppk.value,
    ourid: ourid.value ?? base.ourid,
    localSubnets: localSubnets.value,
    remoteSubnets: remoteSubnets.value,
    peerip: peerip.value,
    bakpeerip: bakpeerip.value,
    own: own.value,
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
    return rowFault(
      "no-row",
      "peerid",
      `egroup ${egroup.name} has no row for "${peerId}": ${hint}`,
    );
  }
  if (own.length === 1) return ok(row);
  const detail =
    `egroup ${egroup.name} has more than one row for "${peerId}", one is expected: ` +
    "remove the others, and make the column unique";
  return rowFault("duplicate-rows", "peerid", detail);
}

function rowPsk(
  row: PeerRow,
  { auth }: BaseEroute,
  { passwordFormat = "auto" }: Egroup,
): Result<Uint8Array | undefined, RowFault> {
  if (!usesPsk(auth)) return ok(undefined);
  if (row.password === null || row.password === "") {
    if (!needsPsk(auth)) return ok(undefined);
    const detail = `the row of ${row.peerid} has no password: write its pre-shared key there`;
    return rowFault("no-password", "password", detail);
  }
  const psk = passwordOctets(row.password, passwordFormat);
  if (psk.ok) return psk;
  const expected =
    passwordFormat === "auto"
      ? "write 0x and hex digits, 0s and base64, or a text that begins with neither"
      : "correct the row, or password_format";
  const detail = `the password of ${row.peerid} ${psk.error}: ${expected}`;
  return rowFault("bad-password", "password", detail);
}

function rowOurId(row: PeerRow): Result<string | undefined, RowFault> {
  const ourid = filled(row.ourid);
  if (ourid === undefined) return ok(undefined);
  if (ourid.length <= PEER_ID_LENGTH_MAX && !hasControlCharacter(ourid)) return ok(ourid);
  const detail =
    `ourid of ${row.peerid} has ${ourid.length} characters or holds a control character: write ` +
    `at most ${PEER_ID_LENGTH_MAX}, or leave it empty for the eroute's`;
  return rowFault("bad-our-id", "ourid", detail);
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
  return rowFault("bad-peer-address", column, detail);
}
