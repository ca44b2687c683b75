/** Narrowing of protocols and ports: selectors without room in the kernel are not agreed on. */

import { expect, test } from "bun:test";
import { selectorText } from "../../../src/ike/selector-text.ts";
import { narrow } from "../../../src/ike/v2/narrow.ts";
import { parsePrefix, prefixRange } from "../../../src/inet/prefix.ts";
import type { TrafficSelector } from "../../../src/wire/traffic-selector.ts";

const ALL = { protocol: 0, startPort: 0, endPort: 65_535 };

test.each([
  ["a range of few blocks", ports(6, 1024, 65_535), "10.0.0.0/16[6/1024-65535]"],
  ["one port", ports(17, 53, 53), "10.0.0.0/16[17/53]"],
  ["sixteen blocks", ports(6, 1, 65_535), "10.0.0.0/16[6/1-65535]"],
  ["thirty blocks", ports(6, 1, 65_534), "10.0.0.0/16[6/1-65534]"],
  ["an ICMP type with all its codes", ports(1, 0x0800, 0x08ff), "10.0.0.0/16[1/2048-2303]"],
  ["one ICMP type and code", ports(1, 0x0303, 0x0303), "10.0.0.0/16[1/771]"],
])("%s is agreed on as it was offered", (_, offered, expected) => {
  expect(local([offered])).toEqual([expected]);
});

test.each([
  ["ICMP types that begin in the middle of one", ports(1, 0x0801, 0x09ff)],
  ["ports that are for no protocol", ports(0, 80, 80)],
  ["OPAQUE ports", ports(6, 65_535, 0)],
])("%s is not", (_, offered) => {
  expect(local([offered])).toBe("ts-unacceptable");
});

test("blocks of ports count like subnets; the rest is agreed on if some have no room", () => {
  // 30 blocks each: nine of them are 270.
  const many = Array.from({ length: 9 }, (_, i) => ports(6 + i, 1, 65_534));
  const offered = [...many, ports(17, 53, 53), ports(6, 443, 443)];
  const agreed = local(offered);
  expect(agreed).toHaveLength(9);
  expect(agreed).toContain("10.0.0.0/16[17/53]");
  expect(agreed).not.toContain("10.0.0.0/16[14/1-65534]");
});

test("an eroute's own ports cut the offer down", () => {
  const allowed = { ...ports(6, 1000, 1999) };
  expect(local([ports(6, 1500, 9000)], allowed)).toEqual(["10.0.0.0/16[6/1500-1999]"]);
  expect(local([ports(17, 1500, 9000)], allowed)).toBe("ts-unacceptable");
});

/** The local side of the agreed selectors, as text; or the refusal. */
function local(offered: readonly TrafficSelector[], allowed = selector("10.0.0.0/16", ALL)) {
  const remote = [selector("192.168.1.0/24", ALL)];
  const result = narrow({ local: offered, remote }, { local: [allowed], remote });
  return result.ok ? result.value.local.map(selectorText) : result.error.kind;
}

function ports(protocol: number, startPort: number, endPort: number): TrafficSelector {
  return selector("10.0.0.0/16", { protocol, startPort, endPort });
}

function selector(subnet: string, rest: Omit<TrafficSelector, "range">): TrafficSelector {
  const prefix = parsePrefix(subnet);
  if (prefix === undefined) throw new Error(`not a subnet: ${subnet}`);
  return { ...rest, range: prefixRange(prefix) };
}
