/**
 * What a handshake costs the end that is called, and nothing else. The conversations of sites are
 * recorded first; then a new concentrator with the same random octets hears them again and again,
 * and gives the same answers. CPU time of this thread; the shortest portion counts, because a busy
 * machine disturbs it least. X25519 is carried out, ML-KEM is recorded. SITES and PORTIONS are
 * their numbers.
 */

import { type Concentrator, createConcentrator } from "../../src/concentrator/concentrator.ts";
import { wipeRequest } from "../../src/concentrator/dataplane/request.ts";
import type { Effect } from "../../src/concentrator/effect.ts";
import type { Event } from "../../src/concentrator/event.ts";
import { readConfig } from "../../src/config/config.ts";
import { type KeyExchangeAnswer, performKeyExchange } from "../../src/crypto/key-exchange.ts";
import { Ke } from "../../src/crypto/transform.ts";
import { type Address, equalAddress, parseAddress } from "../../src/inet/address.ts";
import { asInstant } from "../../src/octets/instant.ts";
import { ok } from "../../src/octets/result.ts";
import { cpuUs } from "./thread-time.ts";

const SITES = Number(process.env.SITES ?? 1_000);
const PORTIONS = Number(process.env.PORTIONS ?? 20);
const CLASSICAL = "aes256gcm16-prfsha256-x25519";
const HERE = "192.0.2.1";
const NOW = asInstant(0);
const SEED = 4_711;

type End = { readonly address: Address; readonly concentrator: Concentrator };
type Datagram = Extract<Event, { kind: "datagram" }>;
/** What one site sends, and what our key exchanges with it give. */
type Tape = { readonly datagrams: Datagram[]; readonly exchanged: KeyExchangeAnswer[] };

function record(proposal: string): readonly Tape[] {
  const here = endOf(HERE, CONCENTRATOR, SEED);
  return Array.from({ length: SITES }, (_, number) => {
    const tape: Tape = { datagrams: [], exchanged: [] };
    const site = endOf(addressOf(number), siteText(number, proposal), number + 1);
    const waiting: { at: End; event: Event }[] = [
      { at: site, event: { kind: "connect", peerId: "here" } },
    ];
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { at, event } = next;
      if (at === here && event.kind === "datagram") {
        tape.datagrams.push({ ...event, octets: event.octets.slice() });
      }
      for (const effect of at.concentrator.handle(event, NOW)) {
        if (effect.kind === "send") {
          const { local: from, remote } = effect.path;
          const to = equalAddress(here.address, remote.address) ? here : site;
          const path = { local: remote, remote: from };
          waiting.push({ at: to, event: { kind: "datagram", octets: effect.octets, path } });
          continue;
        }
        const answer = answerOf(at, effect, at === here ? tape.exchanged : []);
        if (answer !== undefined) waiting.push({ at, event: answer });
      }
    }
    return tape;
  });
}

/** The µs of a handshake. */
function replay(tapes: readonly Tape[]): number {
  const here = endOf(HERE, CONCENTRATOR, SEED);
  Bun.gc(true);
  const from = cpuUs();
  for (const { datagrams, exchanged } of tapes) {
    const known = [...exchanged];
    for (const datagram of datagrams) {
      const waiting: Event[] = [{ ...datagram, octets: datagram.octets.slice() }];
      for (let event = waiting.shift(); event !== undefined; event = waiting.shift()) {
        for (const effect of here.concentrator.handle(event, NOW)) {
          const answer = answerOf(here, effect, [], known);
          if (answer !== undefined) waiting.push(answer);
        }
      }
    }
  }
  const us = (cpuUs() - from) / tapes.length;
  const { childSas } = here.concentrator.snapshot().gauges;
  if (childSas !== tapes.length) throw new Error(`${childSas} Child SAs`);
  return us;
}

/** The answer to an effect; `known`: those of key exchanges, in their order. */
function answerOf(
  at: End,
  effect: Effect,
  exchanged: KeyExchangeAnswer[],
  known: KeyExchangeAnswer[] = [],
): Event | undefined {
  switch (effect.kind) {
    case "resolve": {
      const remote = parseAddress(effect.host);
      const ends = remote === undefined ? [] : [{ local: at.address, remote }];
      return { kind: "resolved", resolve: effect.resolve, result: ok(ends) };
    }
    case "kernel":
      wipeRequest(effect.op);
      return { kind: "kernel-answer", request: effect.request, result: ok(undefined) };
    case "key-exchange": {
      const { op, request } = effect;
      const before = known.shift();
      const isKnown = before !== undefined && op.method !== Ke.X25519;
      const result = isKnown ? ok(copyOf(before)) : performKeyExchange(op);
      if (result.ok) exchanged.push(copyOf(result.value));
      return { kind: "key-exchange-answer", request, result };
    }
    case "look-up": {
      const rows = effect.by.by === "peerid" ? [rowOf(effect.by.peerid)] : [];
      return { kind: "peer-rows", lookup: effect.lookup, result: ok(rows) };
    }
    default:
      return undefined;
  }
}

/** The engine wipes what it is given. */
function copyOf({ publicValue, sharedSecret }: KeyExchangeAnswer): KeyExchangeAnswer {
  return { publicValue: publicValue.slice(), sharedSecret: sharedSecret.slice() };
}

function endOf(text: string, configuration: string, seed: number): End {
  const address = parseAddress(text);
  const files = {
    readSecret: (secret: string) => ok(secret),
    wallMs: () => 0,
    env: () => undefined,
  };
  const config = readConfig(configuration, files, "bench");
  if (address === undefined || !config.ok) throw new Error(JSON.stringify(config));
  const random = randomOf(seed);
  const concentrator = createConcentrator({ plan: config.value.plan, now: NOW, random });
  concentrator.handle({ kind: "addresses", local: [address] }, NOW);
  return { address, concentrator };
}

/** Octets that look random, the same for the same seed (xorshift). */
function randomOf(seed: number): (count: number) => Uint8Array {
  let state = seed;
  return (count) => {
    const octets = new Uint8Array(count);
    for (let at = 0; at < count; at++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      octets[at] = state >>> 8;
    }
    return octets;
  };
}

const CONCENTRATOR = `
[ike]
cookie_above = 100000
[[egroup]]
name = "sites"
database = "sqlite:/nowhere"
[[eroute]]
name = "fleet"
egroup = "sites"
peerid = "site-*"
ourid = "here"
local_subnet = "10.0.0.0/16"
remote_subnet = "100.64.0.0/10"
`;

function siteText(number: number, proposal: string): string {
  return `
[[eroute]]
name = "home"
peerid = "here"
peerip = "${HERE}"
ourid = "site-${number}"
ike = "${proposal}"
local_subnet = "${subnetOf(number)}"
remote_subnet = "10.0.0.0/16"
[[user]]
name = "here"
password_file = "the secret of site-${number}"
`;
}

function rowOf(peerid: string) {
  const remip = subnetOf(Number(peerid.slice("site-".length)));
  const rest = { remmsk: null, peerip: null, bakpeerip: null, ourid: null };
  return { peerid, password: `the secret of ${peerid}`, remip, ...rest };
}

function addressOf(number: number): string {
  return `10.77.${number >> 8}.${number & 255}`;
}

function subnetOf(number: number): string {
  return `100.${64 + (number >> 8)}.${number & 255}.0/24`;
}

for (const proposal of [CLASSICAL, `${CLASSICAL}-ke1_mlkem768`]) {
  const tapes = record(proposal);
  const us = Array.from({ length: PORTIONS }, () => replay(tapes)).sort((a, b) => a - b);
  const [least = 0, middle = 0] = [us[0], us[PORTIONS >> 1]];
  console.log(`${proposal}: ${least.toFixed(0)} us a handshake, median ${middle.toFixed(0)}`);
}
