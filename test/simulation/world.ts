/**
 * A whole world in one process, drawn by a seed: concentrator, sites, network, kernel, rows.
 * Long because whatever happens in it may happen to any other part of it.
 */

import type { Concentrator } from "../../src/concentrator/concentrator.ts";
import { standingPolicies } from "../../src/concentrator/dataplane/no-sa.ts";
import type { Effect } from "../../src/concentrator/effect.ts";
import type { Event } from "../../src/concentrator/event.ts";
import { type Endpoint, formatEndpoint, type Path } from "../../src/inet/endpoint.ts";
import { asInstant } from "../../src/octets/instant.ts";
import { err } from "../../src/octets/result.ts";
import type { XfrmPolicy } from "../../src/xfrm/policy.ts";
import type { XfrmRequest } from "../../src/xfrm/request.ts";
import {
  checkEffects,
  checkEroutes,
  checkKernel,
  checkRequest,
  checkSiteChild,
  checkTables,
} from "./check.ts";
import { type Climate, drawClimate } from "./climate.ts";
import { createDatabase, type DatabaseModel } from "./database.ts";
import { describeEffect, describeEvent } from "./describe.ts";
import { createDriver, type Driver } from "./driver.ts";
import {
  createInhabitant,
  deadlineOf,
  hear,
  type Inhabitant,
  rowFor,
  tickOf,
} from "./inhabitant.ts";
import { removeLeftovers, tablesOf } from "./keeping.ts";
import {
  createKernel,
  type KernelFaults,
  type KernelModel,
  type ModelState,
  stateKey,
} from "./kernel.ts";
import { createLog, type Log } from "./log.ts";
import { FAIR_WEATHER, travel } from "./network.ts";
import { createPrng, type Prng } from "./prng.ts";
import { createSchedule, type Schedule } from "./schedule.ts";
import type { SiteOutput } from "./site-state.ts";
import { createSuccession, type Succession } from "./succession.ts";
import { toyKeyExchange } from "./toy-key-exchange.ts";
import { toySignature } from "./toy-signature.ts";

/** A fault planted to see that it is found. */
export type Planted = {
  readonly kernel?: KernelFaults;
  /** What the world learns about the effects of an event. */
  readonly effects?: (effects: readonly Effect[]) => readonly Effect[];
};

export type World = {
  readonly seed: number;
  readonly climate: Climate;
  readonly prng: Prng;
  /** When the concentrator goes on from what it has written of its IKE SAs. */
  readonly rereads: Prng;
  readonly schedule: Schedule;
  readonly concentrator: Concentrator;
  readonly succession: Succession;
  readonly driver: Driver;
  readonly kernel: KernelModel;
  readonly database: DatabaseModel;
  readonly inhabitants: readonly Inhabitant[];
  /** The last datagrams on the wire, to be repeated and damaged. */
  readonly wire: { readonly octets: Uint8Array; readonly path: Path }[];
  readonly log: Log;
  readonly complaints: string[];
  /** Policies that must stand whether or not there is an SA; undefined: not computed yet. */
  standing: ReadonlyMap<string, XfrmPolicy> | undefined;
  now: number;
  /** From then on everything works, so that the world ends in order. */
  isCalm: boolean;
  answersUnderWay: number;
  checkedAt: string;
  events: number;
};

/** The whole log if one seed is replayed. */
const LOG_LINES_MAX = Number(process.env.LOG_LINES ?? (process.env.SEED ? 1_000_000 : 50));
const WIRE_MAX = 40;
const ENOMEM = 12;

/** A world at time 0, in which nothing has happened. */
export function createWorld(seed: number, planted: Planted = {}): World {
  const prng = createPrng(seed);
  const climate = drawClimate(prng.fork("climate"));
  const random = prng.fork("concentrator");
  const failures = prng.fork("kernel");
  const succession = createSuccession({
    awakeMax: awakeMaxOf(seed),
    plan: climate.plan,
    now: asInstant(0),
    random: (count) => random.octets(count),
    keeps: seed % 3 === 2,
  });
  const engine = succession.concentrator;
  const concentrator = planted.effects === undefined ? engine : mutated(engine, planted.effects);
  const faults: KernelFaults = (request) => {
    const own = planted.kernel?.(request);
    if (own !== undefined) return own;
    if (world.isCalm || request.op !== "new-state") return undefined;
    return failures.chance(climate.kernelFailure) ? ENOMEM : undefined;
  };
  const world: World = {
    seed,
    climate,
    prng: prng.fork("world"),
    rereads: prng.fork("rereads"),
    schedule: createSchedule(),
    concentrator,
    succession,
    driver: { feed: (event) => driver.feed(event) },
    kernel: createKernel(faults),
    database: createDatabase(),
    inhabitants: climate.characters.map((character, index) =>
      createInhabitant(index + 1, character, climate, prng.fork(`site ${index}`)),
    ),
    wire: [],
    log: createLog(LOG_LINES_MAX),
    complaints: [],
    standing: undefined,
    now: 0,
    isCalm: false,
    answersUnderWay: 0,
    checkedAt: "",
    events: 0,
  };
  const driver = createDriver(concentrator, surroundingsOf(world));
  for (const inhabitant of world.inhabitants) {
    const row = rowFor(inhabitant);
    if (row !== undefined) world.database.put(row);
  }
  if (prng.fork("standing").chance(0.6)) {
    world.standing = standingPolicies(climate.plan);
    world.driver.feed({ kind: "start" });
  }
  return world;
}

/** Runs everything that is due until `until`, the clock jumping from one event to the next. */
export function runUntil(world: World, until: number): void {
  const { schedule, concentrator, driver } = world;
  let idle = 0;
  while (world.complaints.length === 0) {
    const planned = schedule.next() ?? Number.POSITIVE_INFINITY;
    const deadline = concentrator.nextDeadline() ?? Number.POSITIVE_INFINITY;
    const next = Math.min(planned, deadline);
    if (next > until) break;
    idle = next > world.now ? 0 : idle + 1;
    if (idle > 2_000) complain(world, "a deadline in the past is never handled");
    world.now = Math.max(world.now, next);
    if (planned <= deadline) schedule.run();
    else driver.feed({ kind: "deadline" });
  }
  world.now = Math.max(world.now, until);
}

/** Performs the outputs of a site. */
export function takeOutputs(
  world: World,
  from: Inhabitant,
  outputs: readonly SiteOutput[],
  sentAt = world.kernel.performed(),
): void {
  for (const output of outputs) {
    if (output.kind === "send") sendToConcentrator(world, from, output);
    else if (output.kind === "child-up") {
      note(world, () => `site ${from.number} child-up ${output.child.spiIn}`);
      checkSiteChild(world.kernel, output.child, sentAt, (what) => complain(world, what));
    } else if (output.kind !== "answer") {
      const why = "why" in output ? output.why : "";
      note(world, () => `site ${from.number} ${output.kind} ${why}`);
    }
  }
  planTick(world, from);
}

/** Octets on their way to the concentrator; the network decides what arrives, and when. */
export function sendOctets(world: World, octets: Uint8Array, path: Path): void {
  const weather = world.isCalm ? FAIR_WEATHER : world.climate.weather;
  for (const copy of travel(octets, weather, world.prng)) {
    world.schedule.plan(world.now + copy.delayMs, () =>
      world.driver.feed({ kind: "datagram", octets: copy.octets, path }),
    );
  }
}

export function note(world: World, line: () => string): void {
  const { now } = world;
  world.log.add(() => `${Math.round(now)} ${line()}`);
}

export function complain(world: World, what: string): void {
  note(world, () => `!!! ${what}`);
  world.complaints.push(what);
}

function sendToConcentrator(
  world: World,
  from: Inhabitant,
  output: Extract<SiteOutput, { kind: "send" }>,
): void {
  const { local, remote } = output.path;
  const outside = from.seenAs.get(local.port) ?? local;
  const path = { local: remote, remote: outside };
  if (world.wire.length >= WIRE_MAX) world.wire.shift();
  world.wire.push({ octets: output.octets, path });
  sendOctets(world, output.octets, path);
}

function surroundingsOf(world: World): Parameters<typeof createDriver>[1] {
  const { climate, prng } = world;
  const signatures = prng.fork("signatures");
  const later = (event: Event, ms: number): undefined => {
    world.schedule.plan(world.now + ms, () => world.driver.feed(event));
  };
  return {
    now: () => world.now,
    onSend: (effect) => sendToSite(world, effect.octets, effect.path.remote),
    onLookUp({ lookup, by }) {
      const failing = !world.isCalm && prng.chance(climate.lookupFailure);
      const delay = world.isCalm ? 1 : prng.between(0, climate.lookupMs);
      world.schedule.plan(world.now + delay, () => {
        const result = failing
          ? ({ ok: false, error: { kind: "timeout", detail: "drawn" } } as const)
          : world.database.find(by);
        world.driver.feed({ kind: "peer-rows", lookup, result });
      });
      return undefined;
    },

    // Sites only call here, also those whose address is in their row.
    onResolve: ({ resolve }) => ({ kind: "resolved", resolve, result: err("nobody is called") }),
    onKeyExchange({ request, op }) {
      const isFailure = !world.isCalm && prng.chance(climate.keyExchangeFailure);
      const result = isFailure
        ? ({ ok: false, error: { kind: "overloaded", detail: "drawn" } } as const)
        : toyKeyExchange(op);
      const event: Event = { kind: "key-exchange-answer", request, result };
      const isLate = !world.isCalm && prng.chance(climate.keyExchangeDelay);
      return isLate ? later(event, prng.below(6_000)) : event;
    },
    onSignature({ request, op }) {
      const isFailure = !world.isCalm && signatures.chance(climate.signatureFailure);
      const result = isFailure
        ? ({ ok: false, error: { kind: "signature-failed", detail: "drawn" } } as const)
        : toySignature(op);
      const event: Event = { kind: "signature-answer", request, result };
      const isLate = !world.isCalm && signatures.chance(climate.signatureDelay);
      return isLate ? later(event, signatures.below(6_000)) : event;
    },
    kernel: (request) => performKernel(world, request),
    delaysAnswer(event) {
      if (world.isCalm || !prng.chance(climate.kernelDelay)) return false;
      world.answersUnderWay++;
      world.schedule.plan(world.now + prng.below(500), () => {
        world.answersUnderWay--;
        world.driver.feed(event);
      });
      return true;
    },
    onJournal: ({ reason, peerId }) => note(world, () => `  journal ${reason} ${peerId ?? ""}`),
    onHandled: (event, effects) => onHandled(world, event, effects),
  };
}

function performKernel(world: World, request: XfrmRequest) {
  const { kernel, climate } = world;
  // Refusals and late answers leave halves of Child SAs, for which the order means nothing.
  const isOrderly = climate.kernelFailure === 0 && climate.kernelDelay === 0 && !climate.isNatted;
  if (isOrderly) checkRequest(kernel, request, (what) => complain(world, what));
  const result = kernel.perform(request);
  const made =
    request.op === "new-state" && result.ok
      ? kernel.states.get(stateKey(request.state.id))
      : undefined;
  if (made !== undefined) {
    // In a kernel both directions run out at about the same time, in no order.
    const ms = (made.state.lifetime.hardSeconds ?? 0) * 1_000 + world.prng.below(1_000);
    world.schedule.plan(world.now + ms, () => expire(world, made));
  }
  if (!result.ok) {
    const { errno } = result.error;
    note(world, () => `  kernel says ${errno} to ${request.op}`);
  }
  return result;
}

function expire(world: World, made: ModelState): void {
  const expired = world.kernel.expire(made);
  if (expired !== undefined) world.driver.feed({ kind: "expire", expire: expired });
}

function sendToSite(world: World, octets: Uint8Array, remote: Endpoint): void {
  const to = formatEndpoint(remote);
  const inhabitant = world.inhabitants.find(({ seenAs }) =>
    [...seenAs.values()].some((endpoint) => formatEndpoint(endpoint) === to),
  );
  if (inhabitant === undefined) return;
  const weather = world.isCalm ? FAIR_WEATHER : world.climate.weather;
  const sentAt = world.kernel.performed() + 1;
  for (const copy of travel(octets, weather, world.prng)) {
    world.schedule.plan(world.now + copy.delayMs, () => {
      const outputs = hear(inhabitant, copy.octets, world.now);
      takeOutputs(world, inhabitant, outputs, sentAt);
    });
  }
}

function planTick(world: World, inhabitant: Inhabitant): void {
  const at = deadlineOf(inhabitant);
  if (at === undefined || (at >= inhabitant.tickAt && inhabitant.tickAt > world.now)) return;
  inhabitant.tickAt = at;
  world.schedule.plan(at, () => {
    if (inhabitant.tickAt === at) inhabitant.tickAt = 0;
    takeOutputs(world, inhabitant, tickOf(inhabitant, world.now));
  });
}

/** In every third world the concentrator goes on from what it has written, now and then. */
function reread(world: World): void {
  if (world.seed % 3 !== 0 || !world.rereads.chance(REREAD_SHARE)) return;
  const anchor = { now: world.now, wallMs: world.now + WALL_MS };
  world.concentrator.reread({ anchor, generation: 2 * world.events });
}

/**
 * In every third world another process goes on from what the concentrator has written. In calm
 * weather every site has to connect at once, which a handshake that is lost would prevent.
 */
function succeed(world: World): void {
  if (world.seed % 3 !== 1 || world.isCalm || !world.rereads.chance(SUCCESSION_SHARE)) return;
  const anchor = { now: world.now, wallMs: world.now + WALL_MS };
  if (world.succession.succeed({ anchor, generation: 2 * world.events })) {
    note(world, () => "goes on in another process");
  }
}

/** In every third world the process is killed now and then, at any moment. */
function crash(world: World): void {
  if (world.seed % 3 !== 2) return;
  const isReading = world.succession.isReading();
  if (!isReading && world.rereads.chance(CHECK_SHARE)) world.succession.checkKept(world.now);
  if (world.isCalm || !world.rereads.chance(SUCCESSION_SHARE)) return;
  // In half of them, the next one is still reading when messages come.
  if (world.seed % 12 < 6) {
    world.succession.crashLazily(world.now, () => goOn(world));
    note(world, () => "is killed, and another process reads while messages come");
    return;
  }
  world.succession.crash(world.now);
  goOn(world);
}

/** All is read. */
function goOn(world: World): void {
  removeLeftovers(world.kernel, world.concentrator);
  note(world, () => "another process goes on");
  // Not in the midst of the event that is being handled.
  world.schedule.plan(world.now, () => {
    if (world.standing !== undefined) world.driver.feed({ kind: "start" });
    world.driver.feed(tablesOf(world.kernel));
  });
}

const CHECK_SHARE = 0.05;
const REREAD_SHARE = 0.1;
const SUCCESSION_SHARE = 0.03;
/** Wall time when the clock of the simulation stands at 0. */
const WALL_MS = 1_800_000_000_000;

function onHandled(world: World, event: Event, effects: readonly Effect[]): void {
  world.events++;
  reread(world);
  note(world, () => describeEvent(event));
  for (const effect of effects) {
    if (effect.kind !== "journal") note(world, () => `  -> ${describeEffect(effect)}`);
  }
  succeed(world);
  crash(world);
  const say = (what: string) => complain(world, what);
  if (event.kind === "configuration" && world.standing !== undefined) {
    world.standing = standingPolicies(event.plan);
  }
  const due = world.succession.dueBefore();
  checkEffects(effects.slice(0, due), say);
  checkEffects(effects.slice(due), say);
  if (world.succession.isReading()) return;
  const sizes = world.concentrator.tableSizes();
  const snapshot = world.concentrator.snapshot();
  checkTables(sizes, snapshot, say);
  if (world.answersUnderWay > 0 || sizes.kernelRequests > 0) return;
  const { counters, gauges, eroutes, erouteCount } = snapshot;
  const { ike_sas_established: up, ike_sas_rekeyed: rekeyed } = counters;
  const closed = counters.ike_sas_closed + counters.ike_sas_replaced;
  const seen = [world.kernel.performed(), closed, up, rekeyed, gauges.childSas].join(" ");
  if (seen === world.checkedAt) return;
  world.checkedAt = seen;
  const views = eroutes(0, erouteCount);
  checkEroutes(views, say);
  const { draining } = sizes;
  checkKernel(world.kernel, views, { draining, standing: world.standing ?? new Map() }, say);
}

function mutated(
  engine: Concentrator,
  mutate: (effects: readonly Effect[]) => readonly Effect[],
): Concentrator {
  return { ...engine, handle: (event, now) => mutate(engine.handle(event, now)) };
}

/** Sites rest as soon as they can, or when another one becomes busy, or not at all. */
function awakeMaxOf(seed: number): number {
  return [0, 1, 64][seed % 3] ?? 0;
}
