/** What a seed decides before a world begins: its limits, its failures, its inhabitants. */

import { DEFAULT_CHILD } from "../../src/eroute/defaults.ts";
import type { Eroute, ErouteAuth, EroutePlan, IkeVersions } from "../../src/eroute/eroute.ts";
import { IKEV1_ESP_SUITE, IKEV1_IKE_SUITE } from "./ikev1-suites.ts";
import { drawWeather, type NetworkWeather } from "./network.ts";
import { BASE_EROUTE, NORMAL_EROUTE, planOf } from "./plan.ts";
import type { Prng } from "./prng.ts";
import { TOY_ANCHORS, toyKey } from "./toy-signature.ts";

/** The kind of a site in the world. */
export type Character =
  | "good"
  /** A normal eroute with a local user. */
  | "lab"
  /** Asks for everything, and must get only its own subnet. */
  | "wide"
  | "wrong-key"
  | "no-row"
  | "unknown-id"
  /** Starts, and never continues. */
  | "half-open"
  /** Sends noise, and other sites' datagrams, whole and damaged. */
  | "noise";

export type Climate = {
  readonly plan: EroutePlan;
  readonly weather: NetworkWeather;
  readonly characters: readonly Character[];
  /** Eroutes allow IKEv1 beside IKEv2, and some sites speak it. */
  readonly ikev1: boolean;
  /** For how long sites act freely. */
  readonly activeMs: number;
  readonly actEveryMs: number;
  /** Sites behind one NAT, which draw SPIs from a few. */
  readonly isNatted: boolean;
  readonly kernelFailure: number;
  readonly kernelDelay: number;
  readonly lookupMs: number;
  readonly lookupFailure: number;
  readonly rowChange: number;
  readonly keyExchangeDelay: number;
  readonly keyExchangeFailure: number;
  readonly signatureDelay: number;
  readonly signatureFailure: number;
  readonly endsWithShutdown: boolean;
};

/** Draws one. Most worlds have only a few kinds of trouble, so that each kind also occurs alone. */
export function drawClimate(prng: Prng): Climate {
  const sometimes = (probability: number, value: number) => (prng.chance(probability) ? value : 0);
  const actEveryMs = prng.pick([300, 1_000, 4_000]);
  const plan = withAuth(drawPlan(prng), prng.fork("auth"));
  // Aggressive Mode and Main Mode need a pre-shared key at both ends.
  const ikev1 =
    prng.fork("ikev1").chance(0.6) && plan.eroutes.every(({ auth }) => auth.own.kind === "psk");
  return {
    ikev1,
    plan: ikev1 ? withIkev1(plan) : plan,
    weather: drawWeather(prng),
    characters: drawCharacters(prng),
    activeMs: prng.between(5, 30) * actEveryMs,
    actEveryMs,
    isNatted: prng.chance(0.3),
    kernelFailure: sometimes(0.2, 0.05),
    kernelDelay: sometimes(0.2, 0.3),
    lookupMs: prng.pick([0, 5, 100, 3_000]),
    lookupFailure: sometimes(0.2, 0.2),
    rowChange: sometimes(0.3, 0.3),
    keyExchangeDelay: sometimes(0.2, 0.3),
    keyExchangeFailure: sometimes(0.1, 0.1),
    ...drawSignatures(prng.fork("signatures")),
    endsWithShutdown: prng.chance(0.3),
  };
}

function withIkev1(plan: EroutePlan): EroutePlan {
  const v1 = {
    ...({ mode: "both", legacy: false, xauth: false, pushesConfig: false } as const),
    sha256With96Bits: false,
    ...{ ike: [IKEV1_IKE_SUITE], esp: [IKEV1_ESP_SUITE] },
  };
  const versions: IkeVersions = { v2: true, v1 };
  return { ...plan, eroutes: plan.eroutes.map((eroute) => ({ ...eroute, versions })) };
}

function drawSignatures(prng: Prng) {
  return {
    signatureDelay: prng.chance(0.3) ? 0.3 : 0,
    signatureFailure: prng.chance(0.1) ? 0.1 : 0,
  };
}

/** In some worlds sites may have certificates; in some the concentrator has one. */
function withAuth(plan: EroutePlan, prng: Prng): EroutePlan {
  const own: ErouteAuth["own"] = prng.chance(0.3)
    ? { kind: "signature", key: toyKey("concentrator.example") }
    : { kind: "psk" };
  const peer: ErouteAuth["peer"] = prng.chance(0.5)
    ? { kind: "either", anchors: TOY_ANCHORS }
    : { kind: "psk" };
  return { ...plan, eroutes: plan.eroutes.map((eroute) => ({ ...eroute, auth: { own, peer } })) };
}

function drawPlan(prng: Prng): EroutePlan {
  const child = {
    ...DEFAULT_CHILD,
    lifetimeSeconds: prng.pick([10, 30, 3_600]),
    lifetimeOctets: undefined,
    replayWindow: 64,
  };
  const eroutes: Eroute[] = [
    { ...BASE_EROUTE, child },
    { ...NORMAL_EROUTE, child },
  ];
  const isCrowded = prng.chance(0.3);
  return planOf(
    {
      dynamicEroutesMax: isCrowded ? prng.between(1, 4) : 100,
      evictBelowFreePercent: prng.pick([0, 10, 50]),
      evictEveryMs: prng.pick([500, 5_000]),
      halfOpenMax: prng.chance(0.2) ? prng.between(1, 3) : 1_000,
      cookieAbove: prng.chance(0.3) ? prng.between(0, 2) : 100,
      halfOpenMs: prng.pick([3_000, 30_000]),
      unknownIdMs: prng.pick([0, 2_000]),
      lookupMs: 5_000,
    },
    { eroutes },
  );
}

function drawCharacters(prng: Prng): readonly Character[] {
  const characters: Character[] = ["good"];
  const others = prng.between(0, 4);
  for (let i = 0; i < others; i++) {
    characters.push(
      prng.pick([
        ...(["good", "good", "good", "lab", "wide", "wrong-key"] as const),
        ...(["no-row", "unknown-id", "half-open", "noise"] as const),
      ]),
    );
  }
  return characters;
}
