/** The clock that processes of one boot share. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { openBootClock } from "../../../src/linux/clock.ts";

test("processes of one boot read the same time since boot, whatever the time of day is", () => {
  const own = openBootClock();
  const file = JSON.stringify(join(import.meta.dir, "../../../src/linux/clock.ts"));
  const code = `
    const { openBootClock } = await import(${file});
    Date.now = () => 0;
    console.log(openBootClock()());
  `;
  const before = own();
  const other = Bun.spawnSync([process.execPath, "-e", code]);
  const after = own();
  const read = Number(new TextDecoder().decode(other.stdout));
  // The kernel tells it in hundredths of a second.
  expect(read).toBeGreaterThan(before - 20);
  expect(read).toBeLessThan(after + 20);
});
