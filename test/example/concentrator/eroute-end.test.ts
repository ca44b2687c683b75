/** R5: an eroute in use ends with the last of its SAs, of whichever kind. */

import { expect, test } from "bun:test";
import { createEngine } from "../../../src/concentrator/create-engine.ts";
import { handOver } from "../../../src/concentrator/dataplane/child-sas.ts";
import type { Installed } from "../../../src/concentrator/dataplane/installed.ts";
import { onExpire } from "../../../src/concentrator/dataplane/kernel-events.ts";
import { inboundState, outboundState } from "../../../src/concentrator/dataplane/xfrm-of-child.ts";
import { drain } from "../../../src/concentrator/drive.ts";
import type { Engine } from "../../../src/concentrator/engine.ts";
import { normalInUse } from "../../../src/concentrator/sites/candidate.ts";
import { leaveEroute, removeLeft } from "../../../src/concentrator/sites/eroute-end.ts";
import type { ErouteInUse } from "../../../src/concentrator/sites/eroute-in-use.ts";
import { erouteAt, putEroute } from "../../../src/concentrator/sites/eroutes.ts";
import { asPeerId } from "../../../src/eroute/peer-id.ts";
import type { Ticket } from "../../../src/ike/ticket.ts";
import { asInstant } from "../../../src/octets/instant.ts";
import { asIkeSpi } from "../../../src/wire/header.ts";
import { NORMAL_EROUTE, planOf } from "../../simulation/plan.ts";
import { childPlace, KEYS } from "./child-place.ts";

const IKE_SA = asIkeSpi(7n);

test("R5: a Child SA that outlives its IKE SA keeps the eroute in use until it is gone", () => {
  const { engine, eroute, installed } = connected();
  leaveEroute(engine, eroute, IKE_SA, "peer-deleted");
  expect(eroute.ikeSas).toEqual([]);
  expect(isInUse(engine, eroute)).toBe(true);
  const { inbound: id, place } = installed;
  onExpire(engine, { id, reqid: place.reqid, hard: false });
  drain(engine);
  expect(isInUse(engine, eroute)).toBe(true);
  onExpire(engine, { id, reqid: place.reqid, hard: true });
  drain(engine);
  expect(isInUse(engine, eroute)).toBe(false);
  expect(engine.dataplane.installed.size).toBe(0);
});

test("R5: if Child SAs end with their IKE SA, so does the eroute", () => {
  const { engine, eroute } = connected();
  removeLeft(engine, eroute.key, IKE_SA, "peer-deleted");
  expect(isInUse(engine, eroute)).toBe(true);
  leaveEroute(engine, eroute, IKE_SA, "peer-deleted");
  expect(isInUse(engine, eroute)).toBe(false);
  expect(engine.dataplane.installed.size).toBe(0);
});

test("R5: a Child SA that another IKE SA has taken over stays when the first one ends", () => {
  const { engine, eroute, installed } = connected();
  const other = asIkeSpi(8n);
  eroute.ikeSas.push(other);
  handOver(engine, [installed.child], other);
  removeLeft(engine, eroute.key, IKE_SA, "replaced-by-rekey");
  leaveEroute(engine, eroute, IKE_SA, "replaced-by-rekey");
  expect(engine.dataplane.installed.has(installed.child.spiIn)).toBe(true);
  expect(isInUse(engine, eroute)).toBe(true);
});

function isInUse(engine: Engine, { key }: ErouteInUse): boolean {
  return erouteAt(engine, key) !== undefined;
}

/** An eroute in use with one IKE SA, and one Child SA that is up in the kernel. */
function connected(): {
  readonly engine: Engine;
  readonly eroute: ErouteInUse;
  readonly installed: Installed;
} {
  const random = (count: number) => new Uint8Array(count).fill(1);
  const engine = createEngine({ plan: planOf(), now: asInstant(0), random });
  const eroute = normalInUse(engine, NORMAL_EROUTE, asPeerId("lab-gw"));
  putEroute(engine, eroute);
  eroute.ikeSas.push(IKE_SA);
  const place = childPlace();
  const { child } = place;
  const [inbound, outbound] = [inboundState(place, KEYS).id, outboundState(place, KEYS).id];
  const installed: Installed = {
    ...{ child, ikeSpi: IKE_SA, erouteKey: eroute.key, takesFrom: [], place },
    ...{ encapsulated: false, inbound, outbound, mark: undefined },
    ...{ packetsIn: 0n, packetsOut: 0n, policies: [], routes: [] },
    ...{ outboundWaiting: undefined, asked: [], moving: [], isKeptFirst: false },
    ...{ ticket: 1 as Ticket, pending: 0, ours: [inbound, outbound], refusal: undefined },
    ...{ drains: false, phase: "up" },
  };
  engine.dataplane.installed.set(child.spiIn, installed);
  engine.dataplane.byEroute.set(eroute.key, [child.spiIn]);
  return { engine, eroute, installed };
}
