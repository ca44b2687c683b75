/** A pair's life, drawn from a seed: weather, faults, and what operators and kernels do. */

import { Ke } from "../../../src/crypto/transform.ts";
import { DEFAULT_AUTH, DEFAULT_CHILD, DEFAULT_LIFE } from "../../../src/eroute/defaults.ts";
import type { EroutePlan, NormalEroute } from "../../../src/eroute/eroute.ts";
import { type Address, formatAddress } from "../../../src/inet/address.ts";
import type { XfrmPolicy } from "../../../src/xfrm/policy.ts";
import type { ModelState } from "../kernel.ts";
import { ESP_SUITE, IKE_SUITE } from "../plan.ts";
import { createPrng, type Prng } from "../prng.ts";
import { TOY_ANCHORS, toyKey } from "../toy-signature.ts";
import type { End } from "./end.ts";
import { judgeEmpty, judgeFlowing, judgeSettled } from "./judge.ts";
import { FINE, layPair, type Pair, type PairSettings, type Weather } from "./pair.ts";
import { startTraffic, type Traffic } from "./traffic.ts";
import { drawVersions, mayUseIkev1, type PairVersions, withVersions } from "./versions.ts";

export type Life = {
  readonly pair: Pair;
  readonly traffic: Traffic;
  readonly complaints: readonly string[];
};

/** Packets of the longest round trip. */
const EARLY_MAX = 12;

/** Seven copies of a request, with all of them or their answers lost, do not happen. */
const MILD_LOSS = 0.05;
const UP_MS = 10_000;
const DUST_MS = 1_200_000;
const SETTLING_SHARE = 0.01;

/** Lives it to its end; violations are in `complaints`. */
export function livePair(seed: number): Life {
  const prng = createPrng(seed).fork("life");
  const settings = draw(seed, prng);
  const isLossless = settings.weather.loss === 0 && settings.weather.late === 0;
  let faulty = prng.chance(0.2) ? 0.05 : 0;
  const faults = prng.fork("kernel");
  let successionShare = createPrng(seed).fork("succession share").pick([0, 0.01, 0.1]);
  const crashes = createPrng(seed).fork("crashes").chance(0.4);
  const suites = drawSuites(createPrng(seed).fork("suites"));
  const versions = drawVersions(createPrng(seed).fork("versions"), settings.isNatted === true);
  const pair = layPair({
    ...settings,
    faults: ({ op }) => (op.startsWith("new") && faults.chance(faulty) ? ENOMEM : undefined),
    failsSignature: () => faults.chance(faulty),
    // What is reread without a process of its own would have the epochs of the next one.
    rereadShare: crashes ? 0 : createPrng(seed).fork("reread share").pick([0, 0.01, 0.2]),
    crashes,
    get successionShare() {
      return successionShare;
    },
    auth: drawAuth(createPrng(seed).fork("auth")),
    ...suites,
    ...(versions === undefined ? {} : ofVersions(versions, settings, suites)),
  });
  const until = 1_000 + prng.between(20_000, 120_000);
  // An end behind a NAT can only call.
  const caller = settings.isNatted === true ? pair.b : pair.a;
  pair.feed(caller, { kind: "connect", peerId: caller.peerId });
  // The first packets may overtake the answer that brings up the other end; they do not count.
  let at = 1_000 + UP_MS;
  pair.runUntil(at);
  let isRough = faulty > 0 || judgeSettled(pair).length > 0;
  const traffic = startTraffic(pair, prng.pick([100, 500]), until);
  const isQuiet = prng.chance(0.4);
  while (at < until) {
    at += prng.between(0, 8_000);
    pair.runUntil(Math.min(at, until));
    isRough = act(pair, prng, isQuiet) || isRough;
  }
  faulty = 0;
  pair.weather = FINE;
  pair.isCut = false;
  // A negotiation does not outlive its process: one of many messages would hardly ever succeed.
  const hasManyMessages = suites.plan !== undefined || versions !== undefined;
  if (hasManyMessages) successionShare = Math.min(successionShare, SETTLING_SHARE);
  const judge = versions !== undefined && mayUseIkev1(versions) ? judgeFlowing : judgeSettled;
  const complaints = [...settle(pair, caller, judge)];
  // A process that ends in the middle of a Quick Mode forgets it: the other end sends too early.
  const isEarly = judge === judgeFlowing && successionsOf(pair) > 0;
  const lostMax = isEarly ? EARLY_MAX : 0;
  if (isLossless && !isRough && traffic.lost + traffic.blocked > lostMax) {
    const { lost, blocked, sent } = traffic;
    complaints.push(`${lost} of ${sent} packets lost, ${blocked} without an SA`);
  }
  const isMild = settings.weather.loss <= MILD_LOSS && settings.isNatted !== true;
  if (isMild && !isRough && pair.reasons.has("peer-silent")) {
    complaints.push("an end counted as gone, although nearly nothing was lost");
  }
  // Who is killed while it says goodbye has a successor that goes on.
  if (crashes) successionShare = 0;
  if (complaints.length === 0) complaints.push(...end(pair, prng));
  if (pair.ivs.repeats.length > 0) complaints.push(`used twice: IV ${pair.ivs.repeats[0]}`);
  return { pair, traffic, complaints };
}

/** The seed, what was drawn, and the last things that happened. */
export function reportOf(seed: number, { pair, complaints }: Life): string {
  const replay = `replay: SEED=${seed} bun test ./test/simulation/pair/seeds.test.ts`;
  return [`seed ${seed}: ${complaints.join("; ")}`, replay, ...pair.log.slice(-LINES)].join("\n");
}

/** The whole log if one seed is replayed. */
const LINES = Number(process.env.LOG ?? (process.env.SEED ? 1_000_000 : 50));
const ENOMEM = 12;

function draw(seed: number, prng: Prng): PairSettings {
  const weather: Weather = prng.chance(0.3)
    ? FINE
    : {
        delayMs: prng.pick<readonly [number, number]>([
          [1, 5],
          [5, 80],
          [50, 600],
        ]),
        loss: prng.pick([0, 0.02, 0.05, 0.3]),
        doubled: prng.pick([0, 0.1]),
        late: prng.pick([0, 0, 0.05]),
      };
  const eroute: Partial<NormalEroute> = {
    livenessMs: prng.pick([undefined, 5_000, 30_000]),
    child: { ...DEFAULT_CHILD, lifetimeSeconds: prng.pick([20, 30, 3_600]) },
    life: {
      ...DEFAULT_LIFE,
      ikeLifetimeMs: prng.pick([25_000, 40_000, 3_600_000]),
      start: prng.pick(["on-traffic", "always"] as const),
      uniqueness: prng.chance(0.1) ? "keep" : "replace",
      followRedirect: prng.chance(0.5),
    },
  };
  const lateShare = prng.pick([0, 0, 0.3]);
  const ofPpk = prng.fork("ppk");
  const withPpk = ofPpk.chance(0.3);
  // Both ends have the same PPK: whatever the rule, it is used.
  const ppk = withPpk ? ofPpk.pick(["if-set", "optional", "required"] as const) : "if-set";
  return {
    ...{ seed, weather, withPpk, withIntermediatePpk: withPpk && ofPpk.chance(0.5) },
    eroute: { ...eroute, ppk },
    isDynamic: prng.chance(0.4),
    isNatted: prng.chance(0.25),
    lateMs: (late) => (late.chance(lateShare) ? late.between(0, 300) : undefined),
  };
}

/** In some worlds both ends have additional key exchanges (RFC 9370), or one end has. */
function drawSuites(prng: Prng): Pick<PairSettings, "plan"> {
  const kind = prng.pick(["none", "none", "demanded", "optional", "mixed"] as const);
  if (kind === "none") return {};
  const methods = prng.pick<readonly number[]>([
    [Ke.ML_KEM_768],
    [Ke.ML_KEM_1024, Ke.ECP_384],
    [Ke.MODP_2048],
  ]);
  const lists = methods.map((id) => (kind === "optional" ? [id, Ke.NONE] : [id]));
  const ke = prng.pick([[Ke.X25519], [Ke.X25519, Ke.NONE]]);
  const able = {
    ike: [{ ...IKE_SUITE, additional: lists }],
    esp: [{ ...ESP_SUITE, ke, additional: lists }],
  };
  const unable = { ike: [IKE_SUITE], esp: [{ ...ESP_SUITE, ke }] };
  const mixed = { ike: [...unable.ike, ...able.ike], esp: [...able.esp, ...unable.esp] };
  const isUnable = kind !== "demanded" && prng.chance(0.5);
  const first = kind === "mixed" ? mixed : able;
  const second = isUnable ? unable : first;
  const [a, b] = prng.chance(0.5) ? [first, second] : [second, first];
  const plan = (end: "a" | "b", given: EroutePlan): EroutePlan => {
    const eroutes = given.eroutes.map((eroute) => ({ ...eroute, ...(end === "a" ? a : b) }));
    return { ...given, eroutes };
  };
  return { plan };
}

/** IKEv1 knows of no PPK, and a pair with it authenticates with pre-shared keys. */
function ofVersions(
  versions: PairVersions,
  { eroute }: PairSettings,
  { plan }: Pick<PairSettings, "plan">,
): Partial<PairSettings> {
  const { child = DEFAULT_CHILD, life = DEFAULT_LIFE } = eroute ?? {};
  const { lifetimeSeconds = 0 } = child;
  const ikeLifetimeMs = life.ikeLifetimeMs * LONGER;
  return {
    ...{ withPpk: false, withIntermediatePpk: false, auth: () => DEFAULT_AUTH },
    eroute: {
      ...eroute,
      ...{ ppk: "if-set", child: { ...child, lifetimeSeconds: lifetimeSeconds * LONGER } },
      life: { ...life, ikeLifetimeMs },
    },
    plan: (end, given) => withVersions(plan?.(end, given) ?? given, versions[end]),
  };
}

/** What replaces an SA of IKEv1 is not used before the peer has it: rekeys take 15 seconds. */
const LONGER = 3;

/** Each end authenticates in its own way; the other accepts that way, or both ways. */
function drawAuth(prng: Prng): NonNullable<PairSettings["auth"]> {
  const anchors = TOY_ANCHORS;
  const hasCertificate = { a: prng.chance(0.4), b: prng.chance(0.4) };
  const takesBoth = { a: prng.chance(0.3), b: prng.chance(0.3) };
  return (end) => {
    const other = end === "a" ? "b" : "a";
    const own = hasCertificate[end]
      ? ({ kind: "signature", key: toyKey(`end-${end}`) } as const)
      : ({ kind: "psk" } as const);
    if (takesBoth[end]) return { own, peer: { kind: "either", anchors } };
    return hasCertificate[other]
      ? { own, peer: { kind: "certificate", anchors } }
      : { own, peer: { kind: "psk" } };
  };
}

/** Something happens; true if packets may be lost by it, which is never so in a quiet life. */
function act(pair: Pair, prng: Prng, isQuiet: boolean): boolean {
  const end = prng.chance(0.5) ? pair.a : pair.b;
  const { peerId } = end;
  switch (prng.between(0, 11)) {
    case 0:
      pair.feed(end, { kind: "connect", peerId });
      return false;
    case 1:
      if (isQuiet || !prng.chance(0.3)) return false;
      pair.feed(end, { kind: "disconnect", peerId });
      return true;
    case 2:
    case 3:
    case 4:
      both(pair, prng, (one) => expire(pair, one, prng, false));
      return false;
    case 5:
      if (isQuiet) return false;
      expire(pair, end, prng, true);
      return true;
    case 6: {
      if (isQuiet || !prng.chance(0.3)) return false;
      pair.isCut = true;
      const healed = pair.now() + prng.between(500, 100_000);
      pair.schedule.plan(healed, () => {
        pair.isCut = false;
      });
      return true;
    }
    case 7:
    case 8:
      both(pair, prng, (one) => acquire(pair, one));
      return false;
    case 9:
      both(pair, prng, (one) =>
        pair.feed(one, { kind: "rekey", peerId: one.peerId, of: prng.pick(["ike", "children"]) }),
      );
      return false;
    case 10:
      if (isQuiet) return false;
      pair.rebind();
      return true;
    case 11:
      if (isQuiet) return false;
      // There is no third end: it comes back to what it believes to be another gateway.
      pair.feed(end, { kind: "redirect", peerId, to: gatewayAt(end.address) });
      return true;
    default:
      return false;
  }
}

function gatewayAt(address: Address) {
  return { host: formatAddress(address), address };
}

/** At one end, or at both within a few ms. */
function both(pair: Pair, prng: Prng, run: (end: End) => void): void {
  const [first, second] = prng.chance(0.5) ? [pair.a, pair.b] : [pair.b, pair.a];
  run(first);
  if (prng.chance(0.6)) pair.schedule.plan(pair.now() + prng.below(150), () => run(second));
}

/** A limit of a state is reached: a soft one asks for new keys, a hard one ends it. */
function expire(pair: Pair, end: End, prng: Prng, isHard: boolean): void {
  const states = [...end.kernel.states.values()];
  const model = states[prng.below(Math.max(1, states.length))];
  if (model === undefined) return;
  if (isHard) {
    const event = end.kernel.expire(model);
    if (event !== undefined) pair.feed(end, { kind: "expire", expire: event });
    return;
  }
  const { id, reqid } = model.state;
  pair.feed(end, { kind: "expire", expire: { id, reqid, hard: false } });
}

/** A packet finds no state. */
function acquire(pair: Pair, end: End): void {
  const policy = [...end.kernel.policies.values()].find(({ id }) => id.direction === "out");
  if (policy === undefined || hasState(end, policy)) return;
  const { selector } = policy.id;
  const packet = { ...selector };
  const { template } = policy;
  if (template === undefined) return;
  const { src, dst, reqid } = template;
  pair.feed(end, { kind: "acquire", acquire: { src, dst, reqid, packet, policy: policy.id } });
}

function hasState(end: End, { template }: XfrmPolicy): boolean {
  const isOf = ({ state }: ModelState) => state.reqid === template?.reqid;
  return [...end.kernel.states.values()].some(isOf);
}

/** Runs until all is well, or twenty minutes have passed. */
function settle(
  pair: Pair,
  caller: End,
  judge: (pair: Pair) => readonly string[],
): readonly string[] {
  const until = pair.now() + DUST_MS;
  let complaints: readonly string[] = ["nothing has settled"];
  for (let round = 0; pair.now() < until; round++) {
    // As packets would do now and then.
    if (round % 30 === 0) {
      pair.feed(caller, { kind: "connect", peerId: caller.peerId });
      const other = caller === pair.a ? pair.b : pair.a;
      if (isChildless(other)) pair.feed(other, { kind: "connect", peerId: other.peerId });
    }
    pair.runUntil(pair.now() + 1_000);
    complaints = judge(pair);
    if (complaints.length === 0) return [];
  }
  return complaints;
}

function successionsOf({ a, b }: Pair): number {
  return a.succession.successions() + b.succession.successions();
}

/** The other end may not know that it is: with IKEv1 nobody answers a Delete. */
function isChildless({ concentrator }: End): boolean {
  const [view] = concentrator.snapshot().eroutes(0, 1);
  return view?.ikeSas[0]?.version === 1 && view.childSas.length === 0;
}

/** Both ends shut down, one after the other or at once: nothing is left. */
function end(pair: Pair, prng: Prng): readonly string[] {
  pair.feed(pair.a, { kind: "shutdown" });
  pair.schedule.plan(pair.now() + prng.pick([0, 5, 5_000]), () =>
    pair.feed(pair.b, { kind: "shutdown" }),
  );
  pair.runUntil(pair.now() + 60_000);
  return judgeEmpty(pair);
}
