/** What a world has been through, in words. */

import type { World } from "./world.ts";

/** The world's last moments, to find out what went wrong. */
export function reportOf(world: World): string {
  const { seed, complaints, log } = world;
  const { plan: _, ...climate } = world.climate;
  return [
    `seed ${seed}: ${complaints.join("; ")}`,
    `replay: SEED=${seed} bun test ./test/simulation/seeds.test.ts`,
    JSON.stringify(climate),
    JSON.stringify(world.climate.plan.limits),
    ...log.lines(),
  ].join("\n");
}
