/** A site's eroute and row as they are now, for explaining why it is or is not connected. */

import type { OverlapView, Snapshot } from "../concentrator/snapshot.ts";
import type { Config } from "../config/config.ts";
import { type ConfiguredMatch, matchConfigured } from "../eroute/configured-match.ts";
import { describeDatabase } from "../eroute/database.ts";
import { dynamicErouteOf } from "../eroute/dynamic-eroute.ts";
import type { NormalEroute } from "../eroute/eroute.ts";
import { asPeerId } from "../eroute/peer-id.ts";
import type { PeerRow } from "../eroute/row.ts";
import { wipe } from "../octets/secret.ts";
import type { PeerRepository } from "../peers/repository.ts";
import type { MatchFacts, RowFacts } from "../why/site-facts.ts";
import { overlapsOfRows } from "./shared-rows.ts";

export type Configured = {
  readonly match: MatchFacts;
  readonly row: RowFacts;
  /** Other sites that have addresses of its row. */
  readonly overlaps: readonly OverlapView[];
};

export type RowSources = {
  repositoryOf(egroup: string): PeerRepository | undefined;
  /** Undefined without a daemon. */
  readonly snapshot: Pick<Snapshot, "overlaps"> | undefined;
};

/** The eroute that a peer ID belongs to, and its row, read within the repository's deadline. */
export async function configuredOf(
  config: Config,
  asked: string,
  sources: RowSources,
): Promise<Configured> {
  const match = matchConfigured(config.plan, asked);
  if (match.kind !== "base") {
    const overlaps = match.kind === "local" ? overlapsOfNormal(match.eroute, asked, sources) : [];
    return { match: matchFacts(config, match, false), row: NO_ROW, overlaps };
  }
  const { facts, canBeCalled, overlaps } = await rowNow(config, match, asked, sources);
  return { match: matchFacts(config, match, canBeCalled), row: facts, overlaps };
}

function overlapsOfNormal(base: NormalEroute, asked: string, { snapshot }: RowSources) {
  const { localSubnets, remoteSubnets, child } = base;
  return snapshot?.overlaps(asked, { base, localSubnets, remoteSubnets, child }) ?? [];
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

type RowNow = {
  readonly facts: RowFacts;
  readonly canBeCalled: boolean;
  readonly overlaps: readonly OverlapView[];
};

async function rowNow(
  config: Config,
  { eroute, egroup }: Extract<ConfiguredMatch, { kind: "base" }>,
  peerid: string,
  { repositoryOf, snapshot }: RowSources,
): Promise<RowNow> {
  const settings = config.databases.find((database) => database.egroup === egroup.name);
  const source = settings === undefined ? egroup.name : describeDatabase(settings);
  const engine = settings?.engine ?? "mysql";
  const faulty = (reason: Extract<RowFacts, { kind: "faulty" }>["reason"], detail: string) => {
    const facts = { kind: "faulty", source, engine, reason, detail } as const;
    return { facts, canBeCalled: false, overlaps: [] };
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
  const sharing = { plan: config.plan, snapshot: snapshot ?? NOBODY, repository };
  const overlaps = await overlapsOfRows(row === undefined ? [] : [row], sharing);
  const addresses = [row?.peerip, row?.bakpeerip].map((text) => text?.trim() ?? "");
  return {
    facts: { kind: "good", source, columns },
    canBeCalled: addresses.some((text) => text !== ""),
    overlaps: [...overlaps.values()].flat(),
  };
}

const NOBODY: Pick<Snapshot, "overlaps"> = { overlaps: () => [] };

/** What the row says; about its keys, only that they exist. */
function columnsText(row: PeerRow): string {
  const { password, ppk, ...others } = row;
  const filled = Object.entries(others).filter(([, value]) => value !== null && value !== "");
  const texts = filled.map(([name, value]) => `${name} ${value}`);
  const keys = [`password ${password === null ? "missing" : "set"}`];
  if ((ppk ?? "") !== "") keys.push("ppk set");
  return [...texts, ...keys].join(", ");
}
