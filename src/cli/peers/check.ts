/** `erouted peers check|show`: rows as the daemon will read them. */

import { describeDatabase } from "../../eroute/database.ts";
import { peerKey } from "../../eroute/peer-id.ts";
import type { PeerRow } from "../../eroute/row.ts";
import { formatPrefix } from "../../inet/prefix.ts";
import { counted } from "../amounts.ts";
import { Points } from "../points.ts";
import { EXIT, type ExitCode, failure, printable, type Terminal } from "../terminal.ts";
import { isRefused, type Owner, overlapLine, overlapsAmong } from "./overlaps.ts";
import { pagesOf } from "./pages.ts";
import { judgeRows } from "./row-judgement.ts";
import { type PeersOptions, withoutKeys, withPeers } from "./rows.ts";
import { SharedKeys } from "./shared-keys.ts";

/** Prints a line for each row that is refused or may surprise; 1 if any is refused. */
export function checkPeers(
  options: PeersOptions & { readonly json?: true },
  terminal: Terminal,
): Promise<ExitCode> {
  return withPeers(options, terminal, async (peers, settings, config) => {
    const points = new Points(terminal, options.json === true);
    const owners: Owner[] = [];
    const keys = new SharedKeys();
    const counts = { rows: 0, disabled: 0, faulty: 0, overlapping: 0 };
    const judge = (rows: readonly PeerRow[]) => {
      const [{ peerid } = { peerid: "" }] = rows;
      const judged = judgeRows(peerid, rows, config, settings);
      if (judged.kind === "faulty") points.failed(peerid, judged.detail);
      else if (judged.kind === "right") {
        for (const note of judged.notes) points.note(peerid, note);
        owners.push({ peerid, claim: judged.claim });
      }
      for (const row of rows) keys.add(row);
      counts.rows += rows.length;
      counts.disabled += judged.kind === "disabled" ? 1 : 0;
      counts.faulty += judged.kind === "faulty" ? 1 : 0;
    };
    // Rows with the same ID follow each other.
    let same: PeerRow[] = [];
    for await (const page of pagesOf(peers)) {
      if (!page.ok) return failure(terminal, page.error.detail);
      for (const row of page.value) {
        const [first] = same;
        if (first !== undefined && peerKey(first.peerid) !== peerKey(row.peerid)) {
          judge(same);
          same = [];
        }
        same.push(row);
      }
    }
    if (same.length > 0) judge(same);
    for (const { peerid, detail } of keys.notes()) points.note(peerid, detail);
    for (const overlap of overlapsAmong(owners)) {
      const line = overlapLine(overlap);
      if (isRefused(overlap)) points.failed(overlap.owner.peerid, line);
      else points.note(overlap.owner.peerid, line);
      counts.overlapping += isRefused(overlap) ? 1 : 0;
    }
    const parts = [counted(counts.rows, "row"), `${counts.faulty} refused`];
    if (counts.disabled > 0) parts.push(`${counts.disabled} disabled`);
    if (counts.overlapping > 0) parts.push(`${counts.overlapping} with a subnet of another row`);
    if (counts.faulty + counts.overlapping > 0)
      points.failed(describeDatabase(settings), parts.join(", "));
    else points.ok(describeDatabase(settings), parts.join(", "));
    return points.end() ? EXIT.ok : EXIT.failed;
  });
}

/**
 * Prints one row without its password, and the dynamic eroute that it makes; 1 if it is missing or
 * refused.
 */
export function showPeer(
  options: PeersOptions & { readonly peerid: string; readonly json?: true },
  terminal: Terminal,
): Promise<ExitCode> {
  return withPeers(options, terminal, async (peers, settings, config) => {
    const found = await peers.find({ by: "peerid", peerid: options.peerid });
    if (!found.ok) return failure(terminal, found.error.detail);
    const [row] = found.value;
    if (row === undefined) {
      const where = describeDatabase(settings);
      return failure(terminal, printable(`${where}: there is no row for ${options.peerid}`));
    }
    const judged = judgeRows(row.peerid, found.value, config, settings);
    const isRight = judged.kind === "right";
    if (options.json === true) {
      const eroute = isRight ? { eroute: judged.eroute, notes: judged.notes } : judged;
      terminal.out(JSON.stringify({ ...withoutKeys(row), ...eroute }));
      return isRight ? EXIT.ok : EXIT.failed;
    }
    for (const [key, value] of Object.entries(withoutKeys(row))) {
      if (value !== null) terminal.out(printable(`${key.padEnd(14)} ${value}`));
    }
    if (!isRight) return failure(terminal, printable(`refused: ${judged.detail}`));
    const sides = [judged.localSubnets, judged.remoteSubnets];
    const [local, remote] = sides.map((subnets) => subnets.map(formatPrefix).join(", "));
    terminal.out(printable(`${"eroute".padEnd(14)} ${judged.eroute}: ${local} <-> ${remote}`));
    for (const note of judged.notes) terminal.out(`${"note".padEnd(14)} ${note}`);
    return EXIT.ok;
  });
}
