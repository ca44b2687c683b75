/** What the API shows, in its own words (snake case), of snapshots and the journal. */

import type { JournalRecord } from "../../concentrator/journal/journal.ts";
import type {
  CertificateView,
  ChildSaView,
  DrainingView,
  ErouteView,
  IkeSaView,
} from "../../concentrator/snapshot.ts";
import { spi32Hex } from "../../octets/hex.ts";
import type { Instant } from "../../octets/instant.ts";
import { isPostQuantum, keyExchangesIn } from "../../why/algorithm-filter.ts";
import { fleetOf, fleetText } from "../fleet.ts";
import { newestIkeSa } from "../lists/eroutes.ts";
import type { NotConnectedCounts } from "../lists/not-connected.ts";
import type { DatabaseView, StateUses, StatusSource } from "../source.ts";
import type { JsonOf } from "./answer.ts";

/** A dynamic eroute, or a normal one in use. */
export function erouteJson(view: ErouteView, source: StatusSource, uses: StateUses) {
  const newest = newestIkeSa(view);
  return {
    name: view.name,
    kind: view.kind,
    base_eroute: view.baseEroute,
    peer_id: view.peerId,
    remote_subnet: view.remoteSubnets[0] ?? null,
    remote_subnets: view.remoteSubnets,
    local_subnets: view.localSubnets,
    peer_address: view.peerAddress === "" ? null : view.peerAddress,
    state: view.state,
    created_at: isoTime(source, view.createdAt),
    certificate: view.certificate === undefined ? null : certificateJson(view.certificate),
    ike_sa: newest === undefined ? null : ikeSaJson(newest, source),
    child_sas: view.childSas.map((child) => childSaJson(child, source, uses)),
  };
}

/** An inbound state of a Child SA that has been replaced. */
export function drainingStateJson(view: DrainingView, source: StatusSource) {
  const { spi, destination, endsAt } = view;
  return { spi: spi32Hex(spi), destination, ends_at: isoTime(source, endsAt) };
}

/** A record of the journal. */
export function eventJson(record: JournalRecord) {
  return {
    sequence: record.sequence,
    time: new Date(record.wallMs).toISOString(),
    level: record.level,
    site: record.peerId ?? null,
    eroute: record.eroute ?? null,
    remote: record.remote ?? null,
    ike_sa: record.ikeSa ?? null,
    step: record.step,
    outcome: record.outcome,
    reason: record.reason,
    detail: record.detail,
    folded: record.folded ?? 0,
    offered: record.offered ?? null,
    wanted: record.wanted ?? null,
  };
}

/** The whole daemon in numbers. */
export function statusJson(
  source: StatusSource,
  notConnected: NotConnectedCounts,
): JsonOf<"status"> {
  const { facts } = source;
  const { gauges, counters, redirecting } = source.snapshot();
  const problems = source.problems();
  return {
    status: problems.length === 0 ? "ok" : "degraded",
    problems,
    version: facts.version,
    started_at: new Date(facts.startedWallMs).toISOString(),
    uptime_seconds: Math.floor((source.wallMsNow() - facts.startedWallMs) / 1000),
    dataplane: facts.dataplane,
    ...(facts.dataplane === "none" ? { dataplane_note: NO_DATAPLANE } : {}),
    config_file: facts.configFile,
    listening: facts.listening,
    redirecting: redirecting ?? null,
    taken_over: takenOverJson(facts.takenOver),
    gauges: snakeKeys(gauges),
    not_connected: notConnected,
    sites: fleetJson(source, notConnected),
    counters,
    databases: source.databases().map(databaseJson),
  };
}

function takenOverJson(taken: StatusSource["facts"]["takenOver"]) {
  if (taken === undefined) return null;
  const { before, now, closed, summary } = taken;
  return { before, now, closed: Object.fromEntries(closed), summary };
}

function fleetJson(source: StatusSource, notConnected: NotConnectedCounts) {
  const fleet = fleetOf(source, notConnected);
  if (fleet === undefined) return null;
  const { expected, connected, seen, neverSeen, disabled } = fleet;
  const summary = fleetText(fleet);
  return { expected, connected, seen, never_seen: neverSeen, disabled, summary };
}

function databaseJson(database: DatabaseView) {
  const { egroup, source, lookups, failures, waiting, lastFault, secondsSum, inUse } = database;
  return {
    egroup,
    source,
    lookups,
    failures,
    waiting,
    last_fault: lastFault ?? null,
    seconds_sum: secondsSum,
    ...(inUse === undefined ? {} : { server: inUse.server, failovers: inUse.failovers }),
  };
}

export const NO_DATAPLANE =
  "dataplane.kind is none: sites connect, but no packet of theirs is carried";

function certificateJson({ subject, issuer, serial, notAfterMs }: CertificateView) {
  return { subject, issuer, serial, expires_at: new Date(notAfterMs).toISOString() };
}

function ikeSaJson(view: IkeSaView, source: StatusSource) {
  return {
    spi_i: view.spiI,
    spi_r: view.spiR,
    role: view.role,
    version: view.version,
    algorithms: view.algorithms,
    key_exchange: keyExchangesIn(view.algorithms),
    post_quantum: isPostQuantum(view.algorithms),
    ppk: view.ppk,
    downgrade_prevention: view.downgradePrevention,
    local_endpoint: view.localEndpoint,
    remote_endpoint: view.remoteEndpoint,
    nat: view.nat,
    established_at: isoTime(source, view.establishedAt),
    redirectable: view.redirectable,
  };
}

function childSaJson(view: ChildSaView, source: StatusSource, uses: StateUses) {
  const inbound = uses.of(view.localAddress, view.spiIn);
  const outbound = uses.of(view.remoteAddress, view.spiOut);
  return {
    spi_in: spi32Hex(view.spiIn),
    spi_out: spi32Hex(view.spiOut),
    algorithms: view.algorithms,
    mode: view.mode,
    udp_encapsulation: view.udpEncapsulation,
    local_subnets: view.localSubnets,
    remote_subnets: view.remoteSubnets,
    installed_at: isoTime(source, view.installedAt),
    bytes_in: numberOrNull(inbound?.octets),
    packets_in: numberOrNull(inbound?.packets),
    bytes_out: numberOrNull(outbound?.octets),
    packets_out: numberOrNull(outbound?.packets),
  };
}

function isoTime(source: StatusSource, at: Instant): string {
  return new Date(Math.round(source.wallMs(at))).toISOString();
}

/** JSON has no 64-bit numbers: beyond 2^53 octets the last digits are lost, not the size. */
function numberOrNull(value: bigint | undefined): number | null {
  return value === undefined ? null : Number(value);
}

function snakeKeys(values: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [
      key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
}
