/** Ranges of ports as blocks. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { formatPortBlock, onePort, portBlocks } from "../../../src/inet/port-block.ts";

const port = fc.integer({ min: 0, max: 65_535 });

test("a range becomes blocks that hold its ports, each once, and no others", () => {
  fc.assert(
    fc.property(port, port, (a, b) => {
      const [first, last] = a < b ? [a, b] : [b, a];
      const blocks = portBlocks(first, last);
      expect(blocks.length).toBeLessThanOrEqual(30);
      const sizes = blocks.map(({ mask }) => (0xffff & ~mask) + 1);
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(last - first + 1);
      let next = first;
      for (const [i, block] of blocks.entries()) {
        expect(block.port).toBe(next);
        expect(block.port & ~block.mask).toBe(0); // aligned
        next += sizes[i] ?? 0;
      }
    }),
  );
});

test.each([
  [
    1024,
    65_535,
    ["1024-2047", "2048-4095", "4096-8191", "8192-16383", "16384-32767", "32768-65535"],
  ],
  [49_152, 65_535, ["49152-65535"]],
  [80, 80, ["80"]],
  [80, 83, ["80-83"]],
  [5060, 5061, ["5060-5061"]],
  [137, 139, ["137", "138-139"]],
])("%p-%p is %p", (first, last, texts) => {
  expect(portBlocks(first, last).map(formatPortBlock)).toEqual(texts);
});

test("the worst range has thirty blocks", () => {
  expect(portBlocks(1, 65_534).length).toBe(30);
  expect(portBlocks(53, 53)).toEqual([onePort(53)]);
});
