/** A site's eroute and row as they are now, for whoever asks why it is or is not connected. */

import type { MatchFacts, RowFacts } from "../concentrator/site-facts.ts";
import type { Config } from "../config/config.ts";
import { describeDatabase } from "../eroute/database.ts";
import { dynamicErouteOf } from "../eroute/dynamic-eroute.ts";
import { type ConfiguredMatch, matchConfigured } from "../eroute/match.ts";
import { asPeerId } from "../eroute/peer-id.ts";
import type { PeerRow } from "../eroute/row.ts";
import { wipe } from "../octets/secret.ts";
import type { PeerRepository } from "../peers/repository.ts";

export type Configured = { readonly match: MatchFacts; readonly row: RowFacts };

/** The eroute that a peer ID belongs to, and its row, read within the repository's deadline. */
export async function configuredOf(
  config: Config,
  asked: string,
  repositoryOf: (egroup: string) => PeerRepository | undefined,
): Promise<Configured> {
  const match = matchConfigured(config.plan, asked);
  if (match.kind !== "base") return { match: matchFacts(config, match, false), row: NO_ROW };
  const { facts: row, canBeCalled } = await rowNow(config, match, asked, repositoryOf);
  return { match: matchFacts(config, match, canBeCalled), row };
}

const NO_ROW: RowFacts = { kind: "none" };

function matchFacts(config: Config, match: ConfiguredMatch, rowHasAddress: boolean): MatchFacts {
  if (match.kind === "refused") {
    return { kind: "none", reason: match.reason, closest: match.closest };
  }
  const { eroute } = match;
  const hasAddress = match.kind === "base" ? rowHasAddress : match.eroute.peerip !== undefined;
  return {
    kind: "eroute",
    eroute: eroute.name,
    pattern: eroute.peerid.text,
    egroup: match.kind === "base" ? match.egroup.name : undefined,
    canCall: hasAddress && config.status.operateToken !== undefined,
  };
}

async function rowNow(
  config: Config,
  { eroute, egroup }: Extract<ConfiguredMatch, { kind: "base" }>,
  peerid: string,
  repositoryOf: (egroup: string) => PeerRepository | undefined,
): Promise<{ readonly facts: RowFacts; readonly canBeCalled: boolean }> {
  const settings = config.databases.find((database) => database.egroup === egroup.name);
  const source = settings === undefined ? egroup.name : describeDatabase(settings);
  const faulty = (reason: string, detail: string) => {
    return { facts: { kind: "faulty", source, reason, detail }, canBeCalled: false } as const;
  };
  const repository = repositoryOf(egroup.name);
  if (repository === undefined) return faulty("no-egroup", "its database is not open");
  const rows = await repository.find({ by: "peerid", peerid });
  if (!rows.ok) return faulty(`database-${rows.error.kind}`, rows.error.detail);
  const made = dynamicErouteOf(eroute, egroup, asPeerId(peerid), rows.value);
  if (!made.ok) return faulty(made.error.kind, made.error.detail);
  wipe(made.value.psk, made.value.ppk?.key);
  const [row] = rows.value;
  const columns = row === undefined ? "" : columnsText(row);
  const addresses = [row?.peerip, row?.bakpeerip].map((text) => text?.trim() ?? "");
  return {
    facts: { kind: "good", source, columns },
    canBeCalled: addresses.some((text) => text !== ""),
  };
}

/** What the row says; of its keys only that they are there. */
function columnsText(row: PeerRow): string {
  const { password, ppk, ...others } = row;
  const filled = Object.entries(others).filter(([, value]) => value !== null && value !== "");
  const texts = filled.map(([name, value]) => `${name} ${value}`);
  const keys = [`password ${password === null ? "missing" : "set"}`];
  if ((ppk ?? "") !== "") keys.push("ppk set");
  return [...texts, ...keys].join(", ");
}
