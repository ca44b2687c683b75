/** Two concentrators, a network between them, and packets to pass through. */

import type { Effect } from "../../../src/concentrator/effect.ts";
import type { Event } from "../../../src/concentrator/event.ts";
import { DEFAULT_AUTH, DEFAULT_LIFE } from "../../../src/eroute/defaults.ts";
import type {
  BaseEroute,
  ErouteAuth,
  EroutePlan,
  NormalEroute,
} from "../../../src/eroute/eroute.ts";
import { type Address, equalAddress } from "../../../src/inet/address.ts";
import type { Endpoint, Path } from "../../../src/inet/endpoint.ts";
import { assert } from "../../../src/octets/assert.ts";
import { describeEffect, describeEvent, describeMessage } from "../describe.ts";
import { KILLED } from "../driver.ts";
import { createIvLog, type IvLog, noteIv } from "../ivs.ts";
import { removeLeftovers, tablesOf } from "../keeping.ts";
import type { KernelFaults } from "../kernel.ts";
import { createLog } from "../log.ts";
import {
  BASE_EROUTE,
  endpointOf,
  NORMAL_EROUTE,
  patternOf,
  planOf,
  prefixOfText,
} from "../plan.ts";
import { createPrng, type Prng } from "../prng.ts";
import { createSchedule, type Schedule } from "../schedule.ts";
import { createEnd, type End } from "./end.ts";

/** How the network treats a datagram. */
export type Weather = {
  readonly delayMs: readonly [number, number];
  readonly loss: number;
  readonly doubled: number;
  /** A datagram that comes much later than all others. */
  readonly late: number;
};

export type PairSettings = {
  readonly seed: number;
  readonly weather: Weather;
  /** Changes to both ends' eroutes. */
  readonly eroute?: Partial<NormalEroute>;
  /** Changes to the plan of one end. */
  readonly plan?: (end: "a" | "b", plan: EroutePlan) => EroutePlan;
  /** To end a, the other end is a site of a table: a dynamic eroute of a base eroute. */
  readonly isDynamic?: boolean;
  /** Both ends have the same PPK, and must use it (RFC 8784). */
  readonly withPpk?: boolean;
  /** Both ends agree on it in IKE_INTERMEDIATE if they can (RFC 9867). */
  readonly withIntermediatePpk?: boolean;
  /** End b is behind a NAT: its address is not its own, and changes when the NAT rebinds. */
  readonly isNatted?: boolean;
  readonly lateMs?: (prng: Prng) => number | undefined;
  /** Delay of signatures only, whatever that of other answers. */
  readonly signatureMs?: (end: "a" | "b") => number | undefined;
  readonly faults?: KernelFaults;
  /** Whether a signature cannot be made or verified. */
  readonly failsSignature?: () => boolean;
  /** How each end authenticates, and what it accepts. */
  readonly auth?: (end: "a" | "b") => ErouteAuth;
  /** Whether the shell loses this answer, which only a bug would do. */
  readonly losesAnswer?: (end: "a" | "b", answer: Event) => boolean;
  /** How often, of all events, an end goes on from what it has written of its IKE SAs. */
  readonly rereadShare?: number;
  /** How often, of all events, an end goes on in another process. */
  readonly successionShare?: number;
  /** Then its process is killed, and the next one goes on from what was kept. */
  readonly crashes?: boolean;
  /** Whether this end, which has just handled an event, is killed now as well. */
  readonly isKilled?: (end: string) => boolean;
  /** Whether this end is killed before this effect. It then keeps things as the daemon does. */
  readonly dies?: (end: string, effect: Effect) => boolean;
  /** Whether the datagram that is being sent is lost, whatever the weather. */
  readonly loses?: (octets: Uint8Array) => boolean;
};

export type Pair = {
  readonly a: End;
  readonly b: End;
  /** What each end began with. */
  readonly plans: { readonly a: EroutePlan; readonly b: EroutePlan };
  readonly schedule: Schedule;
  readonly prng: Prng;
  weather: Weather;
  /** Whether datagrams get through at all. */
  isCut: boolean;
  readonly withPpk: boolean;
  readonly ivs: IvLog;
  /** How often the ends have gone on from what they had written. */
  rereads: number;
  /** How often each reason came up in the journals. */
  readonly reasons: Map<string, number>;
  /** The last lines of the log. */
  readonly log: readonly string[];
  /** Adds a line to the log. */
  note(end: string, line: () => string): void;
  forgetLog(): void;
  now(): number;
  /** Runs until this instant. */
  runUntil(at: number): void;
  feed(end: End, event: Event): void;
  /** The NAT forgets its mappings: the next datagrams from inside get new ones. */
  rebind(): void;
  /** The last datagram that was sent, as it arrives. */
  lastSent(): { readonly octets: Uint8Array; readonly path: Path } | undefined;
  /** The outside port of packets from this port of end b now; undefined without a NAT. */
  mapped(port: number): number | undefined;
};

/** The whole log if one seed is replayed. */
const LOG_MAX = Number(process.env.LOG ?? (process.env.SEED ? 1_000_000 : 400));
const LATE_MS = 4_000;
/** Wall time when the clock of the simulation stands at 0. */
const WALL_MS = 1_800_000_000_000;

export const FINE: Weather = { delayMs: [5, 20], loss: 0, doubled: 0, late: 0 };

/** Both ends at rest, at time 1,000. */
export function layPair(settings: PairSettings): Pair {
  const prng = createPrng(settings.seed);
  const schedule = createSchedule();
  const log = createLog(LOG_MAX);
  let clock = 1_000;
  let last: { readonly octets: Uint8Array; readonly path: Path } | undefined;
  const note = (end: string, line: () => string): void => {
    const at = clock;
    log.add(() => `${at} ${end} ${line()}`);
  };
  const network = prng.fork("network");
  const late = prng.fork("late");
  const ofRereads = prng.fork("rereads");
  const ofSuccessions = prng.fork("successions");
  const addresses: Record<string, Address> = {
    "192.0.2.1": endpointOf("192.0.2.1", 0).address,
    "192.0.2.2": endpointOf("192.0.2.2", 0).address,
    "end-b.example": endpointOf("192.0.2.2", 0).address,
    // No end has this address.
    "192.0.2.99": endpointOf("192.0.2.99", 0).address,
  };
  const nat = settings.isNatted === true ? createNat() : undefined;
  const arrive = (effect: Extract<Effect, { kind: "send" }>, octets: Uint8Array): void => {
    const isFromB = equalAddress(effect.path.local.address, pair.b.address);
    const local = isFromB && nat !== undefined ? nat.outside(effect.path.local) : effect.path.local;
    const known =
      isFromB || nat === undefined ? effect.path.remote : nat.inside(effect.path.remote);
    if (known === undefined || pair.isCut) return;
    const remote = known;
    const to = [pair.a, pair.b].find((end) => equalAddress(end.address, remote.address));
    if (to === undefined) return;
    const event: Event = {
      kind: "datagram",
      octets: octets.slice(),
      path: { local: remote, remote: local },
    };
    pair.feed(to, event);
  };
  const world = {
    ...{ schedule, prng, faults: settings.faults ?? (() => undefined) },
    now: () => clock,
    lateMs: () => settings.lateMs?.(late),
    signatureMs: (end: string) => settings.signatureMs?.(end === "a" ? "a" : "b"),
    losesAnswer: (end: string, answer: Event) =>
      settings.losesAnswer?.(end === "a" ? "a" : "b", answer) === true,
    failsSignature: () => settings.failsSignature?.() === true,
    log: note,
    onReason: (reason: string) => pair.reasons.set(reason, (pair.reasons.get(reason) ?? 0) + 1),
    addressOf: (host: string) => addresses[host],
    dies: (end: End, effect: Effect) => settings.dies?.(end.name, effect) === true,
    send(from: End, effect: Extract<Effect, { kind: "send" }>) {
      const { weather } = pair;
      const copies = network.chance(weather.doubled) ? 2 : 1;
      const octets = effect.octets.slice();
      last = { octets, path: effect.path };
      noteIv(pair.ivs, octets);
      for (let i = 0; i < copies; i++) {
        if (network.chance(weather.loss) || settings.loses?.(octets) === true) {
          note(from.name, () => `lost: ${describeMessage(octets)}`);
          continue;
        }
        const [min, max] = weather.delayMs;
        const extra = network.chance(weather.late) ? network.between(500, LATE_MS) : 0;
        schedule.plan(clock + network.between(min, max) + extra, () => arrive(effect, octets));
      }
    },
    onHandled(end: End, event: Event, effects: readonly Effect[]) {
      if (event.kind !== "deadline" || effects.length > 0)
        note(end.name, () => describeEvent(event));
      for (const effect of effects) {
        if (effect.kind !== "journal") note(end.name, () => `  -> ${describeEffect(effect)}`);
      }
      if (ofRereads.chance(settings.rereadShare ?? 0)) {
        pair.rereads++;
        const anchor = { now: clock, wallMs: clock + WALL_MS };
        end.concentrator.reread({ anchor, generation: pair.rereads });
      }
      const isDrawn = ofSuccessions.chance(settings.successionShare ?? 0);
      const isKilled = settings.isKilled?.(end.name) === true;
      if ((isDrawn || isKilled) && settings.crashes === true) crash(end);
      else if (isDrawn) {
        const anchor = { now: clock, wallMs: clock + WALL_MS };
        pair.rereads += 2;
        if (end.succession.succeed({ anchor, generation: pair.rereads })) {
          note(end.name, () => "goes on in another process");
        }
      }
      wake(end);
    },
  };
  /** Once the kernel has answered, which it does at once in a shell. */
  const crash = (end: End): void => {
    if (end.concentrator.tableSizes().kernelRequests > 0) return;
    end.succession.checkKept(clock);
    end.succession.crash(clock);
    removeLeftovers(end.kernel, end.concentrator);
    note(end.name, () => "is killed, and another process goes on");
    schedule.plan(clock, () => pair.feed(end, tablesOf(end.kernel)));
  };
  /** It was killed in the midst of its work. What it asks the kernel again comes first. */
  const goOn = (end: End): void => {
    note(end.name, () => "is killed in the midst of an event, and another process goes on");
    end.succession.die(clock);
    end.driver.feed({ kind: "deadline" });
    removeLeftovers(end.kernel, end.concentrator);
    schedule.plan(clock, () => pair.feed(end, tablesOf(end.kernel)));
    wake(end);
  };
  const wakes = new Map<string, number>();
  /** One timer for each end, as in the daemon; one that fires too early does no harm. */
  const wake = (end: End): void => {
    const next = end.concentrator.nextDeadline();
    const planned = wakes.get(end.name);
    if (next === undefined || (planned !== undefined && planned <= next && planned > clock)) return;
    const at = Math.max(next, clock);
    wakes.set(end.name, at);
    schedule.plan(at, () => {
      if (wakes.get(end.name) !== at) return;
      wakes.delete(end.name);
      pair.feed(end, { kind: "deadline" });
    });
  };
  const settingsOf = (name: "a" | "b") => {
    const [own, other] = name === "a" ? ["192.0.2.1", "192.0.2.2"] : ["192.0.2.2", "192.0.2.1"];
    const peerId = name === "a" ? "end-b" : "end-a";
    const plan = pairPlan(name, { host: other, peerId }, settings);
    const [keeps, savesLate] = [settings.crashes === true, settings.dies !== undefined];
    return { name, address: endpointOf(own, 0).address, peerId, plan, keeps, savesLate };
  };
  const [settingsA, settingsB] = [settingsOf("a"), settingsOf("b")];
  const pair: Pair = {
    a: createEnd(settingsA, world),
    b: createEnd(settingsB, world),
    plans: { a: settingsA.plan, b: settingsB.plan },
    ...{
      schedule,
      prng,
      weather: settings.weather,
      isCut: false,
      withPpk: settings.withPpk === true,
      ivs: createIvLog(),
      rereads: 0,
      reasons: new Map(),
      note,
    },
    get log() {
      return log.lines();
    },
    forgetLog: () => log.clear(),
    now: () => clock,
    runUntil(until) {
      for (let rounds = 0; ; rounds++) {
        assert(rounds < 2_000_000, "a world that never comes to rest");
        const next = schedule.next();
        if (next === undefined || next > until) break;
        clock = Math.max(clock, next);
        schedule.run();
      }
      clock = until;
    },
    feed(end, event) {
      try {
        end.driver.feed(event);
      } catch (error) {
        if (error !== KILLED) throw error;
        goOn(end);
      }
    },
    rebind: () => nat?.rebind(),
    lastSent: () => last,
    mapped: (port) => nat?.mapped(port),
  };
  pair.a.database.put({
    ...{ peerid: "end-b", password: PASSWORD, remip: "10.0.1.0", remmsk: "24" },
    ...{ peerip: settings.isNatted === true ? null : "192.0.2.2", bakpeerip: null, ourid: null },
    ppk: settings.withPpk === true ? PPK : null,
  });
  wake(pair.a);
  wake(pair.b);
  return pair;
}

type Nat = {
  outside(endpoint: Endpoint): Endpoint;
  inside(endpoint: Endpoint): Endpoint | undefined;
  mapped(port: number): number | undefined;
  rebind(): void;
};

/** Ports of one outside address; an end that has not sent anything cannot be reached. */
function createNat(): Nat {
  const { address } = endpointOf("203.0.113.7", 0);
  const toOutside = new Map<number, Endpoint>();
  const toInside = new Map<number, Endpoint>();
  let next = 20_000;
  return {
    outside(endpoint) {
      const known = toOutside.get(endpoint.port);
      if (known !== undefined) return known;
      const mapped = { address, port: next++ };
      toOutside.set(endpoint.port, mapped);
      toInside.set(mapped.port, endpoint);
      return mapped;
    },
    mapped: (port) => toOutside.get(port)?.port,
    inside: ({ port }) => toInside.get(port),
    rebind() {
      toOutside.clear();
      toInside.clear();
    },
  };
}

const PASSWORD = "one key for both";
const PPK = "a post-quantum key that both ends have, too";
/** Without one of its own it is the peer ID, which end b has to know. */
const PPK_ID = "end-b";
const SUBNETS = { a: "10.0.0.0/24", b: "10.0.1.0/24" };

function pairPlan(
  name: "a" | "b",
  peer: { readonly host: string; readonly peerId: string },
  settings: PairSettings,
): EroutePlan {
  const intermediatePpk = settings.withIntermediatePpk === true;
  const eroute: NormalEroute = {
    ...NORMAL_EROUTE,
    name: `to-${peer.peerId}`,
    peerid: patternOf(peer.peerId),
    ourid: `end-${name}`,
    peerip: peer.host,
    localSubnets: [prefixOfText(SUBNETS[name])],
    remoteSubnets: [prefixOfText(SUBNETS[name === "a" ? "b" : "a"])],
    ...settings.eroute,
    auth: settings.auth?.(name) ?? DEFAULT_AUTH,
  };
  if (name === "a" && settings.isDynamic === true) {
    const base: BaseEroute = {
      ...{ ...BASE_EROUTE, ...settings.eroute, auth: eroute.auth },
      ...{ kind: "base", name: "fleet", egroup: "sites" },
      peerid: patternOf("end-*"),
      ourid: "end-a",
      localSubnets: [prefixOfText(SUBNETS.a)],
      remoteSubnets: [prefixOfText("10.0.0.0/16")],
      life: { ...DEFAULT_LIFE, ...settings.eroute?.life, start: "on-traffic" },
    };
    const plan = { ...planOf({}, { eroutes: [base], users: [] }), intermediatePpk };
    return settings.plan?.(name, plan) ?? plan;
  }
  const octets = (text: string) => new TextEncoder().encode(text);
  const ppk = settings.withPpk === true ? { id: octets(PPK_ID), key: octets(PPK) } : undefined;
  const users = [{ name: peer.peerId, psk: octets(PASSWORD), ppk }];
  const plan = { ...planOf({}, { egroups: [], eroutes: [eroute], users }), intermediatePpk };
  return settings.plan?.(name, plan) ?? plan;
}
