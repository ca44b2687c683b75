/** A concentrator with many connected sites: the engine alone, whose kernel accepts everything. */

import type { Concentrator } from "../../src/concentrator/concentrator.ts";
import { concentratorOn } from "../../src/concentrator/concentrator.ts";
import { createEngine } from "../../src/concentrator/create-engine.ts";
import type { Engine } from "../../src/concentrator/engine.ts";
import { Ke } from "../../src/crypto/transform.ts";
import type { EroutePlan } from "../../src/eroute/eroute.ts";
import { type Family, familyBits, formatAddress } from "../../src/inet/address.ts";
import { formatPrefix, type Prefix } from "../../src/inet/prefix.ts";
import { asInstant } from "../../src/octets/instant.ts";
import { ok } from "../../src/octets/result.ts";
import { parseIdentity } from "../../src/wire/identity.ts";
import type { XfrmRequest } from "../../src/xfrm/request.ts";
import { createDriver, type Driver } from "../simulation/driver.ts";
import { connect, createSite, receive } from "../simulation/initiator.ts";
import {
  BASE_EROUTE,
  CONCENTRATOR,
  endpointOf,
  GCM_ESP,
  GCM_IKE,
  planOf,
  prefixOfText,
  selectorOf,
} from "../simulation/plan.ts";
import type { Site } from "../simulation/site-state.ts";
import { toyKeyExchange } from "../simulation/toy-key-exchange.ts";
import { cpuUs } from "./thread-time.ts";

export type Crowd = {
  readonly engine: Engine;
  readonly concentrator: Concentrator;
  readonly driver: Driver;
  readonly plan: EroutePlan;
  /** Moves the clock, stopping at each deadline; `turn` has each event handled. */
  advance(ms: number, turn?: (work: () => void) => void): void;
  /** A site connects; returns the µs of CPU that the concentrator's part took. */
  connect(number: number): number;
};

/** Where the sites' subnets are: how long each is, and the one that contains them all. */
export type CrowdSubnets = {
  readonly within: string;
  readonly length: number;
  /** How sites reach the concentrator; otherwise with IPv4. */
  readonly outer?: Family;
};

export type CrowdOptions = {
  /** For a process that follows. */
  readonly keeps?: boolean;
  readonly subnets?: CrowdSubnets;
  /** After each event. */
  readonly onHandled?: (concentrator: Concentrator) => void;
  /** Sees what the kernel is asked for; keys are wiped afterwards. */
  readonly onKernel?: (request: XfrmRequest) => void;
};

const SUBNETS: CrowdSubnets = { within: "100.64.0.0/10", length: 28 };

/** What is behind the concentrator. */
export const INSIDE: Readonly<Record<Family, string>> = { 4: "10.0.0.0/16", 6: "fd00:10::/64" };
/** The addresses that sites call from, and what they call. */
const SITES_OUTSIDE: Readonly<Record<Family, string>> = { 4: "172.16.0.0", 6: "fd00:16::" };
export const CALLED: Readonly<Record<Family, string>> = { 4: CONCENTRATOR, 6: "fd00:1::1" };

/** No site is connected yet; there is room for `max`. */
export function createCrowd(max: number, options: CrowdOptions = {}): Crowd {
  const { keeps = false, subnets = SUBNETS, onKernel, onHandled } = options;
  const within = prefixOfText(subnets.within);
  const eroute = {
    ...BASE_EROUTE,
    localSubnets: [prefixOfText(INSIDE[within.family])],
    remoteSubnets: [within],
  };
  const limits = { dynamicEroutesMax: 2 * max, cookieAbove: 2 * max, halfOpenMax: 2 * max };
  const plan = planOf(limits, { eroutes: [eroute], users: [] });
  const engine = createEngine({ plan, now: asInstant(0), random, keeps });
  const concentrator = concentratorOn(engine);
  const answers: Uint8Array[] = [];
  let clock = 0;
  const driver = createDriver(concentrator, {
    now: () => clock,
    onSend: ({ octets }) => answers.push(octets),
    onLookUp({ lookup, by }) {
      const number = by.by === "peerid" ? Number(by.peerid.slice("site-".length)) : 0;
      return { kind: "peer-rows", lookup, result: ok([rowOf(number, subnets)]) };
    },
    onResolve: () => undefined,
    onKeyExchange: ({ request, op }) => ({
      kind: "key-exchange-answer",
      request,
      result: toyKeyExchange(op),
    }),
    kernel: (request) => {
      onKernel?.(request);
      return ok(undefined);
    },
    delaysAnswer: () => false,
    onJournal: () => {},
    onHandled: () => onHandled?.(concentrator),
  });
  return {
    engine,
    concentrator,
    driver,
    plan,
    advance(ms, turn = (work) => work()) {
      const until = clock + ms;
      for (;;) {
        const next = concentrator.nextDeadline();
        if (next === undefined || next > until) break;
        clock = Math.max(clock, next);
        turn(() => driver.feed({ kind: "deadline" }));
        answers.length = 0;
      }
      clock = until;
    },
    connect(number) {
      clock++;
      let us = 0;
      const site = siteOf(number, subnets);
      let outputs = connect(site, asInstant(clock));
      while (outputs.length > 0) {
        const from = cpuUs();
        for (const output of outputs) {
          if (output.kind !== "send") continue;
          const { local, remote } = output.path;
          const path = { local: remote, remote: local };
          driver.feed({ kind: "datagram", octets: output.octets.slice(), path });
        }
        us += cpuUs() - from;
        outputs = answers.splice(0).flatMap((octets) => receive(site, octets, asInstant(clock)));
      }
      return us;
    },
  };
}

/** Site n has a subnet of its own, and calls from an address of its own. */
function siteOf(number: number, subnets: CrowdSubnets): Site {
  const { outer = 4 } = subnets;
  return createSite(
    {
      identity: parseIdentity(`site-${number}`),
      psk: new TextEncoder().encode(`secret ${number}`),
      path: {
        local: endpointOf(outsideOf(number, subnets), 500),
        remote: endpointOf(CALLED[outer], 500),
      },
      natPort: 4_500,
      ike: GCM_IKE,
      esp: GCM_ESP,
      ke: [Ke.X25519],
      tsI: [selectorOf(formatPrefix(subnetOf(number, subnets)))],
      tsR: [selectorOf(INSIDE[prefixOfText(subnets.within).family])],
      initialContact: true,
      deletesReplaced: true,
    },
    { random, keyExchange: toyKeyExchange },
  );
}

function rowOf(number: number, subnets: CrowdSubnets) {
  const { family, value, length } = subnetOf(number, subnets);
  return {
    peerid: `site-${number}`,
    password: `secret ${number}`,
    remip: formatAddress({ family, value }),
    remmsk: `${length}`,
    peerip: null,
    bakpeerip: null,
    ourid: null,
  };
}

/** Where site n calls from. */
export function outsideOf(number: number, { outer = 4 }: CrowdSubnets): string {
  const { family, value } = addressOf(SITES_OUTSIDE[outer]);
  return formatAddress({ family, value: value + BigInt(number) });
}

/** The subnet of site n. */
export function subnetOf(number: number, { within, length }: CrowdSubnets): Prefix {
  const { family, value } = prefixOfText(within);
  return { family, value: value + (BigInt(number) << BigInt(familyBits(family) - length)), length };
}

function addressOf(text: string) {
  return endpointOf(text, 0).address;
}

function random(octets: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(octets));
}
