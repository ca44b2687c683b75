/**
 * Entries of the kernel's table of states for those that cannot be made without ESP. Of the two
 * states of a site, strongSwan reserves the SPI of one; for the other one this process reserves
 * one. Linux 6.18 walks the whole table to reserve an SPI.
 */

import { execFileSync } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Line } from "./line.ts";

export type StandIns = {
  /** Reserves SPIs until there are so many. */
  fillTo(count: number): Promise<void>;
};

/** None yet; they go with the line. */
export function standInsOf({ responder }: Line, folder: string): StandIns {
  let filled = 0;
  return {
    async fillTo(count) {
      const lines: string[] = [];
      // Each has an address and a reqid of its own, so that none is in the chain of another one.
      for (; filled < count; filled++) lines.push(reservation(responder.address, filled));
      const file = join(folder, "stand-ins");
      await Bun.write(file, lines.join("\n"));
      execFileSync("ip", ["-n", responder.namespace, "-batch", file], { stdio: "ignore" });
      await rm(file);
    },
  };
}

function reservation(from: string, number: number): string {
  const to = `10.${96 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;
  const reqid = 0x100_0000 + number;
  const spis = "min 0x100 max 0xffffffff";
  return `xfrm state allocspi src ${from} dst ${to} proto esp reqid ${reqid} ${spis}`;
}
