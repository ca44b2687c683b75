/**
 * The PPKs that a site proposes before it says who it is (RFC 9867): those of local users are at
 * hand, those of rows are looked up by their PPK_ID, in one egroup after another.
 */

import { matchConfigured } from "../../eroute/configured-match.ts";
import { asPeerId } from "../../eroute/peer-id.ts";
import { rowPpk } from "../../eroute/ppk.ts";
import { egroupsWithPpks, ppkKeys, usersWithPpk } from "../../eroute/ppk-index.ts";
import type { PeerRow } from "../../eroute/row.ts";
import type { PpkCredential } from "../../ike/credentials.ts";
import type { IkeEffect } from "../../ike/ike-sa.ts";
import { equalOctets } from "../../octets/concat.ts";
import { wipe } from "../../octets/secret.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { ask } from "../ask.ts";
import { count, type Engine } from "../engine.ts";
import type { LookupResult } from "../event.ts";
import type { PpkLookUp, PpkQuestion } from "../requests.ts";

/** Look-ups that the request of one stranger can cost; what is beyond them counts as not found. */
const QUESTIONS_MAX = 8;

/** Finds the PPKs with these PPK_IDs (without their type). The IKE SA gets copies of them. */
export function findPpks(
  engine: Engine,
  spi: IkeSpi,
  { ticket, ids }: Extract<IkeEffect, { kind: "find-ppks" }>,
): void {
  const found = ids.flatMap((id) => localPpks(engine, id));
  const egroups = egroupsWithPpks(engine.plan);
  const questions = ids.flatMap((id) =>
    egroups.flatMap((egroup) => ppkKeys(id).map((by) => ({ egroup, id, by }))),
  );
  askNext(engine, { kind: "ppks", spi, ticket, found }, questions.slice(0, QUESTIONS_MAX));
}

/** The rows for one question are there, or the reason why not. */
export function onPpkRows(engine: Engine, waiting: PpkLookUp, result: LookupResult): void {
  const { kind, spi, ticket, asked, found, next } = waiting;
  if (!result.ok) {
    count(engine, "lookups_failed");
    wipe(...found.map(({ key }) => key));
    engine.inbox.push({ spi, event: { kind, ticket, ppks: undefined } });
    return;
  }
  const more = result.value.flatMap((row) => ppksOf(engine, asked, row));
  askNext(engine, { kind, spi, ticket, found: [...found, ...more] }, next);
}

function askNext(
  engine: Engine,
  waiting: Omit<PpkLookUp, "asked" | "next">,
  [asked, ...next]: readonly PpkQuestion[],
): void {
  const { kind, spi, ticket, found } = waiting;
  if (asked === undefined) {
    engine.inbox.push({ spi, event: { kind, ticket, ppks: found } });
    return;
  }
  count(engine, "lookups_started");
  const { egroup, by } = asked;
  const waiter = { kind, spi, ticket, asked, next, found } as const;
  ask(engine, waiter, (lookup) => ({ kind: "look-up", lookup, egroup, by }));
}

function localPpks({ plan }: Engine, id: Uint8Array): readonly PpkCredential[] {
  return usersWithPpk(plan, id).flatMap(({ ppk }) => {
    return ppk === undefined ? [] : [copyOf(ppk)];
  });
}

/** The PPK of a row, if it has this PPK_ID and the row's eroute uses it. */
function ppksOf(
  { plan }: Engine,
  { egroup, id }: PpkQuestion,
  row: PeerRow,
): readonly PpkCredential[] {
  const match = matchConfigured(plan, asPeerId(row.peerid), 2);
  if (match.kind !== "base" || match.egroup.name !== egroup || match.eroute.ppk === "off") {
    return [];
  }
  const ppk = rowPpk(row, match.eroute.ppk);
  if (!ppk.ok || ppk.value === undefined) return [];
  if (equalOctets(ppk.value.id, id)) return [{ id, key: ppk.value.key, isRequired: false }];
  wipe(ppk.value.key);
  return [];
}

/** Whether it has to be used is decided once the site's eroute is known. */
function copyOf({ id, key }: Pick<PpkCredential, "id" | "key">): PpkCredential {
  return { id, key: key.slice(), isRequired: false };
}
