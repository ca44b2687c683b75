/** Asks the kernel whether the Child SAs of an IKE SA carry packets (RFC 7296 §2.4; R13). */

import type { Ticket } from "../../ike/ticket.ts";
import type { IkeSpi } from "../../wire/header.ts";
import type { XfrmStateUse } from "../../xfrm/state.ts";
import { ask } from "../ask.ts";
import { changedSite } from "../changes.ts";
import type { Engine } from "../engine.ts";
import { factsAt } from "../sites/ike-sas.ts";
import { installedAt } from "./child-sas.ts";
import { type Installed, isSameState, type UsageProbe, type UsageQuery } from "./installed.ts";

/** Asks for both states of each Child SA; the answers come one by one. */
export function probeUsage(engine: Engine, spi: IkeSpi, ticket: Ticket): void {
  const probe: UsageProbe = { spi, ticket, waiting: 0, hasReceived: false, hasSent: false };
  const children = factsAt(engine, spi)?.children ?? [];
  for (const { spiIn } of children) {
    const installed = installedAt(engine, spiIn);
    if (installed === undefined) continue;
    for (const id of installed.ours) {
      probe.waiting++;
      const isInbound = isSameState(id, installed.inbound);
      const { mark } = installed;
      const op = { op: "query-state", id, ...(mark === undefined ? {} : { mark }) } as const;
      const waiter = { kind: "usage", probe, installed, isInbound } as const;
      ask(engine, waiter, (request) => ({ kind: "kernel", request, op }));
    }
  }
  if (probe.waiting === 0) tell(engine, probe);
}

/** The counters of one state; undefined if the kernel does not have it. */
export function onStateUse(
  engine: Engine,
  { probe, installed, isInbound }: UsageQuery,
  use: XfrmStateUse | undefined,
): void {
  if (use !== undefined) {
    compare(probe, installed, isInbound, use.packets);
    changedSite(engine, installed.erouteKey);
  }
  if (--probe.waiting === 0) tell(engine, probe);
}

function compare(
  probe: UsageProbe,
  installed: Installed,
  isInbound: boolean,
  packets: bigint,
): void {
  if (isInbound) {
    if (packets > installed.packetsIn) probe.hasReceived = true;
    installed.packetsIn = packets;
  } else {
    if (packets > installed.packetsOut) probe.hasSent = true;
    installed.packetsOut = packets;
  }
}

function tell(engine: Engine, { spi, ticket, hasReceived, hasSent }: UsageProbe): void {
  engine.inbox.push({ spi, event: { kind: "usage", ticket, hasReceived, hasSent } });
}
