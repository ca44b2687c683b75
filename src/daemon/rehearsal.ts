/**
 * Sites that exist in memory only, and a concentrator that they call: the code of a connection runs
 * without a network, a database and a kernel, and leaves nothing behind.
 *
 * The compiler takes what it has seen for all that there is, such as objects with these properties
 * in this order. Code that meets something else runs slowly until it is compiled again. So what the
 * daemon has around it is made here as it is there, and the sites differ in their habits.
 */

import { type Concentrator, createConcentrator } from "../concentrator/concentrator.ts";
import { wipeRequest } from "../concentrator/dataplane/request.ts";
import type { Effect } from "../concentrator/effect.ts";
import type { Event } from "../concentrator/event.ts";
import type { Config } from "../config/config.ts";
import {
  isSlowKeyExchange,
  type KeyExchangeRequest,
  type KeyExchangeResult,
  keyExchangeFor,
  performKeyExchange,
} from "../crypto/key-exchange.ts";
import type { SignatureResult } from "../crypto/signature.ts";
import { type Address, formatAddress, parseAddress } from "../inet/address.ts";
import type { Path } from "../inet/endpoint.ts";
import { now, wallMs } from "../linux/clock.ts";
import { randomOctets } from "../linux/random.ts";
import { err, ok } from "../octets/result.ts";
import { createBatcher } from "../peers/look-up-batch.ts";
import { createStatistics } from "../peers/statistics.ts";
import type { Selected, Selection } from "../peers/table.ts";
import { createFailureCounts } from "../why/failure-counts.ts";
import { emitXfrmRequest } from "../xfrm/request.ts";
import { createDebugging } from "./debugging.ts";
import { openLog } from "./log.ts";
import { openRecords } from "./open-records.ts";
import { createRecorder } from "./record.ts";
import {
  callerConfig,
  concentratorConfig,
  HERE,
  habitsOf,
  rowOf,
  STRANGER,
} from "./rehearsal-sites.ts";
import { createShell } from "./shell.ts";

export type Rehearsal = {
  /**
   * Delivers a message; if none is on its way, something else happens. It takes a millisecond, when
   * it is new three. Returns whether there was something to do in this turn of the event loop.
   * Throws what went wrong, if anything did: then it is over.
   */
  step(): boolean;
  /** How often a site has connected. */
  readonly connections: number;
  /** How often all sites have called. */
  readonly rounds: number;
  close(): void;
};

/**
 * `callers`: how many sites. `isWhole`: the concentrator has the daemon around it, with journal,
 * log and look-ups, and answers come in later turns of the event loop; otherwise it is alone, and
 * sites do nothing but connect and leave.
 */
export type Cast = {
  readonly callers: number;
  readonly isWhole: boolean;
  /** Half of the sites speak IKEv1. */
  readonly withIkev1?: boolean;
};

/** Somebody with an address. */
type End = {
  readonly address: Address;
  readonly concentrator: Concentrator;
  feed(event: Event): void;
  /** Whether something follows in a later turn of the event loop. */
  isWaiting(): boolean;
  close(): void;
};

/** An event that an end will get. */
type Delivery = { readonly to: string; readonly event: Event };

type Deliver = (delivery: Delivery) => void;

/** Seldom acts, such as rekeys, are on in one of so many rounds. */
const ROUNDS_PER_VARIETY = 16;

/** Nothing has happened yet: the next steps make the ends, one after the other. */
export function createRehearsal(cast: Cast): Rehearsal {
  const stage: Stage = {
    deliveries: [],
    ends: new Map(),
    fault: undefined,
    connections: 0,
    rounds: 0,
  };
  const play = script(stage, cast);
  return {
    step() {
      if (stage.fault !== undefined) throw stage.fault;
      const next = stage.deliveries.shift();
      if (next !== undefined) stage.ends.get(next.to)?.feed(next.event);
      else if (stage.ends.get(HERE)?.isWaiting() === true) return false;
      else play.next();
      return true;
    },
    get connections() {
      return stage.connections;
    },
    get rounds() {
      return stage.rounds;
    },
    close() {
      for (const end of stage.ends.values()) end.close();
    },
  };
}

type Stage = {
  readonly deliveries: Delivery[];
  /** By address. */
  readonly ends: Map<string, End>;
  /** A bug of ours. */
  fault: unknown;
  connections: number;
  rounds: number;
};

type Site = { readonly peerId: string; readonly end: End };

/**
 * One half of the sites connects, then the other one leaves, so that some are at rest while others
 * call. Now and then, if the daemon is there, a site and the concentrator rekey, and a stranger
 * with a wrong key calls.
 */
function* script(
  stage: Stage,
  { callers, isWhole, withIkev1 = false }: Cast,
): Generator<undefined, never> {
  const deliver = (delivery: Delivery) => void stage.deliveries.push(delivery);
  const put = (host: string, end: End): End => {
    stage.ends.set(host, end);
    return end;
  };
  const onBug = (fault: unknown) => {
    stage.fault = fault;
  };
  const config = concentratorConfig(withIkev1);
  const here = put(
    HERE,
    isWhole ? wholeEnd(config, deliver, onBug) : bareEnd(HERE, config, deliver),
  );
  yield;
  const sites: Site[] = [];
  for (let number = 1; number <= callers; number++) {
    const [host, habits] = [`192.0.2.${number + 1}`, habitsOf(number, withIkev1)];
    const end = put(host, bareEnd(host, callerConfig(habits), deliver));
    sites.push({ peerId: habits.peerId, end });
    yield;
  }
  const farAway = "192.0.2.200";
  const stranger = put(farAway, bareEnd(farAway, callerConfig(STRANGER), deliver));
  yield;
  for (;;) {
    for (const parity of [0, 1]) {
      const calling = sites.filter((_, index) => index % 2 === parity);
      for (const { end } of calling) end.feed(CONNECT);
      yield;
      const { concentrator } = here;
      const connected = calling.filter(({ peerId }) => concentrator.snapshot().isConnected(peerId));
      stage.connections += connected.length;
      const [first] = connected;
      if (isWhole && first !== undefined && stage.rounds % ROUNDS_PER_VARIETY === 0) {
        yield* variety(here, first, stranger);
      }
      // Where there is one site alone, it leaves itself.
      for (const { end } of sites.filter((site) => callers === 1 || !calling.includes(site))) {
        end.feed({ kind: "disconnect", peerId: "here" });
      }
      yield;
    }
    stage.rounds++;
  }
}

const CONNECT = { kind: "connect", peerId: "here" } as const;

function* variety(here: End, { peerId, end }: Site, stranger: End): Generator<undefined> {
  for (const of of ["children", "ike"] as const) {
    end.feed({ kind: "rekey", peerId: "here", of });
    yield;
    here.feed({ kind: "rekey", peerId, of });
    yield;
  }
  stranger.feed(CONNECT);
  yield;
  const path = pathTo(stranger, here);
  here.feed({ kind: "datagram", octets: new Uint8Array(64).fill(1), path });
  yield;
}

/** A concentrator alone: what it asks for is answered with the next steps. */
function bareEnd(host: string, config: Config, deliver: Deliver): End {
  const { address, concentrator } = endOf(host, config);
  return {
    address,
    concentrator,
    feed(event) {
      for (const effect of concentrator.handle(event, now())) {
        const delivery = deliveryOf(effect, host, address);
        if (delivery !== undefined) deliver(delivery);
      }
    },
    isWaiting: () => false,
    close: () => undefined,
  };
}

function deliveryOf(effect: Effect, host: string, address: Address): Delivery | undefined {
  switch (effect.kind) {
    case "send":
      return messageOf(effect.octets, effect.path);
    case "resolve": {
      const remote = parseAddress(effect.host);
      const result = ok(remote === undefined ? [] : [{ local: address, remote }]);
      return { to: host, event: { kind: "resolved", resolve: effect.resolve, result } };
    }
    case "kernel": {
      wipeRequest(effect.op);
      const result = ok(undefined);
      return { to: host, event: { kind: "kernel-answer", request: effect.request, result } };
    }
    case "key-exchange": {
      const result = quickKeyExchange(effect.op);
      return { to: host, event: { kind: "key-exchange-answer", request: effect.request, result } };
    }
    case "look-up": {
      const result = ok(effect.by.by === "peerid" ? [rowOf(effect.by.peerid)] : []);
      return { to: host, event: { kind: "peer-rows", lookup: effect.lookup, result } };
    }
    case "signature": {
      const result = notSigned();
      return { to: host, event: { kind: "signature-answer", request: effect.request, result } };
    }
    default:
      return undefined;
  }
}

/** A concentrator with all that the daemon has around it, but for what leaves the process. */
function wholeEnd(config: Config, deliver: Deliver, onBug: (fault: unknown) => void): End {
  const { address, concentrator } = endOf(HERE, config);
  const { journal, attempts } = openRecords(config);
  const recorder = createRecorder({
    journal,
    attempts,
    failures: createFailureCounts(),
    log: openLog({ level: "info", format: "text" }, { write: () => 0, flush: () => 0 }),
    debugging: createDebugging({ nowMs: now, onChange: () => undefined }),
    listeners: new Set(),
    now,
    wallMs,
  });
  const batcher = createBatcher({
    table: { select: async (selection) => ok(selected(selection)) },
    queriesMax: 4,
    waitingMax: 1_024,
    deadlineMs: 5_000,
    source: "rehearsal",
    statistics: createStatistics(),
  });
  let requests = 0;
  const shell = createShell(concentrator, {
    now,
    send: (octets, path) => deliver(messageOf(octets, path)),
    flush: () => undefined,
    lookUp: async (_egroup, by) => batcher.find(by),
    resolve: async () => ok([]),
    kernel: (asked) =>
      asked.map((request) => {
        if (request.op === "new-state" || request.op === "put-policy") {
          emitXfrmRequest(request, requests++).fill(0);
        }
        return ok(undefined);
      }),
    keyExchanger: { perform: quickKeyExchange, close: () => undefined },
    signer: { perform: notSigned },
    save: () => undefined,
    journal: recorder.record,
    onBug,
  });
  shell.feed({ kind: "addresses", local: [address] });
  return {
    address,
    concentrator,
    feed: shell.feed,
    isWaiting: () => shell.isBehind() || concentrator.snapshot().gauges.lookupsWaiting > 0,
    close() {
      shell.close();
      batcher.close();
      recorder.stop();
    },
  };
}

function endOf(host: string, { plan }: Config): Pick<End, "address" | "concentrator"> {
  const address = parseAddress(host);
  if (address === undefined) throw new Error(`${host} is no address`);
  const concentrator = createConcentrator({ plan, now: now(), random: randomOctets });
  concentrator.handle({ kind: "addresses", local: [address] }, now());
  return { address, concentrator };
}

function selected({ by, values }: Selection): Selected {
  return { rows: by === "peerid" ? values.map(rowOf) : [], complete: true };
}

function messageOf(octets: Uint8Array, path: Path): Delivery {
  const arrived = { local: path.remote, remote: path.local };
  const event = { kind: "datagram", octets: octets.slice(), path: arrived } as const;
  return { to: formatAddress(path.remote.address), event };
}

/** Slow ones would take longer than everything else, and threads carry them out later. */
function quickKeyExchange(op: KeyExchangeRequest): KeyExchangeResult {
  const method = keyExchangeFor(op.method);
  if (method === undefined || !isSlowKeyExchange(op.method)) return performKeyExchange(op);
  const octets = op.op === "offer" ? method.publicOctets : method.answerOctets;
  const publicValue = new Uint8Array(op.op === "derive" ? 0 : octets);
  return ok({ publicValue, sharedSecret: new Uint8Array(op.op === "offer" ? 0 : 32) });
}

function notSigned(): SignatureResult {
  return err({ kind: "signature-failed", detail: "nothing is signed here" } as const);
}

function pathTo(from: End, to: End): Path {
  return {
    local: { address: from.address, port: 500 },
    remote: { address: to.address, port: 500 },
  };
}
