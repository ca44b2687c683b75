/** The test ground itself: two strongSwans with a tunnel through a kernel that has ESP. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { buildLaboratory, CONCENTRATOR, type Laboratory, OFFICE, type Site } from "./laboratory.ts";
import { type StrongSwan, startStrongSwan } from "./strongswan.ts";
import { capture, ping } from "./wire.ts";
import { untilNothingIsLeft, xfrmPolicies, xfrmStates } from "./xfrm-states.ts";

const ALGORITHMS = { ike: "aes128-sha256-x25519", esp: "aes128gcm16" } as const;

let laboratory: Laboratory;
let direct: Site;
let hidden: Site;
let responder: StrongSwan;

beforeAll(async () => {
  laboratory = await buildLaboratory();
  direct = await laboratory.addSite(1);
  hidden = await laboratory.addSite(2, "behind-nat");
  responder = await startStrongSwan(laboratory.concentrator, {
    ...ALGORITHMS,
    localId: "concentrator.example",
    remoteId: "%any",
    psk: "ground",
    remoteAddress: "%any",
    localSubnet: "10.0.0.0/16",
    remoteSubnet: "192.168.0.0/16",
  });
});

afterAll(async () => await responder.stop());

test("a tunnel between two strongSwans carries pings both ways, and nothing in clear", async () => {
  const swan = await startSite(direct);
  const wire = await capture(laboratory.internet, "br0");
  expect(await swan.initiate()).toBe(true);
  const there = await ping(direct.host, OFFICE.v4, { from: direct.inner.v4 });
  const back = await ping(laboratory.office, direct.inner.v4);
  const seen = await wire.stop();
  expect({ there: there.received, back: back.received }).toEqual({ there: 3, back: 3 });
  expect(seen).toMatchObject({ clearText: false, esp: 12 });
  const states = await xfrmStates(laboratory.concentrator);
  expect(states.map((state) => state.packets)).toEqual([6, 6]);
  expect((await xfrmPolicies(laboratory.concentrator)).map((policy) => policy.dir).sort()).toEqual([
    "fwd",
    "in",
    "out",
  ]);
  await swan.terminate();
  await untilNothingIsLeft(laboratory.concentrator);
  await swan.stop();
});

test("behind NAT the tunnel goes through UDP port 4500", async () => {
  const swan = await startSite(hidden);
  const wire = await capture(laboratory.internet, "br0");
  expect(await swan.initiate()).toBe(true);
  const there = await ping(hidden.host, OFFICE.v4, { from: hidden.inner.v4 });
  const seen = await wire.stop();
  expect(there.received).toBe(3);
  expect(seen).toMatchObject({ clearText: false, esp: 0 });
  const states = await xfrmStates(laboratory.concentrator);
  expect(states.map((state) => state.encapsulated)).toEqual([true, true]);
  await swan.stop();
});

test("without a tunnel the capture sees pings in clear", async () => {
  const wire = await capture(laboratory.internet, "br0");
  expect((await ping(direct.host, CONCENTRATOR.v4)).received).toBe(3);
  expect(await wire.stop()).toMatchObject({ clearText: true, esp: 0 });
});

async function startSite(site: Site): Promise<StrongSwan> {
  return await startStrongSwan(site.host, {
    ...ALGORITHMS,
    localId: `site-${site.number}`,
    remoteId: "concentrator.example",
    psk: "ground",
    remoteAddress: CONCENTRATOR.v4,
    localSubnet: site.subnet.v4,
    remoteSubnet: "10.0.0.0/16",
  });
}
