/**
 * Connects two sites that exist in memory only, so that the code of a connection has run when the
 * first real site calls: code that runs for the first time takes ten times as long, and is compiled
 * again and again until it has run some thousand times.
 */

import { type Concentrator, createConcentrator } from "../concentrator/concentrator.ts";
import { wipeRequest } from "../concentrator/dataplane/request.ts";
import type { Effect } from "../concentrator/effect.ts";
import type { Event } from "../concentrator/event.ts";
import { readConfig } from "../config/config.ts";
import {
  type KeyExchangeRequest,
  type KeyExchangeResult,
  keyExchangeFor,
  performKeyExchange,
} from "../crypto/key-exchange.ts";
import type { PeerRow } from "../eroute/row.ts";
import { type Address, equalAddress, parseAddress } from "../inet/address.ts";
import type { Path } from "../inet/endpoint.ts";
import { now } from "../linux/clock.ts";
import { err, ok } from "../octets/result.ts";

type Site = { readonly address: Address; readonly concentrator: Concentrator };

/** Before the start; what these leave cold is compiled while nobody calls. */
const ROUNDS = 2;
/** Afterwards, of which a storm of new sites is spared the most. */
const IDLE_ROUNDS = 60;
/** However far it has come by then: a slow router has other things to do. */
const IDLE_MS_MAX = 3_000;
/** Sites that call after a start come in this time, and it costs programs that soon end nothing. */
const IDLE_AFTER_MS = 10_000;
/** One slice, and the pause after it: other work of this machine goes on. */
const SLICE_MS = 2;
const PAUSE_MS = 30;
/** Sites that call need the time themselves, and have the same effect. */
const QUIET_MS = 500;
/** Datagrams of five hundred connections: after them nothing that they run is cold. */
const DATAGRAMS_ENOUGH = 1_000;
/** Far more steps than the conversation has. */
const EVENTS_MAX = 2_000;

export type IdleWarmUp = {
  /** Conversations that are over. */
  readonly rounds: number;
  /** A datagram has come: not now, and after very many never. */
  onDatagram(): void;
  stop(): void;
};

/**
 * Goes on with it in short slices, after `afterMs` and whenever no site has called for a moment;
 * then it is over. It is needless once very many have called.
 */
export function warmUpWhileIdle(
  onFault: (fault: unknown) => void,
  afterMs = IDLE_AFTER_MS,
): IdleWarmUp {
  let isQuiet = true;
  let round = 0;
  let spentMs = 0;
  let datagrams = 0;
  let steps: ReturnType<typeof conversation> | undefined;
  let timer: ReturnType<typeof setTimeout>;
  const wait = (ms: number) => {
    timer = setTimeout(work, ms);
    timer.unref();
  };
  const work = () => {
    if (!isQuiet) {
      isQuiet = true;
      return wait(QUIET_MS);
    }
    try {
      const begun = now();
      while (now() < begun + SLICE_MS && round < IDLE_ROUNDS) {
        steps ??= conversation();
        if (steps.next().done !== true) continue;
        steps = undefined;
        round++;
      }
      spentMs += now() - begun;
      if (spentMs < IDLE_MS_MAX && round < IDLE_ROUNDS) return wait(PAUSE_MS);
      // Its sites are no longer needed.
      steps = undefined;
    } catch (fault) {
      onFault(fault);
    }
  };
  const stop = () => {
    clearTimeout(timer);
    steps = undefined;
  };
  wait(afterMs);
  return {
    get rounds() {
      return round;
    },
    onDatagram() {
      isQuiet = false;
      if (++datagrams === DATAGRAMS_ENOUGH) stop();
    },
    stop,
  };
}

/**
 * Takes some tens of milliseconds, sends nothing, leaves nothing behind. Returns what went wrong,
 * undefined if nothing did: a bug in here costs speed, and never the start.
 */
export function warmUp(): unknown {
  try {
    for (let round = 0; round < ROUNDS; round++) {
      if (!converse()) return "the warm-up did not connect its sites";
    }
    return undefined;
  } catch (fault) {
    return fault;
  }
}

function converse(): boolean {
  const steps = conversation();
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/**
 * One site connects and rekeys, another one has a wrong key, and both end; a step is one event.
 * Returns whether the first was connected.
 */
function* conversation(): Generator<undefined, boolean> {
  const [here, site, stranger] = [
    siteOf("192.0.2.1", CONCENTRATOR),
    siteOf("192.0.2.2", callerText("site-1", "a secret of nobody")),
    siteOf("192.0.2.3", callerText("site-2", "a wrong one")),
  ];
  if (here === undefined || site === undefined || stranger === undefined) return false;
  const sites = [here, site, stranger];
  const connect = { kind: "connect", peerId: "here" } as const;
  yield* pump(sites, site, connect);
  const isUp = here.concentrator.snapshot().isConnected("site-1");
  for (const of of ["children", "ike"] as const) {
    yield* pump(sites, site, { kind: "rekey", peerId: "here", of });
    yield* pump(sites, here, { kind: "rekey", peerId: "site-1", of });
  }
  yield* pump(sites, stranger, connect);
  const path = pathTo(stranger, here);
  yield* pump(sites, here, { kind: "datagram", octets: new Uint8Array(64).fill(1), path });
  yield* pump(sites, site, { kind: "disconnect", peerId: "here" });
  return isUp;
}

function siteOf(address: string, text: string): Site | undefined {
  const parsed = parseAddress(address);
  const files = {
    readSecret: (secret: string) => ok(secret),
    wallMs: () => 0,
    env: () => undefined,
  };
  const config = readConfig(text, files, "warm-up");
  if (parsed === undefined || !config.ok) return undefined;
  const concentrator = createConcentrator({ plan: config.value.plan, now: now(), random });
  concentrator.handle({ kind: "addresses", local: [parsed] }, now());
  return { address: parsed, concentrator };
}

const CONCENTRATOR = `
[[egroup]]
name = "sites"
database = "sqlite:/nowhere"
[[eroute]]
name = "fleet"
egroup = "sites"
peerid = "site-*"
ourid = "here"
local_subnet = "10.0.0.0/16"
remote_subnet = "192.168.0.0/16"
`;

/** Its row, whichever site it is. Nothing of it is secret: it opens nothing. */
function rowOf(peerid: string): PeerRow {
  const rest = { remmsk: null, peerip: null, bakpeerip: null, ourid: null };
  return { peerid, password: "a secret of nobody", remip: "192.168.1.0/24", ...rest };
}

function callerText(name: string, secret: string): string {
  return `
[[eroute]]
name = "home"
peerid = "here"
peerip = "192.0.2.1"
ourid = "${name}"
local_subnet = "192.168.1.0/24"
remote_subnet = "10.0.0.0/16"
[[user]]
name = "here"
password_file = "${secret}"
`;
}

/** Delivers one event, and all that immediately follows from it at each end. */
function* pump(sites: readonly Site[], site: Site, event: Event): Generator<undefined, undefined> {
  const waiting: { readonly at: Site; readonly event: Event }[] = [{ at: site, event }];
  for (let count = 0; count < EVENTS_MAX; count++) {
    const next = waiting.shift();
    if (next === undefined) return undefined;
    for (const effect of next.at.concentrator.handle(next.event, now())) {
      const answer = answerOf(sites, next.at, effect);
      if (answer !== undefined) waiting.push(answer);
    }
    yield;
  }
  return undefined;
}

function answerOf(
  sites: readonly Site[],
  at: Site,
  effect: Effect,
): { readonly at: Site; readonly event: Event } | undefined {
  switch (effect.kind) {
    case "send": {
      const to = sites.find(({ address }) => equalAddress(address, effect.path.remote.address));
      if (to === undefined) return undefined;
      const { octets, path } = effect;
      const arrived = { local: path.remote, remote: path.local };
      return { at: to, event: { kind: "datagram", octets: octets.slice(), path: arrived } };
    }
    case "resolve": {
      const remote = parseAddress(effect.host);
      const ends = remote === undefined ? [] : [{ local: at.address, remote }];
      return { at, event: { kind: "resolved", resolve: effect.resolve, result: ok(ends) } };
    }
    case "kernel":
      wipeRequest(effect.op);
      return {
        at,
        event: { kind: "kernel-answer", request: effect.request, result: ok(undefined) },
      };
    case "key-exchange": {
      const result = quickKeyExchange(effect.op);
      return { at, event: { kind: "key-exchange-answer", request: effect.request, result } };
    }
    case "look-up": {
      const rows = effect.by.by === "peerid" ? [rowOf(effect.by.peerid)] : [];
      return { at, event: { kind: "peer-rows", lookup: effect.lookup, result: ok(rows) } };
    }
    case "signature": {
      const result = err({ kind: "signature-failed", detail: "nothing is signed here" } as const);
      return { at, event: { kind: "signature-answer", request: effect.request, result } };
    }
    default:
      return undefined;
  }
}

/** ML-KEM would take longer than everything else, and other code carries it out later. */
function quickKeyExchange(op: KeyExchangeRequest): KeyExchangeResult {
  const method = keyExchangeFor(op.method);
  if (method?.kind !== "ml-kem") return performKeyExchange(op);
  const octets = op.op === "offer" ? method.publicOctets : method.answerOctets;
  const publicValue = new Uint8Array(op.op === "derive" ? 0 : octets);
  return ok({ publicValue, sharedSecret: new Uint8Array(op.op === "offer" ? 0 : 32) });
}

function pathTo(from: Site, to: Site): Path {
  return {
    local: { address: to.address, port: 500 },
    remote: { address: from.address, port: 500 },
  };
}

function random(octets: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(octets));
}
