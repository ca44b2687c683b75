/** Whether a concentrator's kernel contains what its status says, and nothing else. */

import { expect } from "bun:test";
import { parseAddress } from "../../../src/inet/address.ts";
import { formatPrefix } from "../../../src/inet/prefix.ts";
import { rangePrefixes } from "../../../src/inet/range.ts";
import { patient } from "../../patience.ts";
import type { Erouted } from "./erouted.ts";
import type { Laboratory } from "./laboratory.ts";
import { isOurState, ourPolicies, type XfrmPolicySeen, xfrmStates } from "./xfrm-states.ts";

/** An eroute as reported by `/api/v1/eroutes`. */
export type ErouteSeen = {
  readonly name: string;
  readonly peer_id: string;
  readonly peer_address: string | null;
  readonly state: string;
  readonly ike_sa: IkeSaSeen | null;
  readonly child_sas: readonly ChildSaSeen[];
};

export type IkeSaSeen = {
  readonly spi_i: string;
  readonly spi_r: string;
  readonly role: string;
  readonly local_endpoint: string;
  readonly remote_endpoint: string;
  readonly nat: string;
};

export type ChildSaSeen = {
  readonly spi_in: string;
  readonly spi_out: string;
  readonly algorithms: string;
  readonly udp_encapsulation: boolean;
  readonly local_subnets: readonly string[];
  readonly remote_subnets: readonly string[];
};

/** A concentrator and its daemon. */
export type Where = {
  readonly laboratory: Pick<Laboratory, "concentrator">;
  readonly erouted: Erouted;
};

/** All eroutes in use. */
export async function erouteViews(scenario: Where): Promise<readonly ErouteSeen[]> {
  const answer = (await scenario.erouted.json("/api/v1/eroutes")) as { eroutes: ErouteSeen[] };
  return answer.eroutes;
}

/** How many IKE SAs there are, including half-open ones, as `/api/v1/status` counts them. */
export async function ikeSaCount(scenario: Where): Promise<number> {
  const answer = (await scenario.erouted.json("/api/v1/status")) as {
    gauges: { ike_sas: number };
  };
  return answer.gauges.ike_sas;
}

/**
 * The kernel's states and policies equal those of the Child SAs in the status, in SPI, number and
 * direction, plus the inbound ones that drain after a rekey. A rekey between the queries to kernel
 * and status makes them differ once, not for long.
 */
export async function expectKernelAsStatusSays(scenario: Where): Promise<void> {
  const deadline = performance.now() + SETTLE_MS_MAX;
  for (;;) {
    const { kernel, status } = await compare(scenario);
    if (Bun.deepEquals(kernel, status)) return;
    if (performance.now() > deadline) expect(kernel).toEqual(status);
    await Bun.sleep(200);
  }
}

const SETTLE_MS_MAX = patient(10_000);

async function compare(scenario: Where) {
  const { concentrator } = scenario.laboratory;
  const eroutes = await erouteViews(scenario);
  const states = (await xfrmStates(concentrator)).filter(isOurState);
  const policies = await ourPolicies(concentrator);
  const draining = await drainingSpis(scenario);
  const seen = states.map(({ src, dst, spi, encapsulated }) => ({ src, dst, spi, encapsulated }));
  return {
    kernel: {
      draining: sorted(seen.map(({ spi }) => spi).filter((spi) => draining.includes(spi))),
      states: sorted(seen.filter(({ spi }) => !draining.includes(spi))),
      policies: sorted(policies),
    },
    status: {
      draining: sorted(draining),
      states: sorted(eroutes.flatMap(statesOf)),
      policies: sorted(eroutes.flatMap(policiesOf)),
    },
  };
}

/** Inbound SPIs of replaced Child SAs, which are still received for a while. */
export async function drainingSpis(scenario: Where): Promise<readonly number[]> {
  const answer = (await scenario.erouted.json("/api/v1/draining-states")) as {
    draining_states: { spi: string }[];
  };
  return answer.draining_states.map(({ spi }) => Number(spi));
}

function statesOf(eroute: ErouteSeen) {
  const here = addressIn(eroute.ike_sa?.local_endpoint);
  const there = addressIn(eroute.ike_sa?.remote_endpoint);
  return eroute.child_sas.flatMap((child) => {
    const encapsulated = child.udp_encapsulation;
    return [
      { src: there, dst: here, spi: Number(child.spi_in), encapsulated },
      { src: here, dst: there, spi: Number(child.spi_out), encapsulated },
    ];
  });
}

/** Child SAs with the same selectors share their policies. */
function policiesOf(eroute: ErouteSeen): XfrmPolicySeen[] {
  const pairs = eroute.child_sas.flatMap((child) => {
    const theirs = child.remote_subnets.flatMap(subnetsIn);
    return child.local_subnets
      .flatMap(subnetsIn)
      .flatMap((here) => theirs.map((there) => `${here} ${there}`));
  });
  return [...new Set(pairs)].flatMap((pair) => {
    const [here = "", there = ""] = pair.split(" ");
    return [
      { src: here, dst: there, dir: "out" as const },
      { src: there, dst: here, dir: "in" as const },
      { src: there, dst: here, dir: "fwd" as const },
    ];
  });
}

/** The kernel has a range of addresses as the subnets that cover it. */
function subnetsIn(text: string): readonly string[] {
  const [first, last] = text.split("-").map(parseAddress);
  if (first === undefined || last === undefined) return [text];
  const range = { family: first.family, first: first.value, last: last.value };
  return rangePrefixes(range).map(formatPrefix);
}

/** `192.0.2.1` of `192.0.2.1:500`, `2001:db8::1` of `[2001:db8::1]:500`. */
function addressIn(endpoint: string | undefined): string {
  return (endpoint ?? "").replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
}

function sorted<T>(values: readonly T[]): T[] {
  const text = (value: T) => JSON.stringify(value);
  return [...values].sort((a, b) => (text(a) < text(b) ? -1 : 1));
}
