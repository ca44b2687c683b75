/** What is known of a site, gathered for whoever asks why it is or is not connected. */

import type { Attempts } from "../concentrator/attempts.ts";
import type { Concentrator } from "../concentrator/concentrator.ts";
import {
  type Explanation,
  explain,
  type MatchFacts,
  type RowFacts,
} from "../concentrator/explain.ts";
import type { Config } from "../config/config.ts";
import { describeDatabase } from "../eroute/database.ts";
import { dynamicErouteOf } from "../eroute/dynamic-eroute.ts";
import type { BaseEroute, Egroup } from "../eroute/eroute.ts";
import { matchConfigured } from "../eroute/match.ts";
import { asPeerId } from "../eroute/peer-id.ts";
import type { PeerRow } from "../eroute/row.ts";
import { formatAddress, parseAddress } from "../inet/address.ts";
import { now, wallMs } from "../linux/clock.ts";
import { wipe } from "../octets/secret.ts";
import type { PeerRepository } from "../peers/repository.ts";
import type { SiteExplanation } from "../status/source.ts";

export type Explained = {
  readonly config: Config;
  readonly concentrator: Concentrator;
  readonly attempts: Attempts;
  readonly peers: ReadonlyMap<string, PeerRepository>;
  readonly listening: readonly string[];
};

/** IDs that are named of those that came from an address. */
const PEERS_THERE_MAX = 8;
const STRANGERS_MAX = 8;

/**
 * Explains a site by its peer ID, or what came from an address. Its row is read as it is now; the
 * look-up has the repository's deadline.
 */
export async function explainSite(daemon: Explained, asked: string): Promise<SiteExplanation> {
  const { attempts, concentrator } = daemon;
  const match = matchConfigured(daemon.config.plan, asked);
  const row =
    match.kind === "base"
      ? await rowNow(daemon, match.eroute, match.egroup, asked)
      : ({ kind: "none" } as const);
  const snapshot = concentrator.snapshot();
  const { dynamicEroutes, dynamicEroutesMax } = snapshot.gauges;
  const address = parseAddress(asked);
  const host = address === undefined ? undefined : formatAddress(address);
  const ofSite = attempts.ofPeer(asked);
  const there = host === undefined ? [] : attempts.ofAddress(host);
  const known = ofSite.length > 0 ? ofSite : there;
  const isNobody = host !== undefined && match.kind === "refused" && ofSite.length === 0;
  const explanation: Explanation = explain({
    asked,
    now: now(),
    nowWallMs: wallMs(),
    match: isNobody ? { kind: "address" } : matchFacts(daemon.config, match),
    row,
    eroutes: snapshot.site(asked),
    call: snapshot.call(asked),
    attempts: known,
    peersThere: host === undefined ? [] : attempts.peersAt(host, PEERS_THERE_MAX),
    strangers: there.length > 0 ? [] : attempts.strangers(STRANGERS_MAX),
    listening: daemon.listening,
    tableIsFull: dynamicEroutes >= dynamicEroutesMax,
  });
  return { explanation, attempts: known };
}

function matchFacts(config: Config, match: ReturnType<typeof matchConfigured>): MatchFacts {
  if (match.kind === "refused") {
    return { kind: "none", reason: match.reason, closest: match.closest };
  }
  const { eroute } = match;
  const hasOwnAddress = match.kind === "base" || match.eroute.peerip !== undefined;
  return {
    kind: "eroute",
    eroute: eroute.name,
    pattern: eroute.peerid.text,
    egroup: match.kind === "base" ? match.egroup.name : undefined,
    canCall: hasOwnAddress && config.status.operateToken !== undefined,
  };
}

async function rowNow(
  daemon: Explained,
  base: BaseEroute,
  egroup: Egroup,
  peerid: string,
): Promise<RowFacts> {
  const settings = daemon.config.databases.find((database) => database.egroup === egroup.name);
  const repository = daemon.peers.get(egroup.name);
  const source = settings === undefined ? egroup.name : describeDatabase(settings);
  if (repository === undefined) {
    return { kind: "faulty", source, reason: "no-egroup", detail: "its database is not open" };
  }
  const rows = await repository.find({ by: "peerid", peerid });
  if (!rows.ok) {
    const { kind, detail } = rows.error;
    return { kind: "faulty", source, reason: `database-${kind}`, detail };
  }
  const made = dynamicErouteOf(base, egroup, asPeerId(peerid), rows.value);
  if (!made.ok)
    return { kind: "faulty", source, reason: made.error.kind, detail: made.error.detail };
  wipe(made.value.psk);
  const [row] = rows.value;
  return { kind: "good", source, columns: row === undefined ? "" : columnsText(row) };
}

/** What the row says; of its password only that there is one. */
function columnsText(row: PeerRow): string {
  const { password, ...others } = row;
  const filled = Object.entries(others).filter(([, value]) => value !== null && value !== "");
  const texts = filled.map(([name, value]) => `${name} ${value}`);
  return [...texts, `password ${password === null ? "missing" : "set"}`].join(", ");
}
