/**
 * The load: flood.c, an IKEv2 initiator that shares no code with erouted and checks the responder's
 * AUTH. It prints one line of JSON.
 */

import { z } from "zod";
import type { Line } from "./line.ts";

/** Times in ms, from IKE_SA_INIT to the end of IKE_AUTH. */
export type Load = {
  readonly up: number;
  /** Answered, but not with a valid AUTH and a Child SA. */
  readonly bad: number;
  readonly lost: number;
  readonly repeats: number;
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
};

/** `window`: how many at a time. `rate`: how many a second; undefined: as fast as it goes. */
export type Order = {
  readonly first: number;
  readonly count: number;
  readonly window: number;
  readonly rate?: number;
};

/** X25519, by its IKE number. */
const GROUP = 31;

/** What every site of the load presents. */
export const LOAD_PSK = "loadtest-psk-0123456789";
export const LOAD_OUR_ID = "concentrator.example";

export function loadId(number: number): string {
  return `site-${number}-1@load.test`;
}

const loadSchema = z.object({
  up: z.number(),
  bad: z.number(),
  lost: z.number(),
  repeats: z.number(),
  rate: z.number(),
  p50: z.number(),
  p99: z.number(),
  max: z.number(),
});

/** Runs it on all cores but the responder's; ends when all sites are up or lost. */
export async function runLoad(flood: string, line: Line, order: Order): Promise<Load> {
  const { first, count, window, rate = 0 } = order;
  const { responder, generator } = line;
  const args = [responder.address, 500, generator.address, GROUP, "site", first, count, window];
  const command = [flood, ...args, rate].map(String);
  const program = Bun.spawn(
    ["ip", "netns", "exec", generator.namespace, "taskset", "-c", "1-63", ...command],
    { stdout: "pipe", stderr: "inherit" },
  );
  const text = await new Response(program.stdout).text();
  await program.exited;
  return loadSchema.parse(JSON.parse(text));
}
