/** The table of what worked with sites is bounded. */

import { expect, test } from "bun:test";
import { createEngine } from "../../../src/concentrator/create-engine.ts";
import { methodFor, rememberMethod } from "../../../src/concentrator/sites/worked.ts";
import { asInstant } from "../../../src/octets/instant.ts";
import { planOf } from "../../simulation/plan.ts";

test("what worked with 16,384 sites is remembered; the oldest is forgotten first", () => {
  const random = (octets: number) => new Uint8Array(octets).fill(1);
  const engine = createEngine({ plan: planOf(), now: asInstant(0), random });
  const method = { method: 19, alone: false };
  const worked = { method, major: 2 } as const;
  for (let site = 0; site < 16_384; site++) rememberMethod(engine, `site-${site}`, worked);
  const none = { method: 0, alone: true };
  rememberMethod(engine, "site-0", { method: none, major: 2 });
  rememberMethod(engine, "one more", worked);
  expect(engine.sites.worked.size).toBe(16_384);
  expect(methodFor(engine, "site-1", 2)).toEqual({});
  expect(methodFor(engine, "site-2", 2)).toEqual({ childMethod: method });
  expect(methodFor(engine, "site-0", 2)).toEqual({ childMethod: none });
  // With the other version the site is configured separately.
  expect(methodFor(engine, "site-0", 1)).toEqual({});
});
