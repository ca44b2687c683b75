/** Metrics of single sites, on request: `GET /metrics/sites`, made in short turns. */

import type { ErouteView } from "../../concentrator/snapshot.ts";
import { peerKey } from "../../eroute/peer-id.ts";
import { octetsOf } from "../lists/eroutes.ts";
import { EVERYBODY, listNotConnected } from "../lists/not-connected.ts";
import { inTurns, nextTurn } from "../lists/turns.ts";
import type { StateUses, StatusSource } from "../source.ts";

/** Name, type and help of each. */
export const SITE_METRICS = {
  connected: [
    "erouted_site_connected",
    "gauge",
    "1: the site has a Child SA. 0: it has called since the start, and has none.",
  ],
  since: [
    "erouted_site_connected_timestamp_seconds",
    "gauge",
    "When the eroute of a connected site was made, in seconds since the epoch.",
  ],
  bytes: [
    "erouted_site_bytes_total",
    "counter",
    "Bytes carried by the site's present Child SAs; starts from 0 at a rekey.",
  ],
} as const;

type Site = {
  readonly peerId: string;
  readonly isConnected: boolean;
  readonly createdWallMs: number;
  readonly octetsIn: number;
  readonly octetsOut: number;
};

/** Eroutes, and lines, that are made in one turn of the event loop. */
const PER_TURN = 100;

/** All of them as text; sites with a row or an eroute only, so strangers cannot add to it. */
export async function siteMetricsText(source: StatusSource): Promise<string> {
  const uses = await source.stateUses();
  const up = await sitesInUse(source, uses);
  const connected = [...up.values()].filter(({ isConnected }) => isConnected);
  const query = { ...EVERYBODY, who: "sites" } as const;
  const { sites: others } = await listNotConnected(source, query, { offset: 0, limit: Infinity });
  const ids = others.flatMap(({ attempt }) => attempt.record.peerId ?? []);
  const down = ids.filter((peerId) => up.get(peerKey(peerId))?.isConnected !== true);
  const hasCounters = source.facts.dataplane === "xfrm";
  const line = (name: string, peerId: string, more: string, value: number) =>
    `${name}{site="${escaped(peerId)}"${more}} ${value}\n`;
  const parts: string[] = [head("connected")];
  const add = async <T>(values: readonly T[], text: (value: T) => string) => {
    parts.push(...(await inTurns(values, PER_TURN, text)));
  };
  const [connectedName, sinceName, bytesName] = NAMES;
  await add(connected, ({ peerId }) => line(connectedName, peerId, "", 1));
  await add(down, (peerId) => line(connectedName, peerId, "", 0));
  parts.push(head("since"));
  await add(connected, ({ peerId, createdWallMs }) =>
    line(sinceName, peerId, "", Math.round(createdWallMs / 1000)),
  );
  parts.push(head("bytes"));
  await add(
    hasCounters ? connected : [],
    ({ peerId, octetsIn, octetsOut }) =>
      line(bytesName, peerId, ',direction="in"', octetsIn) +
      line(bytesName, peerId, ',direction="out"', octetsOut),
  );
  return parts.join("");
}

const NAMES = [SITE_METRICS.connected[0], SITE_METRICS.since[0], SITE_METRICS.bytes[0]] as const;

/** By peer ID, because a site may have several eroutes. */
async function sitesInUse(
  source: StatusSource,
  uses: StateUses,
): Promise<ReadonlyMap<string, Site>> {
  const snapshot = source.snapshot();
  const sites = new Map<string, Site>();
  const next = snapshot.walk();
  for (let views = next(PER_TURN); views.length > 0; views = next(PER_TURN)) {
    for (const view of views) {
      const key = peerKey(view.peerId);
      sites.set(key, withEroute(sites.get(key), view, source, uses));
    }
    await nextTurn();
  }
  return sites;
}

function withEroute(
  before: Site | undefined,
  view: ErouteView,
  source: StatusSource,
  uses: StateUses,
): Site {
  const createdWallMs = source.wallMs(view.createdAt);
  return {
    peerId: before?.peerId ?? view.peerId,
    isConnected: before?.isConnected === true || view.childSas.length > 0,
    createdWallMs: Math.min(before?.createdWallMs ?? Infinity, createdWallMs),
    octetsIn: (before?.octetsIn ?? 0) + octetsOf(view, "in", uses),
    octetsOut: (before?.octetsOut ?? 0) + octetsOf(view, "out", uses),
  };
}

function head(which: keyof typeof SITE_METRICS): string {
  const [name, type, help] = SITE_METRICS[which];
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

/** Escapes a label value as Prometheus' text format requires. */
export function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
