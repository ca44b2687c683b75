/**
 * Sites that call in Main Mode of IKEv1 with a pre-shared key: the key is needed before the site
 * has said who it is, so it is chosen by the site's address (RFC 2409 §5.4). A choice between two
 * is never made.
 */

import { matchConfigured } from "../../eroute/configured-match.ts";
import { dynamicErouteOf } from "../../eroute/dynamic-eroute.ts";
import {
  allowsVersion,
  type BaseEroute,
  type LocalUser,
  type NormalEroute,
} from "../../eroute/eroute.ts";
import { isWild, matchesPattern } from "../../eroute/pattern.ts";
import { asPeerId, type PeerId } from "../../eroute/peer-id.ts";
import { egroupNamed } from "../../eroute/plan-index.ts";
import { formatAddress, parseAddress } from "../../inet/address.ts";
import { wipe } from "../../octets/secret.ts";
import { ask } from "../ask.ts";
import { count, type Engine } from "../engine.ts";
import type { LookupId, LookupResult } from "../event.ts";
import { namePeer } from "../negotiation/ike-sas.ts";
import type { AddressLookUp, FoundRow } from "../requests.ts";
import { ikeSaAt, nameIkeSa } from "./ike-sas.ts";
import { demandRefused, deny, type Question, useDynamic, useLocal } from "./look-up.ts";

/** Finds the site at the address that calls, in normal eroutes and in all egroups. */
export function identifyByAddress(engine: Engine, asked: Question): void {
  nameIkeSa(engine, asked.spi, asked);
  const { spi, ticket } = asked;
  if (asked.tooEarly !== undefined) {
    deny(engine, { spi, ticket }, asked.tooEarly, undefined);
    return;
  }
  const address = formatAddress(asked.stand.path.remote.address);
  const [egroup, ...next] = egroupsOf(engine);
  const waiter = { kind: "address", spi, ticket, address, found: [] } as const;
  if (egroup === undefined) decide(engine, { ...waiter, egroup: "", next });
  else askNext(engine, { ...waiter, egroup, next });
}

/** The rows with this address are there, or the reason why not. */
export function onAddressRows(
  engine: Engine,
  waiting: AddressLookUp,
  { lookup, result }: { readonly lookup: LookupId; readonly result: LookupResult },
): void {
  if (ikeSaAt(engine, waiting.spi) === undefined) {
    count(engine, "late_answers");
    return;
  }
  if (!result.ok) {
    count(engine, "lookups_failed");
    const { kind, detail } = result.error;
    deny(engine, waiting, { reason: `database-${kind}`, detail }, undefined);
    return;
  }
  const { egroup, next, found } = waiting;
  const all = [...found, ...result.value.map((row) => ({ egroup, row, lookup }))];
  const [first, ...rest] = next;
  const asked = { ...waiting, found: all };
  if (first === undefined) decide(engine, asked);
  else askNext(engine, { ...asked, egroup: first, next: rest });
}

function askNext(engine: Engine, waiter: AddressLookUp): void {
  count(engine, "lookups_started");
  const { egroup, address } = waiter;
  const by = { by: "address", address } as const;
  ask(engine, waiter, (lookup) => ({ kind: "look-up", lookup, egroup, by }));
}

/** Egroups whose sites may call in Main Mode, each once. */
function egroupsOf({ plan }: Engine): readonly string[] {
  const bases = plan.eroutes.filter((eroute) => eroute.kind === "base" && allowsMain(eroute));
  return [...new Set(bases.flatMap((base) => (base.kind === "base" ? base.egroup : [])))];
}

function allowsMain(eroute: BaseEroute | NormalEroute): boolean {
  return allowsVersion(eroute, 1) && eroute.versions.v1?.mode !== "aggressive";
}

type Candidate =
  | { readonly kind: "row"; readonly peerId: PeerId; readonly found: FoundRow }
  | { readonly kind: "local"; readonly peerId: PeerId; readonly match: LocalMatch };

type LocalMatch = { readonly eroute: NormalEroute; readonly user: LocalUser | undefined };

/** One candidate is the site; several are named, and none is. */
function decide(engine: Engine, waiting: AddressLookUp): void {
  const ikeSa = ikeSaAt(engine, waiting.spi);
  if (ikeSa === undefined) return;
  const candidates: readonly Candidate[] = [
    ...localsAt(engine, waiting.address),
    ...waiting.found.map(
      (found) => ({ kind: "row", peerId: asPeerId(found.row.peerid), found }) as const,
    ),
  ];
  const [only, other] = candidates;
  if (only === undefined) {
    const detail =
      `no row and no eroute for Main Mode has the peerip ${waiting.address}: Main Mode finds a ` +
      "site by its address, Aggressive Mode by its ID";
    deny(engine, waiting, { reason: "no-site-at-address", detail }, undefined);
    return;
  }
  if (other !== undefined) {
    const detail = `${only.peerId} and ${other.peerId} both have the peerip ${waiting.address}`;
    deny(engine, waiting, { reason: "sites-at-address", detail }, undefined);
    return;
  }
  const named = nameIkeSa(engine, waiting.spi, { peerId: only.peerId, stand: ikeSa.stand });
  namePeer(engine, waiting.spi, only.peerId);
  const known = { spi: waiting.spi, ticket: waiting.ticket, major: 1, byAddress: true } as const;
  if (only.kind === "local") useLocal(engine, named, known, only.match);
  else useRow(engine, waiting, only);
}

function useRow(
  engine: Engine,
  waiting: AddressLookUp,
  { peerId, found }: Extract<Candidate, { kind: "row" }>,
): void {
  const ikeSa = ikeSaAt(engine, waiting.spi);
  const match = matchConfigured(engine.plan, peerId, 1);
  const egroup = egroupNamed(engine.plan, found.egroup);
  if (match.kind !== "base" || match.egroup !== egroup || !allowsMain(match.eroute)) {
    const detail =
      `${peerId} of egroup ${found.egroup} has the peerip ${waiting.address}, but no eroute of ` +
      "this egroup matches it and allows Main Mode";
    deny(engine, waiting, { reason: "no-eroute", detail }, undefined);
    return;
  }
  const made = dynamicErouteOf(match.eroute, egroup, peerId, [found.row]);
  if (!made.ok) {
    const { kind: reason, detail } = made.error;
    deny(engine, waiting, { reason, detail }, match.eroute);
    return;
  }
  const refused = demandRefused(made.value, undefined);
  if (refused !== undefined) {
    wipe(made.value.psk, made.value.ppk?.key);
    deny(engine, waiting, refused, match.eroute);
    return;
  }
  const { spi, ticket } = waiting;
  const known = { spi, ticket, major: 1, byAddress: true, lookup: found.lookup } as const;
  if (ikeSa !== undefined) useDynamic(engine, ikeSa, known, made.value);
}

/** Normal eroutes with this address, and the local users that belong to them. */
function localsAt({ plan }: Engine, address: string): readonly Candidate[] {
  return plan.eroutes.flatMap((eroute) => {
    if (eroute.kind !== "normal" || !allowsMain(eroute) || !isAt(eroute, address)) return [];
    const users = plan.users.filter(({ name }) => matchesPattern(eroute.peerid, name));
    const matches: readonly LocalMatch[] =
      users.length === 0 ? [{ eroute, user: undefined }] : users.map((user) => ({ eroute, user }));
    return matches.flatMap((match) => {
      if (match.user === undefined && isWild(eroute.peerid)) return [];
      const peerId = asPeerId(match.user?.name ?? eroute.peerid.text);
      return [{ kind: "local", peerId, match } as const];
    });
  });
}

function isAt({ peerip, bakpeerip }: NormalEroute, address: string): boolean {
  return [peerip, bakpeerip].some((host) => {
    const own = parseAddress(host ?? "");
    return own !== undefined && formatAddress(own) === address;
  });
}
