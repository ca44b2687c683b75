/** What the daemon would make of a row: said before the site calls. */

import type { Config } from "../../config/config.ts";
import { matchConfigured } from "../../eroute/configured-match.ts";
import type { DatabaseSettings } from "../../eroute/database.ts";
import { dynamicErouteOf } from "../../eroute/dynamic-eroute.ts";
import type { BaseEroute, Egroup } from "../../eroute/eroute.ts";
import { asPeerId, peerIdFault } from "../../eroute/peer-id.ts";
import { ppkWeakness } from "../../eroute/ppk.ts";
import { pskWeakness } from "../../eroute/psk-weakness.ts";
import type { PeerRow } from "../../eroute/row.ts";
import type { RowFault } from "../../eroute/row-fault.ts";
import { childWith } from "../../eroute/row-options.ts";
import { subnetTexts } from "../../eroute/row-subnets.ts";
import type { Claim } from "../../eroute/shared-subnet.ts";
import { equalAddress, formatAddress, parseAddress } from "../../inet/address.ts";
import { formatPrefix, type Prefix, prefixOf } from "../../inet/prefix.ts";
import { wipe } from "../../octets/secret.ts";

export type RowJudgement =
  | {
      readonly kind: "right";
      /** `fleet/site-1`. */
      readonly eroute: string;
      readonly localSubnets: readonly Prefix[];
      readonly remoteSubnets: readonly Prefix[];
      /** What no other site may have. */
      readonly claim: Claim;
      /** Notes on effects that may surprise. */
      readonly notes: readonly string[];
    }
  | { readonly kind: "disabled"; readonly detail: string }
  | { readonly kind: "faulty"; readonly detail: string; readonly reason?: RowFault["kind"] };

/** Checks the rows of one peer ID: more than one is a fault. */
export function judgeRows(
  peerid: string,
  rows: readonly PeerRow[],
  config: Config,
  settings: DatabaseSettings,
): RowJudgement {
  const fault = peerIdFault(peerid);
  if (fault !== undefined) return { kind: "faulty", detail: `peerid ${fault}` };
  const match = matchConfigured(config.plan, peerid);
  if (match.kind !== "base") {
    const near = match.kind === "refused" ? match.closest : undefined;
    const hint = near === undefined ? "" : `; the nearest pattern is "${near}"`;
    const detail = `no base eroute of egroup ${settings.egroup} matches "${peerid}"${hint}`;
    return { kind: "faulty", detail };
  }
  if (match.egroup.name !== settings.egroup) {
    const use = `use --egroup ${match.egroup.name}`;
    const detail = `"${peerid}" belongs to eroute ${match.eroute.name}: ${use}`;
    return { kind: "faulty", detail };
  }
  const made = dynamicErouteOf(match.eroute, match.egroup, asPeerId(peerid), rows);
  if (!made.ok) {
    const { kind, detail } = made.error;
    if (kind === "row-disabled") return { kind: "disabled", detail };
    return { kind: "faulty", detail, reason: kind };
  }
  const { name, base, localSubnets, remoteSubnets, own } = made.value;
  const claim = { base, localSubnets, remoteSubnets, child: childWith(base.child, own) };
  const isKeyed = made.value.psk !== undefined;
  wipe(made.value.psk, made.value.ppk?.key);
  const [row] = rows;
  const weakness = isKeyed && row !== undefined ? keyNotes(row, match.egroup) : [];
  const calls = row === undefined ? [] : callNotes(row, remoteSubnets, match.eroute, match.egroup);
  const keys = row === undefined ? [] : [...weakness, ...ppkNotes(row, match.eroute)];
  const notes = [...calls, ...keys];
  return { kind: "right", eroute: name, localSubnets, remoteSubnets, claim, notes };
}

function keyNotes(row: PeerRow, { passwordFormat = "auto" }: Egroup): readonly string[] {
  const weakness = pskWeakness(row.password ?? "", row.peerid, passwordFormat);
  return weakness === undefined ? [] : [`its password ${weakness}`];
}

function ppkNotes(row: PeerRow, base: BaseEroute): readonly string[] {
  const text = row.ppk ?? "";
  if (text.trim() === "") return [];
  if (base.ppk === "off") return [`its ppk is not used: ppk = "off" of eroute ${base.name}`];
  const weakness = ppkWeakness(text);
  return weakness === undefined ? [] : [`its ppk ${weakness}`];
}

/** R12: for which packets an unconnected site is called. */
function callNotes(
  row: PeerRow,
  subnets: readonly Prefix[],
  base: BaseEroute,
  egroup: Egroup,
): readonly string[] {
  const isCalled = (row.peerip ?? "") !== "" || (row.bakpeerip ?? "") !== "";
  const [subnet] = subnets;
  if (!isCalled || base.life.start === "never" || subnet === undefined) return [];
  const { family } = subnet;
  const length = family === 4 ? egroup.remoteMask.v4 : egroup.remoteMask.v6;
  if (length === undefined) {
    const key = family === 4 ? "remote_mask" : "remote_mask6";
    return [`packets cannot call it: egroup ${egroup.name} has no ${key}`];
  }
  const notes: string[] = [];
  const address = { family, value: subnet.value };
  const asked = prefixOf(address, length);
  const written = parseAddress(subnetTexts(row.remip)[0]?.split("/")[0] ?? "");
  const isFound = written !== undefined && equalAddress(written, { family, value: asked.value });
  if (!isFound) {
    const text = written === undefined ? formatPrefix(subnet) : formatAddress(written);
    notes.push(
      `packets cannot call it: remip begins with ${text}, the look-up uses ${formatPrefix(asked)}`,
    );
  } else if (subnet.length < length) {
    notes.push(
      `only packets to ${formatPrefix(asked)} call it, not to all of ${formatPrefix(subnet)}`,
    );
  }
  if (isFound && subnets.length > 1) {
    notes.push(`only packets to the first of its ${subnets.length} subnets call it`);
  }
  return notes;
}
