/** The life of a world: sites act, rows change, noise arrives; then everything is put in order. */

import { identityText } from "../../src/wire/identity.ts";
import { checkEmpty, checkKernel } from "./check.ts";
import {
  act,
  breakOff,
  childCountOf,
  connectForGood,
  type Inhabitant,
  leave,
  rebind,
  rowFor,
} from "./inhabitant.ts";
import { variantOf } from "./plan.ts";
import {
  complain,
  createWorld,
  note,
  type Planted,
  runUntil,
  sendOctets,
  takeOutputs,
  type World,
} from "./world.ts";

/** Longer than any late answer, retransmission, half-open IKE SA or lingering takes. */
const CALM_MS = 60_000;
const ELSEWHERE = { host: "vpn2.example", address: undefined };

/** Lives a world to its end; complaints are kept in the world. */
export function live(seed: number, planted: Planted = {}): World {
  const world = createWorld(seed, planted);
  try {
    for (const inhabitant of world.inhabitants) planAct(world, inhabitant);
    if (world.climate.rowChange > 0) planRowChange(world);
    runUntil(world, world.climate.activeMs);
    if (world.complaints.length > 0) return world;
    if (world.climate.endsWithShutdown) endByShutdown(world);
    else endByFarewell(world);
  } catch (fault) {
    complain(world, `thrown: ${fault instanceof Error ? fault.stack : String(fault)}`);
  }
  return world;
}

function planAct(world: World, inhabitant: Inhabitant): void {
  const wait = inhabitant.prng.between(1, world.climate.actEveryMs);
  world.schedule.plan(world.now + wait, () => {
    if (world.isCalm) return;
    if (inhabitant.character === "noise") makeNoise(world, inhabitant);
    else {
      if (world.climate.isNatted && inhabitant.prng.chance(0.02)) rebind(inhabitant, true);
      takeOutputs(world, inhabitant, act(inhabitant, world.now));
      // It never proves who it is.
      if (inhabitant.character === "half-open") breakOff(inhabitant);
    }
    planAct(world, inhabitant);
  });
}

/** Garbage, and datagrams of others: whole, cut short, with a bit flipped, from elsewhere. */
function makeNoise(world: World, { prng, site }: Inhabitant): void {
  const heard = world.wire[prng.below(world.wire.length)];
  const own = { local: site.settings.path.remote, remote: site.settings.path.local };
  if (heard === undefined || prng.chance(0.2)) {
    return sendOctets(world, prng.octets(prng.below(200)), own);
  }
  const octets = heard.octets.slice();
  const at = prng.below(octets.length);
  const path = prng.chance(0.5) ? heard.path : own;
  const mutilated = prng.pick([
    octets,
    octets.subarray(0, at),
    octets.with(at, (octets[at] ?? 0) ^ (1 << prng.below(8))),
  ]);
  sendOctets(world, mutilated, path);
}

function planRowChange(world: World): void {
  world.schedule.plan(world.now + world.prng.between(500, 5_000), () => {
    if (world.isCalm) return;
    const inhabitant = world.inhabitants[world.prng.below(world.inhabitants.length)];
    if (inhabitant !== undefined) changeRow(world, inhabitant);
    if (inhabitant !== undefined) interfere(world, inhabitant);
    planRowChange(world);
  });
}

function changeRow(world: World, inhabitant: Inhabitant): void {
  const { database, prng } = world;
  const row = rowFor(inhabitant);
  if (row === undefined) return;
  const { peerid } = row;
  note(world, () => `row of ${peerid} changes`);
  prng.pick([
    () => database.put(row),
    () => database.put(row),
    () => database.remove(peerid),
    () => database.put({ ...row, password: "another secret" }),
    () => database.put({ ...row, remip: "10.9.9.0" }),
    () => database.put({ ...row, remip: "192.168.77.0" }),
    () => database.put({ ...row, password: null }),
    () => database.put({ ...row, remip: "not a subnet" }),
  ])();
}

/** An operator reports the changed row, disconnects the site, redirects it, or reconfigures. */
function interfere(world: World, { site }: Inhabitant): void {
  const { prng, driver, climate } = world;
  const peerId = identityText(site.settings.identity);
  if (prng.chance(0.5)) driver.feed({ kind: "row-changed", egroup: "sites", peerId });
  if (prng.chance(0.05)) driver.feed({ kind: "disconnect", peerId });
  if (prng.chance(0.05)) driver.feed({ kind: "redirect", peerId, to: ELSEWHERE });
  if (prng.chance(0.05)) {
    const plan = prng.chance(0.5) ? climate.plan : variantOf(climate.plan, prng);
    driver.feed({ kind: "configuration", plan });
  }
}

/** Every site is told, and answers or not. */
function endByShutdown(world: World): void {
  world.isCalm = true;
  world.driver.feed({ kind: "shutdown" });
  runUntil(world, world.now + CALM_MS);
  if (!world.concentrator.isIdle()) complain(world, "not idle after shutdown");
  checkEnd(world);
}

/** Every site that may connect does so once more, is up with one Child SA, and leaves. */
function endByFarewell(world: World): void {
  world.isCalm = true;
  const { plan } = world.climate;
  // There is room for all, so that none is evicted on the way.
  const limits = { ...plan.limits, dynamicEroutesMax: 100 };
  world.driver.feed({ kind: "configuration", plan: { ...plan, limits } });
  for (const inhabitant of world.inhabitants) {
    const row = rowFor(inhabitant);
    if (row !== undefined) world.database.put(row);
  }
  // Whatever is in the way goes first: half-open IKE SAs, lingering ones, late answers.
  runUntil(world, world.now + CALM_MS);
  const staying = world.inhabitants.filter(
    ({ character }) => character === "good" || character === "wide" || character === "lab",
  );
  for (const inhabitant of staying) {
    takeOutputs(world, inhabitant, connectForGood(inhabitant, world.now));
    runUntil(world, world.now + 2_000);
    checkUp(world, inhabitant);
    takeOutputs(world, inhabitant, leave(inhabitant, world.now));
    runUntil(world, world.now + 2_000);
  }
  runUntil(world, world.now + CALM_MS);
  checkEnd(world);
}

function checkUp(world: World, inhabitant: Inhabitant): void {
  if (world.complaints.length > 0) return;
  const { number } = inhabitant;
  const children = childCountOf(inhabitant);
  if (children === undefined)
    return complain(world, `site ${number} cannot connect in calm weather`);
  if (children !== 1) complain(world, `site ${number} has no Child SA in calm weather`);
}

function checkEnd(world: World): void {
  if (world.complaints.length > 0) return;
  const say = (what: string) => complain(world, what);
  const standing = world.standing ?? new Map();
  checkKernel(world.kernel, [], { draining: 0, standing }, say);
  checkEmpty(world.concentrator.tableSizes(), world.kernel, standing.size, say);
  const counters = world.concentrator.snapshot().counters;
  const begun = counters.ike_sas_established + counters.ike_sas_rekeyed;
  const over = counters.ike_sas_closed + counters.ike_sas_replaced;
  if (begun !== over) {
    say(`${begun} IKE SAs were counted up, ${over} closed or replaced`);
  }
}
