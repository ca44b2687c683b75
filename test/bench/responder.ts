/**
 * What a handshake costs the end that is called, and nothing else. The conversations of sites are
 * recorded first; then a new concentrator with the same random octets hears them again and again,
 * and gives the same answers. CPU time of this thread; the shortest portion counts, because a busy
 * machine disturbs it least. X25519 is carried out, ML-KEM and MODP-2048 are recorded. SITES and
 * PORTIONS are their numbers.
 */

import { type Concentrator, createConcentrator } from "../../src/concentrator/concentrator.ts";
import { wipeRequest } from "../../src/concentrator/dataplane/request.ts";
import type { Effect } from "../../src/concentrator/effect.ts";
import type { Event } from "../../src/concentrator/event.ts";
import { readConfig } from "../../src/config/config.ts";
import { type KeyExchangeAnswer, performKeyExchange } from "../../src/crypto/key-exchange.ts";
import { Ke } from "../../src/crypto/transform.ts";
import type { LookupKey, PeerRow } from "../../src/eroute/row.ts";
import { type Address, equalAddress, parseAddress } from "../../src/inet/address.ts";
import { asInstant, later } from "../../src/octets/instant.ts";
import { ok } from "../../src/octets/result.ts";
import { cpuUs } from "./thread-time.ts";

const SITES = Number(process.env.SITES ?? 1_000);
const PORTIONS = Number(process.env.PORTIONS ?? 20);
const CLASSICAL = "aes256gcm16-prfsha256-x25519";
const HERE = "192.0.2.1";
const BEGIN = asInstant(0);
/** From one call to the next: those with IKEv1 are limited. */
const PAUSE_MS = 50;
const SEED = 4_711;

type End = { readonly address: Address; readonly concentrator: Concentrator };
type Datagram = Extract<Event, { kind: "datagram" }>;
/** What one site sends, and what our key exchanges with it give. */
type Tape = { readonly datagrams: Datagram[]; readonly exchanged: KeyExchangeAnswer[] };

function record(eroute: string): readonly Tape[] {
  const here = endOf(HERE, CONCENTRATOR, SEED);
  return Array.from({ length: SITES }, (_, number) => {
    const tape: Tape = { datagrams: [], exchanged: [] };
    const now = later(BEGIN, number * PAUSE_MS);
    const site = endOf(addressOf(number), siteText(number, eroute), number + 1);
    const waiting: { at: End; event: Event }[] = [
      { at: site, event: { kind: "connect", peerId: "here" } },
    ];
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { at, event } = next;
      if (at === here && event.kind === "datagram") {
        tape.datagrams.push({ ...event, octets: event.octets.slice() });
      }
      for (const effect of at.concentrator.handle(event, now)) {
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
  for (const [number, { datagrams, exchanged }] of tapes.entries()) {
    const now = later(BEGIN, number * PAUSE_MS);
    const known = [...exchanged];
    for (const datagram of datagrams) {
      const waiting: Event[] = [{ ...datagram, octets: datagram.octets.slice() }];
      for (let event = waiting.shift(); event !== undefined; event = waiting.shift()) {
        for (const effect of here.concentrator.handle(event, now)) {
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
      const rows = rowsFor(effect.by);
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
  const concentrator = createConcentrator({ plan: config.value.plan, now: BEGIN, random });
  concentrator.handle({ kind: "addresses", local: [address] }, BEGIN);
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
ike_version = "both"
local_subnet = "10.0.0.0/16"
remote_subnet = "100.64.0.0/10"
`;

/** `eroute`: more lines of its eroute. */
function siteText(number: number, eroute: string): string {
  return `
[[eroute]]
name = "home"
peerid = "here"
peerip = "${HERE}"
ourid = "site-${number}"
${eroute}
local_subnet = "${subnetOf(number)}"
remote_subnet = "10.0.0.0/16"
[[user]]
name = "here"
password_file = "the secret of site-${number}"
`;
}

function ikev1Lines(mode: string): string {
  return `
ike_version = "v1"
ikev1_mode = "${mode}"
ike = "aes256-sha256-modp2048"`;
}

/** In Main Mode a site is known by its address. */
function rowsFor(by: LookupKey): readonly PeerRow[] {
  if (by.by === "peerid") return [rowOf(Number(by.peerid.slice("site-".length)))];
  if (by.by !== "address") return [];
  const [, , high = 0, low = 0] = by.address.split(".").map(Number);
  return [rowOf((high << 8) | low)];
}

function rowOf(number: number): PeerRow {
  const peerid = `site-${number}`;
  const rest = { remmsk: null, bakpeerip: null, ourid: null };
  const password = `the secret of ${peerid}`;
  return { peerid, password, remip: subnetOf(number), peerip: addressOf(number), ...rest };
}

function addressOf(number: number): string {
  return `10.77.${number >> 8}.${number & 255}`;
}

function subnetOf(number: number): string {
  return `100.${64 + (number >> 8)}.${number & 255}.0/24`;
}

const HANDSHAKES = [
  { name: "X25519", eroute: `ike = "${CLASSICAL}"` },
  { name: "X25519, ML-KEM-768", eroute: `ike = "${CLASSICAL}-ke1_mlkem768"` },
  { name: "IKEv1, Aggressive Mode", eroute: ikev1Lines("aggressive") },
  { name: "IKEv1, Main Mode", eroute: ikev1Lines("main") },
];

for (const { name, eroute } of HANDSHAKES) {
  const tapes = record(eroute);
  const us = Array.from({ length: PORTIONS }, () => replay(tapes)).sort((a, b) => a - b);
  const [least = 0, middle = 0] = [us[0], us[PORTIONS >> 1]];
  console.log(`${name}: ${least.toFixed(0)} us a handshake, median ${middle.toFixed(0)}`);
}
