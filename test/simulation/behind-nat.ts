/** A NAT in front of a site at the table: it shows one address, and a port for each source. */

import { type Endpoint, formatEndpoint } from "../../src/inet/endpoint.ts";
import type { Caller } from "./caller.ts";
import { endpointOf } from "./plan.ts";
import type { Table } from "./table.ts";

/**
 * Passes messages both ways through a NAT whose outside address is `address`, until none is left.
 */
export function settleThrough(table: Table, caller: Caller, address: string): void {
  const insides = new Map<string, Endpoint>();
  for (let rounds = 0; rounds < 100; rounds++) {
    const next = caller.outbox.shift();
    if (next !== undefined) {
      const { local, remote } = next.path;
      const outside = endpointOf(address, local.port === 4_500 ? 61_000 : 60_999);
      insides.set(formatEndpoint(outside), local);
      table.deliver(next.octets, { local: remote, remote: outside });
    }
    for (const [at, sent] of table.sent.entries()) {
      const inside = insides.get(formatEndpoint(sent.path.remote)) ?? caller.site.path.local;
      table.sent[at] = { ...sent, path: { ...sent.path, remote: inside } };
    }
    caller.hear();
    if (next === undefined && caller.outbox.length === 0) return;
  }
  throw new Error("the conversation never ends");
}
