/**
 * XAUTH of IKEv1: after the pre-shared key, which a group of sites may have in common, the site
 * names a user. The password is that of the local user, or of the row with this name in the egroup.
 */

import { peerKey } from "../../eroute/peer-id.ts";
import { egroupNamed, userNamed } from "../../eroute/plan-index.ts";
import { passwordOctets } from "../../eroute/psk.ts";
import { rowEnabled } from "../../eroute/row-options.ts";
import type { IkeEffect } from "../../ike/ike-sa.ts";
import type { Ticket } from "../../ike/ticket.ts";
import { type Endpoint, equalEndpoint } from "../../inet/endpoint.ts";
import { equalConstantTime, wipe } from "../../octets/secret.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { ask } from "../ask.ts";
import { count, type Engine } from "../engine.ts";
import type { LookupResult } from "../event.ts";
import type { PasswordLookUp } from "../requests.ts";
import type { ErouteInUse } from "./eroute-in-use.ts";
import { factsAt, ikeSaAt } from "./ike-sas.ts";

/** Whether a user's password is right: answered at once, or when the user's row is there. */
export function checkPassword(
  engine: Engine,
  spi: IkeSpi,
  { ticket, user, password }: Extract<IkeEffect, { kind: "check-password" }>,
): void {
  const local = userNamed(engine.plan, user);
  // The eroute comes into use when the user is known.
  const site = ikeSaAt(engine, spi);
  const base = (site?.eroute ?? site?.candidate)?.base;
  if (local !== undefined || base?.kind !== "base") {
    const isRight = local !== undefined && isSame(local.psk, password);
    answer(engine, { spi, ticket, password }, isRight);
    return;
  }
  count(engine, "lookups_started");
  const { egroup } = base;
  const waiter = { kind: "password", spi, ticket, egroup, user, password } as const;
  const by = { by: "peerid", peerid: user } as const;
  ask(engine, waiter, (lookup) => ({ kind: "look-up", lookup, egroup, by }));
}

/** The rows of the user are there, or the reason why not: then no password is right. */
export function onPasswordRows(
  engine: Engine,
  waiting: PasswordLookUp,
  result: LookupResult,
): void {
  if (!result.ok) count(engine, "lookups_failed");
  const rows = result.ok ? result.value : [];
  const [row, ...others] = rows.filter(({ peerid }) => peerKey(peerid) === peerKey(waiting.user));
  const format = egroupNamed(engine.plan, waiting.egroup)?.passwordFormat ?? "auto";
  const own = row === undefined ? undefined : passwordOctets(row.password ?? "", format);
  const isUsable = row !== undefined && others.length === 0 && rowEnabled(row).ok;
  const isRight = isUsable && own?.ok === true && isSame(own.value, waiting.password);
  if (own?.ok === true) wipe(own.value);
  answer(engine, waiting, isRight);
}

type Answered = {
  readonly spi: IkeSpi;
  readonly ticket: Ticket;
  readonly password: Uint8Array;
};

function answer(engine: Engine, { spi, ticket, password }: Answered, isRight: boolean): void {
  wipe(password);
  engine.inbox.push({ spi, event: { kind: "password-answer", ticket, isRight } });
}

/**
 * Whether the user of an IKE SA that begins at this endpoint has authenticated in another one
 * there: some devices leave XAUTH out when they begin Phase 1 anew.
 */
export function isUserKnownAt(engine: Engine, { ikeSas }: ErouteInUse, remote: Endpoint): boolean {
  return ikeSas.some((spi) => {
    const facts = factsAt(engine, spi);
    return facts?.version === 1 && equalEndpoint(facts.path.remote, remote);
  });
}

/** Some clients end a password with a NUL. */
function isSame(own: Uint8Array, given: Uint8Array): boolean {
  const end = given.length - 1;
  return equalConstantTime(own, given.at(-1) === 0 ? given.subarray(0, end) : given);
}
