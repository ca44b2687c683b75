/**
 * A peer refuses new keys: each request differs from the one before, and the next rekey begins with
 * the one that succeeded.
 */

import { expect, test } from "bun:test";
import { DEFAULT_ESP_SUITES, DEFAULT_IKE_SUITES } from "../../src/crypto/default-suites.ts";
import type { Suite } from "../../src/crypto/suite.ts";
import { Ke } from "../../src/crypto/transform.ts";
import { NotifyType } from "../../src/wire/v2/notify-type.ts";
import { type EndsSettings, established } from "./ends.ts";
import {
  grant,
  type Request,
  refusalBy,
  type Script,
  type ScriptedPeer,
  scriptedPeer,
  wants,
} from "./scripted-peer.ts";

const no = (): ReturnType<Script> => refusalBy(NotifyType.NO_PROPOSAL_CHOSEN);

/** Peers of all kinds of policies; the IKE SA has X25519. */
const PEERS: Readonly<Record<string, { readonly script: Script; readonly asksMax: number }>> = {
  "takes the group of the IKE SA only": {
    script: (request) => (request.method === Ke.X25519 ? grant(request) : no()),
    asksMax: 1,
  },
  "asks for MODP_2048": {
    script: (request) => (request.method === Ke.MODP_2048 ? grant(request) : wants(Ke.MODP_2048)),
    asksMax: 2,
  },
  "takes ECP_384 only, and does not say so": {
    script: (request) => (request.method === Ke.ECP_384 ? grant(request) : no()),
    asksMax: 4,
  },
  "cannot choose among groups": {
    script: (request) => (request.groups.length === 1 ? grant(request) : no()),
    asksMax: 2,
  },
  "asks for a group, and refuses it as well": {
    script: ({ method, ...request }) =>
      method === Ke.ECP_521 ? grant({ method, ...request }) : wants(Ke.MODP_2048),
    asksMax: 5,
  },
  "has no key exchange, and refuses all groups": {
    script: (request) => (request.method === Ke.NONE ? grant(request) : no()),
    asksMax: 9,
  },
};

for (const [peer, { script, asksMax }] of Object.entries(PEERS)) {
  test(`a peer that ${peer}: its Child SA is rekeyed, and the next time at once`, () => {
    const scene = scriptedPeer(script, WITH_GROUPS);
    const old = childOf(scene);
    rekeyChild(scene);
    expect(childOf(scene)).not.toBe(old);
    expect(scene.requests.length).toBeLessThanOrEqual(asksMax);
    expectNoneTwice(scene.requests);
    const worked = scene.requests.at(-1);
    scene.requests.splice(0);
    rekeyChild(scene);
    expect(scene.requests.map(({ method }) => method)).toEqual([worked?.method ?? -1]);
    expect(effectsOf(scene, "reauthenticate")).toBe(0);
  });
}

test("an eroute that insists on a key exchange never asks without one", () => {
  const suites = [{ ...GCM, ke: [Ke.X25519, Ke.ECP_256] }];
  const scene = scriptedPeer(no, withSuites(suites, DEFAULT_IKE_SUITES));
  rekeyChild(scene);
  expect(scene.requests.map(({ method }) => method)).not.toContain(Ke.NONE);
  expect(scene.requests.flatMap(({ groups }) => groups)).not.toContain(Ke.NONE);
});

test("an eroute whose first choice is no key exchange begins without", () => {
  const suites = [{ ...GCM, ke: [Ke.NONE, Ke.X25519] }];
  const scene = scriptedPeer(grant, withSuites(suites, DEFAULT_IKE_SUITES));
  rekeyChild(scene);
  expect(scene.requests.map(({ method }) => method)).toEqual([Ke.NONE]);
});

test("a peer that will not rekey a Child SA but grants a new one: the new one replaces it", () => {
  const script: Script = (request) =>
    request.isRekey ? refusalBy(NotifyType.TS_UNACCEPTABLE) : grant(request);
  const scene = scriptedPeer(script, WITH_GROUPS);
  const old = childOf(scene);
  rekeyChild(scene);
  expect(established(scene.ends.a).children.length).toBe(1);
  expect(childOf(scene)).not.toBe(old);
  expect(scene.requests.map(({ isRekey }) => isRekey)).toEqual([true, false]);
});

for (const notify of [NotifyType.NO_ADDITIONAL_SAS, NotifyType.INVALID_SYNTAX, 9_999]) {
  test(`a peer that answers ${notify} to everything is called, and asked ever less often`, () => {
    const scene = scriptedPeer(() => refusalBy(notify), WITH_GROUPS);
    rekeyChild(scene);
    expect(effectsOf(scene, "reauthenticate")).toBe(1);
    expect(notesOf(scene)).toContain("rekey-refused");
    expectNoneTwice(scene.requests);
    const inRound = scene.requests.length;
    scene.advance(600_000);
    // Waits of 5 to 10 s, each time four times as long.
    expect(scene.requests.length).toBeLessThanOrEqual(5 * inRound);
    expect(scene.requests.length).toBeGreaterThan(inRound);
    // All the same its Child SA carries packets until its keys expire.
    expect(established(scene.ends.a).children.length).toBe(1);
  });
}

test("the last Child SA ends without a successor: its IKE SA ends too, and the site calls", () => {
  const scene = scriptedPeer(() => refusalBy(NotifyType.NO_ADDITIONAL_SAS), WITH_GROUPS);
  rekeyChild(scene);
  const spiIn = childOf(scene);
  scene.ends.feed(scene.ends.a, { kind: "close-child", spiIn });
  const ended = scene.ends.a.effects.filter(({ kind }) => kind === "ended");
  expect(ended).toMatchObject([{ reason: { kind: "we-deleted", why: "keys-refused" } }]);
});

test("after TEMPORARY_FAILURE, and only then, the same request is repeated after a while", () => {
  let busy = 3;
  const script: Script = (request) =>
    busy-- > 0 ? refusalBy(NotifyType.TEMPORARY_FAILURE) : grant(request);
  const scene = scriptedPeer(script, WITH_GROUPS);
  const old = childOf(scene);
  rekeyChild(scene);
  expect(scene.requests.length).toBe(1);
  scene.advance(31_000);
  expect(scene.requests.map(({ method }) => method)).toEqual(new Array(4).fill(Ke.X25519));
  expect(childOf(scene)).not.toBe(old);
});

for (const of of ["child", "ike"] as const) {
  test(`§2.25: a peer that stays busy for minutes is called again (${of})`, () => {
    const scene = scriptedPeer(() => refusalBy(NotifyType.TEMPORARY_FAILURE), WITH_GROUPS);
    if (of === "child") rekeyChild(scene);
    else rekeyIke(scene);
    scene.advance(170_000);
    expect(effectsOf(scene, "reauthenticate")).toBe(0);
    scene.advance(30_000);
    expect(effectsOf(scene, "reauthenticate")).toBe(1);
  });
}

test("CHILD_SA_NOT_FOUND: the Child SA is removed here too, and a new one replaces it", () => {
  const script: Script = (request) =>
    request.isRekey ? refusalBy(NotifyType.CHILD_SA_NOT_FOUND) : grant(request);
  const scene = scriptedPeer(script, WITH_GROUPS);
  const old = childOf(scene);
  rekeyChild(scene);
  expect(scene.requests.map(({ isRekey }) => isRekey)).toEqual([true, false]);
  expect(childOf(scene)).not.toBe(old);
});

test("an IKE SA whose group the peer no longer accepts is rekeyed with another one", () => {
  for (const script of [
    (request: Request) => (request.method === Ke.ECP_384 ? grant(request) : wants(Ke.ECP_384)),
    (request: Request) => (request.method === Ke.ECP_256 ? grant(request) : no()),
    (request: Request) => (request.groups.length === 1 ? grant(request) : no()),
  ]) {
    const scene = scriptedPeer(script, WITH_GROUPS);
    rekeyIke(scene);
    expect(scene.requests.length).toBeLessThanOrEqual(3);
    expectNoneTwice(scene.requests);
    expect(notesOf(scene)).toContain("ike-sa-rekeyed");
  }
});

test("an IKE SA that the peer will not rekey in any way: the peer is called in time", () => {
  const scene = scriptedPeer(no, WITH_GROUPS);
  rekeyIke(scene);
  expect(effectsOf(scene, "reauthenticate")).toBe(1);
  expectNoneTwice(scene.requests);
  const inRound = scene.requests.length;
  scene.advance(300_000);
  expect(scene.requests.length).toBeLessThanOrEqual(5 * inRound);
});

const [GCM] = DEFAULT_ESP_SUITES as readonly [Suite, ...Suite[]];
const GROUPS = [Ke.X25519, Ke.ECP_256, Ke.ECP_384, Ke.ECP_521, Ke.MODP_2048];
const WITH_GROUPS = withSuites(
  DEFAULT_ESP_SUITES.map((suite) => ({ ...suite, ke: [...GROUPS, Ke.NONE] })),
  DEFAULT_IKE_SUITES.map((suite) => ({ ...suite, ke: GROUPS })),
);

function withSuites(suites: readonly Suite[], ikeSuites: readonly Suite[]): EndsSettings {
  return {
    credentials: (_, own) => ({ ...own, policy: { ...own.policy, suites, ikeSuites } }),
  };
}

function rekeyChild(scene: ScriptedPeer): void {
  scene.ends.feed(scene.ends.a, { kind: "rekey-child", spiIn: childOf(scene) });
  scene.converse();
}

function rekeyIke(scene: ScriptedPeer): void {
  scene.ends.feed(scene.ends.a, { kind: "rekey-ike" });
  scene.converse();
}

function childOf({ ends }: ScriptedPeer): number {
  return established(ends.a).children.at(-1)?.spiIn ?? 0;
}

function effectsOf({ ends }: ScriptedPeer, kind: string): number {
  return ends.a.effects.filter((effect) => effect.kind === kind).length;
}

function notesOf({ ends }: ScriptedPeer): readonly string[] {
  return ends.a.effects.flatMap((effect) => (effect.kind === "note" ? [effect.note.reason] : []));
}

/** No request is made twice. */
function expectNoneTwice(requests: readonly Request[]): void {
  const texts = requests.map(({ of, isRekey, method, groups }) =>
    JSON.stringify({ of, isRekey, method, groups }),
  );
  expect(texts).toEqual([...new Set(texts)]);
}
