/** Both ends do something at once, at every step of each other, with any one message lost. */

import { test } from "bun:test";
import { patient } from "../../patience.ts";
import { cross, DEEDS } from "./crossing.ts";

/** Steps of a fifth of a message's way put each message before and after each other one. */
const OFFSETS_MS = [0, 1, 10, 19, 21, 30, 39, 41, 55, 61, 79, 85];

/** Which datagram after the beginning is lost, counted from 1; 0: none. */
const LOST = [0, 1, 2, 3, 4, 5, 6];

/** Different nonces, so that either end wins. */
const SEEDS = [1, 2, 3];

const names = Object.keys(DEEDS);

for (const first of names) {
  test(
    `crossings: ${first} at one end, anything at the other`,
    () => {
      for (const second of names) {
        for (const offset of OFFSETS_MS) {
          for (const lost of LOST) {
            for (const seed of SEEDS) cross({ first, second, offset, lost, seed });
          }
        }
      }
    },
    patient(60_000),
  );
}
