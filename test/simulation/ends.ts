/**
 * Two IKE SAs that talk only to each other: keys, kernel and credentials are available at once,
 * each message is visible in clear, and a test can send anything in either one's name.
 */

import {
  type KeyExchangeRequest,
  type KeyExchangeResult,
  performKeyExchange,
} from "../../src/crypto/key-exchange.ts";
import type { ChildKeys, IkeContext } from "../../src/ike/effect.ts";
import type { Credentials, IkeEvent } from "../../src/ike/event.ts";
import { localSpi } from "../../src/ike/sa-id.ts";
import type { SeenMessage } from "../../src/ike/seen-message.ts";
import type { Ticket } from "../../src/ike/ticket.ts";
import { deadlineOf } from "../../src/ike/v2/deadlines.ts";
import type { Established } from "../../src/ike/v2/established-phase.ts";
import { type IkeSa, saIdOf } from "../../src/ike/v2/every-phase.ts";
import { step } from "../../src/ike/v2/ike-sa.ts";
import { acceptInit } from "../../src/ike/v2/ike-sa-init.ts";
import { beginCall } from "../../src/ike/v2/ike-sa-init-request.ts";
import { sealMessage } from "../../src/ike/v2/protect.ts";
import type { SeenIkev2Message } from "../../src/ike/v2/seen-message.ts";
import type { IkeEffect } from "../../src/ike/v2/step.ts";
import type { Path } from "../../src/inet/endpoint.ts";
import { asEspSpi } from "../../src/inet/esp-spi.ts";
import { assert } from "../../src/octets/assert.ts";
import { equalOctets } from "../../src/octets/concat.ts";
import { asInstant } from "../../src/octets/instant.ts";
import { ok } from "../../src/octets/result.ts";
import { asIkeSpi, parseHeader } from "../../src/wire/header.ts";
import { parseIdentity } from "../../src/wire/identity.ts";
import type { Payload } from "../../src/wire/v2/message.ts";
import { parsePayloads } from "../../src/wire/v2/payload-chain.ts";
import { ESP_SUITE, endpointOf, IKE_SUITE, selectorOf } from "./plan.ts";
import { createPrng } from "./prng.ts";

export type EndName = "a" | "b";

/** A datagram on its way. */
export type OnWire = { readonly from: EndName; readonly octets: Uint8Array; readonly path: Path };

export type IkeEnd = {
  readonly name: EndName;
  readonly context: IkeContext;
  /** By our own SPI, oldest first. */
  readonly sas: Map<bigint, IkeSa>;
  /** All effects except those that were performed at once. */
  readonly effects: IkeEffect[];
  readonly seen: SeenIkev2Message[];
  /** Child SAs as they were sent to the kernel. */
  readonly installed: Extract<IkeEffect, { kind: "child-up" }>[];
};

export type EndsSettings = {
  readonly credentials?: (end: EndName, credentials: Credentials) => Credentials;
  readonly keyExchange?: (end: EndName, op: KeyExchangeRequest) => KeyExchangeResult;
  /** Whether an end supports AUTH over both IKE_SA_INIT messages; left out: both ends do. */
  readonly withFullTranscript?: (end: EndName) => boolean;
  /** End b says in IKE_SA_INIT what it accepts (RFC 9593); left out: a pre-shared key. */
  readonly announced?: { readonly certReq: Uint8Array | undefined; readonly acceptsPsk: boolean };
  /** What the network does with a datagram; undefined: it is lost. */
  readonly onWay?: (datagram: OnWire) => Uint8Array | undefined;
  /** A NAT in front of end a: end b sees another address and other ports. */
  readonly isNatted?: boolean;
};

export type Ends = {
  /** The end that calls. */
  readonly a: IkeEnd;
  readonly b: IkeEnd;
  /** All datagrams so far, oldest first. */
  readonly wire: OnWire[];
  now(): number;
  feed(end: IkeEnd, event: IkeEvent, spi?: bigint): void;
  /** Passes datagrams both ways until none is left. */
  run(): void;
  /** Moves the clock from deadline to deadline, and delivers the results. */
  advance(ms: number): void;
  /** Octets arrive at an end as if the other one had sent them. */
  deliver(to: IkeEnd, octets: Uint8Array, path?: Path): void;
  /** A message in the name of an end, sealed with its keys. */
  say(from: IkeEnd, head: Parameters<typeof sealMessage>[1], payloads: readonly Payload[]): void;
};

const ADDRESSES = { a: endpointOf("192.0.2.1", 500), b: endpointOf("192.0.2.2", 500) };
const PATHS: Readonly<Record<EndName, Path>> = {
  a: { local: ADDRESSES.a, remote: ADDRESSES.b },
  b: { local: ADDRESSES.b, remote: ADDRESSES.a },
};

/** End a has started to call end b: its first message is on its way. */
export function layEnds(settings: EndsSettings = {}): Ends {
  let clock = 1_000;
  const queue: OnWire[] = [];
  const a = createIkeEnd("a", () => clock);
  const b = createIkeEnd("b", () => clock);
  const other = (end: { readonly name: EndName }) => (end.name === "a" ? b : a);
  const exchange = settings.keyExchange ?? ((_, op) => performKeyExchange(op));
  const credentialsOf = (name: EndName) => {
    const own = credentialsFor(name);
    return settings.credentials?.(name, own) ?? own;
  };

  const take = (end: IkeEnd, spi: bigint, done: ReturnType<typeof step>): void => {
    if (done.sa === undefined) end.sas.delete(spi);
    else end.sas.set(localSpi(saIdOf(done.sa)), done.sa);
    for (const effect of done.effects) perform(end, spi, effect);
  };
  const feed = (end: IkeEnd, event: IkeEvent, spi: bigint): void => {
    const sa = end.sas.get(spi);
    if (sa !== undefined) take(end, spi, step(sa, event, end.context));
  };
  const perform = (end: IkeEnd, spi: bigint, effect: IkeEffect): void => {
    switch (effect.kind) {
      case "send":
        ends.wire.push({ from: end.name, octets: effect.octets.slice(), path: effect.path });
        queue.push({ from: end.name, octets: effect.octets.slice(), path: effect.path });
        return;
      case "key-exchange": {
        const result = exchange(end.name, effect.op);
        return feed(end, { kind: "key-exchange-answer", ticket: effect.ticket, result }, spi);
      }
      case "identify": {
        const result = ok(credentialsOf(end.name));
        return feed(end, { kind: "credentials", ticket: effect.ticket, result }, spi);
      }
      case "child-up":
        end.installed.push({ ...effect, keys: copyOf(effect.keys) });
        return feed(
          end,
          { kind: "child-installed", ticket: effect.ticket, result: ok(undefined) },
          spi,
        );
      case "probe-usage": {
        const usage = { hasReceived: false, hasSent: false };
        return feed(end, { kind: "usage", ticket: effect.ticket, ...usage }, spi);
      }
      case "rekeyed":
        end.sas.set(localSpi(effect.successor.id), effect.successor);
        return;
      default:
        end.effects.push(effect);
    }
  };
  const accept = (end: IkeEnd, octets: Uint8Array, path: Path): void => {
    const header = parseHeader(octets);
    if (!header.ok) return;
    const { flags, spiI, spiR } = header.value;
    const spi = flags.initiator ? spiR : spiI;
    if (end.sas.has(spi)) {
      return feed(end, { kind: "message", header: header.value, octets, path }, spi);
    }
    if (spiR !== 0n || flags.response) return;
    const parsed = parsePayloads(header.value.nextPayload, octets.subarray(28), "IKE_SA_INIT");
    if (!parsed.ok) return;
    const { payloads } = parsed.value;
    const suites = credentialsOf(end.name).policy.ikeSuites;
    const limits = { halfOpenMs: 30_000, withFragments: true, withPpk: false };
    const withIntermediatePpk = false;
    const methods = settings.announced ?? { certReq: undefined, acceptsPsk: true };
    const withFullTranscript = settings.withFullTranscript?.(end.name) ?? true;
    const request = {
      ...{ header: header.value, octets, payloads, path, suites, ...limits, withFullTranscript },
      withIntermediatePpk,
      ...methods,
    };
    const accepted = acceptInit(request, end.context);
    if (!accepted.ok || accepted.value.sa === undefined) return;
    take(end, localSpi(saIdOf(accepted.value.sa)), accepted.value);
  };

  const ends: Ends = {
    ...{ a, b, wire: [] },
    now: () => clock,
    feed: (end, event, spi) => feed(end, event, spi ?? newestSpi(end)),
    run() {
      for (let rounds = 0; ; rounds++) {
        assert(rounds < 1_000, "the conversation never ends");
        const next = queue.shift();
        if (next === undefined) return;
        const octets = settings.onWay === undefined ? next.octets : settings.onWay(next);
        if (octets === undefined) continue;
        const { local, remote } = next.path;
        const [from, to] = settings.isNatted === true ? translated(next) : [local, remote];
        accept(other({ name: next.from }), octets, { local: to, remote: from });
      }
    },
    advance(ms) {
      const until = clock + ms;
      for (let rounds = 0; ; rounds++) {
        assert(rounds < 10_000, "a deadline that is never handled");
        const due = [a, b]
          .flatMap((end) => [...end.sas].map(([spi, sa]) => ({ end, spi, at: deadlineOf(sa) })))
          .flatMap(({ end, spi, at }) => (at === undefined || at > until ? [] : [{ end, spi, at }]))
          .sort((one, two) => one.at - two.at)[0];
        if (due === undefined) break;
        clock = Math.max(clock, due.at);
        feed(due.end, { kind: "deadline" }, due.spi);
        ends.run();
      }
      clock = until;
    },
    deliver: (to, octets, path) => accept(to, octets, path ?? PATHS[to.name]),
    say(from, head, payloads) {
      const sealed = sealMessage(established(from), head, payloads, {
        ...{ random: from.context.random, onMessage: undefined },
      });
      for (const octets of sealed) ends.deliver(other(from), octets);
    },
  };
  const call = {
    ...{ path: PATHS.a, natPorts: { local: 4_500, remote: 4_500 }, initialContact: false },
    redirectedFrom: undefined,
    withIntermediatePpk: false,
    ikev1Signed: [],
    withFullTranscript: settings.withFullTranscript?.("a") ?? true,
    ...{ credentials: credentialsOf("a"), peer: parseIdentity("end-b") },
    isPeer: ({ data }: { readonly data: Uint8Array }) =>
      equalOctets(data, new TextEncoder().encode("end-b")),
  };
  const begun = beginCall(call, a.context);
  assert(begun.sa !== undefined, "a call begins");
  take(a, localSpi(saIdOf(begun.sa)), begun);
  return ends;
}

/** Both ends once they are established, with one Child SA. */
export function connectedEnds(settings: EndsSettings = {}): Ends {
  const ends = layEnds(settings);
  ends.run();
  assert(ends.a.installed.length === 1 && ends.b.installed.length === 1, "both have a Child SA");
  return ends;
}

/** The newest IKE SA of an end, which has to be established. */
export function established(end: IkeEnd): Established {
  const sa = end.sas.get(newestSpi(end));
  assert(sa?.phase === "established", `end ${end.name} is ${sa?.phase ?? "not there"}`);
  return sa;
}

/** The newest IKE SA of an end with some of its fields changed. */
export function change(end: IkeEnd, fields: Partial<Established>): void {
  end.sas.set(newestSpi(end), { ...established(end), ...fields });
}

/** What an end has sent and received since the last call. */
export function takeSeen(end: IkeEnd): readonly SeenIkev2Message[] {
  return end.seen.splice(0);
}

function newestSpi(end: IkeEnd): bigint {
  return [...end.sas.keys()].at(-1) ?? 0n;
}

function createIkeEnd(name: EndName, now: () => number): IkeEnd {
  const prng = createPrng(name === "a" ? 1 : 2);
  const random = (count: number) => prng.octets(count);
  let tickets = 0;
  const seen: SeenIkev2Message[] = [];
  const context: IkeContext = {
    get now() {
      return asInstant(now());
    },
    random,
    ticket: () => ++tickets as Ticket,
    espSpi: () => asEspSpi(prng.between(256, 0xffff_ffff)),
    refusalMs: 500,
    hasLost: false,
    ikeSpi: () => asIkeSpi(new DataView(random(8).buffer).getBigUint64(0) | 1n),
    onMessage: (message) => {
      if (isIkev2(message)) seen.push(message);
    },
  };
  return { name, context, sas: new Map(), effects: [], seen, installed: [] };
}

function credentialsFor(name: EndName): Credentials {
  const [own, peer] =
    name === "a" ? ["10.0.0.0/24", "10.0.1.0/24"] : ["10.0.1.0/24", "10.0.0.0/24"];
  const psk = () => new TextEncoder().encode("one key for both");
  return {
    own: { kind: "psk", psk: psk() },
    peer: { kind: "psk", psk: psk() },
    ppk: undefined,
    isSilent: false,
    ourIdentity: parseIdentity(`end-${name}`),
    policy: {
      ...{ suites: [ESP_SUITE], ikeSuites: [IKE_SUITE] },
      ...{ local: [selectorOf(own)], remote: [selectorOf(peer)] },
      ...{ transport: false, lifetimeMs: 3_600_000, childSasMax: 16, dns: [] },
    },
    settings: {
      ...{ livenessMs: undefined, inactivityMs: undefined, reauthMs: undefined },
      ...{ lifetimeMs: 14_400_000, mobike: true, fragmentation: true, natKeepaliveMs: 20_000 },
      ...{ followRedirect: false, natPort: 4_500, fragmentSize: 1_280 },
      retransmission: { firstMs: 2_000, backoff: 1.8, attemptsMax: 6 },
    },
  };
}

/** Source and destination behind the NAT. */
function translated({ from, path }: OnWire): readonly [Path["local"], Path["remote"]] {
  const { local, remote } = path;
  if (from === "a") return [{ address: OUTSIDE.address, port: OUTSIDE.port + local.port }, remote];
  return [local, { address: ADDRESSES.a.address, port: remote.port - OUTSIDE.port }];
}

const OUTSIDE = endpointOf("203.0.113.7", 20_000);

/** The shell wipes keys when the kernel has them. */
function copyOf(keys: ChildKeys): ChildKeys {
  const copy = ({ encryption, integrity }: ChildKeys["in"]) => ({
    encryption: encryption.slice(),
    integrity: integrity.slice(),
  });
  return { in: copy(keys.in), out: copy(keys.out) };
}

function isIkev2(message: SeenMessage): message is SeenIkev2Message {
  return "payloads" in message;
}
