/** Whether Child SAs carry packets: asked of the kernel for one IKE SA (RFC 7296 §2.4; R13). */

import type { Ticket } from "../ike/ticket.ts";
import type { IkeSpi } from "../wire/header.ts";
import type { XfrmStateUse } from "../xfrm/state.ts";
import { type Engine, type Entry, numberOf } from "./engine.ts";
import type { KernelRequestId } from "./event.ts";
import type { Installed, UsageProbe } from "./installed.ts";

/** Asks for both states of each Child SA; the answers come one by one. */
export function probeUsage(engine: Engine, entry: Entry, spi: IkeSpi, ticket: Ticket): void {
  const probe: UsageProbe = { spi, ticket, waiting: 0, hasReceived: false, hasSent: false };
  const { sa } = entry;
  const children = sa.phase === "established" ? sa.children : [];
  for (const { spiIn } of children) {
    const installed = engine.installed.get(spiIn);
    if (installed === undefined) continue;
    for (const id of installed.ours) {
      const request = numberOf(engine) as KernelRequestId;
      probe.waiting++;
      const isInbound = id === installed.inbound;
      engine.usageProbes.set(request, { probe, installed, isInbound });
      const { mark } = installed;
      const op = { op: "query-state", id, ...(mark === undefined ? {} : { mark }) } as const;
      engine.out.push({ kind: "kernel", request, op });
    }
  }
  if (probe.waiting === 0) tell(engine, probe);
}

/** One state's counters; undefined if the kernel does not have it (any more). */
export function onStateUse(
  engine: Engine,
  request: KernelRequestId,
  use: XfrmStateUse | undefined,
): boolean {
  const asked = engine.usageProbes.get(request);
  if (asked === undefined) return false;
  engine.usageProbes.delete(request);
  const { probe, installed, isInbound } = asked;
  if (use !== undefined) compare(probe, installed, isInbound, use.packets);
  if (--probe.waiting === 0) tell(engine, probe);
  return true;
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
