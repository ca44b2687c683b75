/**
 * What an additional key exchange costs the end that is called: the same sites connect with and
 * without ML-KEM. Each site is an engine of its own, in this process; only the concentrator's part
 * is timed, with its key exchanges as the daemon carries them out.
 */

import { type Concentrator, createConcentrator } from "../src/concentrator/concentrator.ts";
import type { Effect } from "../src/concentrator/effect.ts";
import type { Event } from "../src/concentrator/event.ts";
import { readConfig } from "../src/config/config.ts";
import { performKeyExchange } from "../src/crypto/key-exchange.ts";
import { beginMlKem } from "../src/daemon/ml-kem.ts";
import { type Address, equalAddress, parseAddress } from "../src/inet/address.ts";
import { asInstant } from "../src/octets/instant.ts";
import { ok } from "../src/octets/result.ts";

const CLASSICAL = "aes256gcm16-prfsha256-x25519";
const PROPOSALS = [CLASSICAL, `${CLASSICAL}-ke1_mlkem768`];
const WARM_UP = 200;
const SITES = 1_000;
const HERE = "192.0.2.1";
const NOW = asInstant(0);

type Engine = { readonly address: Address; readonly concentrator: Concentrator };

/** Prints a line for each proposal. */
export async function measureHybrid(): Promise<void> {
  let first: number | undefined;
  for (const proposal of PROPOSALS) {
    const here = engineOf(HERE, concentratorText(proposal));
    await connectAll(here, proposal, 0, WARM_UP);
    const times = (await connectAll(here, proposal, WARM_UP, SITES)).sort((a, b) => a - b);
    const { ikeSas } = here.concentrator.snapshot().gauges;
    if (ikeSas !== WARM_UP + SITES) throw new Error(`${ikeSas} IKE SAs`);
    // The median: another process may take the core in the middle of a handshake.
    const us = (times[SITES / 2] ?? 0) * 1000;
    first ??= us;
    const name = proposal.replace(/^.*prfsha256-/, "");
    console.log(
      `${name.padEnd(20)} ${us.toFixed(0)} us a handshake, ${(us / first).toFixed(2)} times`,
    );
  }
}

/** Connects sites one after another; returns the ms that the called end took for each. */
async function connectAll(
  here: Engine,
  proposal: string,
  first: number,
  count: number,
): Promise<number[]> {
  const times: number[] = [];
  for (let number = first; number < first + count; number++) {
    let ms = 0;
    const site = engineOf(`10.77.${number >> 8}.${number & 255}`, siteText(number, proposal));
    const waiting: { readonly at: Engine; readonly event: Event }[] = [
      { at: site, event: { kind: "connect", peerId: "here" } },
    ];
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { at, event } = next;
      const started = performance.now();
      const effects = at.concentrator.handle(event, NOW);
      if (at === here) ms += performance.now() - started;
      for (const effect of effects) {
        const begun = performance.now();
        const answer = await answerOf({ here, site }, at, effect);
        if (at === here && effect.kind === "key-exchange") ms += performance.now() - begun;
        if (answer !== undefined) waiting.push(answer);
      }
    }
    times.push(ms);
  }
  return times;
}

async function answerOf(
  { here, site }: { readonly here: Engine; readonly site: Engine },
  at: Engine,
  effect: Effect,
): Promise<{ readonly at: Engine; readonly event: Event } | undefined> {
  switch (effect.kind) {
    case "send": {
      const { octets, path } = effect;
      const to = equalAddress(here.address, path.remote.address) ? here : site;
      const arrived = { local: path.remote, remote: path.local };
      return { at: to, event: { kind: "datagram", octets: octets.slice(), path: arrived } };
    }
    case "resolve": {
      const remote = parseAddress(effect.host);
      const ends = remote === undefined ? [] : [{ local: at.address, remote }];
      return { at, event: { kind: "resolved", resolve: effect.resolve, result: ok(ends) } };
    }
    case "kernel":
      return {
        at,
        event: { kind: "kernel-answer", request: effect.request, result: ok(undefined) },
      };
    case "key-exchange": {
      const { op, request } = effect;
      const result = (await beginMlKem(op)) ?? performKeyExchange(op);
      return { at, event: { kind: "key-exchange-answer", request, result } };
    }
    case "look-up": {
      const { by, lookup } = effect;
      const rows = by.by === "peerid" ? [rowOf(by.peerid)] : [];
      return { at, event: { kind: "peer-rows", lookup, result: ok(rows) } };
    }
    default:
      return undefined;
  }
}

function engineOf(text: string, configuration: string): Engine {
  const address = parseAddress(text);
  const files = {
    readSecret: (secret: string) => ok(secret),
    wallMs: () => 0,
    env: () => undefined,
  };
  const config = readConfig(configuration, files, "bench");
  if (address === undefined || !config.ok) throw new Error(JSON.stringify(config));
  const concentrator = createConcentrator({ plan: config.value.plan, now: NOW, random });
  concentrator.handle({ kind: "addresses", local: [address] }, NOW);
  return { address, concentrator };
}

function concentratorText(proposal: string): string {
  return `
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
ike = "${proposal}"
local_subnet = "10.0.0.0/16"
remote_subnet = "100.64.0.0/10"
`;
}

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

function subnetOf(number: number): string {
  return `100.${64 + (number >> 8)}.${number & 255}.0/24`;
}

function random(octets: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(octets));
}
