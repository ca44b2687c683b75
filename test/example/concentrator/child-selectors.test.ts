/** Traffic selectors as selectors of the kernel, in both directions. */

import { expect, test } from "bun:test";
import { childSelectors } from "../../../src/concentrator/dataplane/child-selectors.ts";
import type { TrafficSelector } from "../../../src/wire/traffic-selector.ts";
import { formatSelector } from "../../../src/xfrm/selector.ts";
import { childPlace, selectorOf } from "./child-place.ts";

const HERE = "10.0.0.0/16";
const SITE = "192.168.1.0/24";

test("ranges of ports become blocks, in all pairs; the way back is their mirror", () => {
  const pairs = pairsOf(ports(HERE, 6, 137, 139), ports(SITE, 6, 1024, 4095));
  expect(pairs.outward).toEqual([
    `${HERE} -> ${SITE} protocol 6 ports 137 -> 1024-2047`,
    `${HERE} -> ${SITE} protocol 6 ports 137 -> 2048-4095`,
    `${HERE} -> ${SITE} protocol 6 ports 138-139 -> 1024-2047`,
    `${HERE} -> ${SITE} protocol 6 ports 138-139 -> 2048-4095`,
  ]);
  expect(pairs.inward[0]).toBe(`${SITE} -> ${HERE} protocol 6 ports 1024-2047 -> 137`);
});

test("a protocol that one side names applies to both", () => {
  const pairs = pairsOf(selectorOf(HERE), ports(SITE, 17, 53, 53));
  expect(pairs.outward).toEqual([`${HERE} -> ${SITE} protocol 17 ports any -> 53`]);
  expect(pairs.inward).toEqual([`${SITE} -> ${HERE} protocol 17 ports 53 -> any`]);
});

test("sides that name different protocols or families have nothing in common", () => {
  expect(pairsOf(ports(HERE, 6, 0, 65_535), ports(SITE, 17, 0, 65_535)).outward).toEqual([]);
  expect(pairsOf(selectorOf(HERE), selectorOf("fd00:1::/64")).outward).toEqual([]);
});

test.each([
  [0x0800, 0x0800, "8 -> 0"],
  [0x0800, 0x08ff, "8 -> any"],
  [0x0301, 0x0303, "3 -> 1"],
  [0x0800, 0x0bff, "8-11 -> any"],
])("ICMP type and code have their places in both directions", (first, last, expected) => {
  const pairs = pairsOf(ports(HERE, 1, first, last), ports(SITE, 1, first, last));
  expect(pairs.outward[0]).toBe(`${HERE} -> ${SITE} protocol 1 ports ${expected}`);
  expect(pairs.inward[0]).toBe(`${SITE} -> ${HERE} protocol 1 ports ${expected}`);
});

function pairsOf(here: TrafficSelector, there: TrafficSelector) {
  const pairs = childSelectors({ ...childPlace().child, local: [here], remote: [there] });
  return {
    outward: pairs.map(({ outward }) => formatSelector(outward)),
    inward: pairs.map(({ inward }) => formatSelector(inward)),
  };
}

function ports(
  subnet: string,
  protocol: number,
  startPort: number,
  endPort: number,
): TrafficSelector {
  return { ...selectorOf(subnet), protocol, startPort, endPort };
}
