/** A concentrator with many connected sites: the engine alone, whose kernel accepts everything. */

import type { Concentrator } from "../../src/concentrator/concentrator.ts";
import { concentratorOn } from "../../src/concentrator/concentrator.ts";
import { createEngine } from "../../src/concentrator/create-engine.ts";
import type { Engine } from "../../src/concentrator/engine.ts";
import { Ke } from "../../src/crypto/transform.ts";
import type { EroutePlan } from "../../src/eroute/eroute.ts";
import { asInstant } from "../../src/octets/instant.ts";
import { ok } from "../../src/octets/result.ts";
import { parseIdentity } from "../../src/wire/identity.ts";
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

/** No site is connected yet; there is room for `max`. `keeps`: for a process that follows. */
export function createCrowd(max: number, keeps = false): Crowd {
  const eroute = { ...BASE_EROUTE, remoteSubnets: [prefixOfText("100.64.0.0/10")] };
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
      return { kind: "peer-rows", lookup, result: ok([rowOf(number)]) };
    },
    onResolve: () => undefined,
    onKeyExchange: ({ request, op }) => ({
      kind: "key-exchange-answer",
      request,
      result: toyKeyExchange(op),
    }),
    kernel: () => ok(undefined),
    delaysAnswer: () => false,
    onJournal: () => {},
    onHandled: () => {},
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
      let us = 0;
      const site = siteOf(number);
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

/** Site n has 16 addresses of its own, and calls from an address of its own. */
function siteOf(number: number): Site {
  const low = `${(number >> 8) & 255}.${number & 255}`;
  return createSite(
    {
      identity: parseIdentity(`site-${number}`),
      psk: new TextEncoder().encode(`secret ${number}`),
      path: {
        local: endpointOf(`172.${16 + (number >> 16)}.${low}`, 500),
        remote: endpointOf(CONCENTRATOR, 500),
      },
      natPort: 4_500,
      ike: GCM_IKE,
      esp: GCM_ESP,
      ke: [Ke.X25519],
      tsI: [selectorOf(`${subnetOf(number)}/28`)],
      tsR: [selectorOf("10.0.0.0/16")],
      initialContact: true,
      deletesReplaced: true,
    },
    { random, keyExchange: toyKeyExchange },
  );
}

function rowOf(number: number) {
  return {
    peerid: `site-${number}`,
    password: `secret ${number}`,
    remip: subnetOf(number),
    remmsk: "255.255.255.240",
    peerip: null,
    bakpeerip: null,
    ourid: null,
  };
}

function subnetOf(number: number): string {
  const at = number * 16;
  return `100.${64 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}`;
}

function random(octets: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(octets));
}
