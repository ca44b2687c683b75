/**
 * After a crash: what the process before may have asked the kernel without hearing the answer. It
 * is kept with its keys, and asked for once more.
 */

import type { Ticket } from "../../ike/ticket.ts";
import { formatPrefix } from "../../inet/prefix.ts";
import type { IkeSpi } from "../../wire/header.ts";
import { formatPolicyId } from "../../xfrm/request.ts";
import type { Engine } from "../engine.ts";
import { type Installed, isSameState } from "./installed.ts";
import { askMove, portsOf } from "./move.ts";
import { policiesOf, policyInForce } from "./policies.ts";
import { copyState, request } from "./request.ts";

/** Asks for all of it; call it once all Child SAs are in the tables. */
export function askAgain(engine: Engine): void {
  for (const installed of engine.dataplane.unsure.values()) askFor(engine, installed);
}

/** Whether a Child SA that its IKE SA waits for is among them. */
export function isAskedAgain({ dataplane }: Engine, spi: IkeSpi, ticket: Ticket): boolean {
  for (const { ikeSpi, phase, ticket: own } of dataplane.unsure.values()) {
    if (ikeSpi === spi && phase === "installing" && own === ticket) return true;
  }
  return false;
}

function askFor(engine: Engine, installed: Installed): void {
  const { asked, moving, inbound, place, phase } = installed;
  for (const state of asked) {
    const op = { op: "new-state", state: copyState(state) } as const;
    request(engine, op, { installed, makes: state.id, isAgain: true });
  }
  for (const move of moving) {
    const ports = portsOf(place.path, isSameState(move.to, inbound) ? "in" : "out");
    askMove(engine, installed, { move, ports, isAgain: true });
  }
  if (phase === "installing") putAround(engine, installed);
}

/** Its policies and routes, those of others where others have them now. */
function putAround(engine: Engine, installed: Installed): void {
  const waiting = { installed, makes: undefined };
  for (const own of policiesOf(installed)) {
    const policy = policyInForce(engine, formatPolicyId(own.id)) ?? own;
    request(engine, { op: "put-policy", policy }, waiting);
  }
  for (const own of installed.routes) {
    const users = engine.dataplane.routes.get(formatPrefix(own.destination));
    request(engine, { op: "put-route", route: users?.at(-1)?.route ?? own }, waiting);
  }
}
