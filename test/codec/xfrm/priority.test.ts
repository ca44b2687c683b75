/** Which policy wins. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { onePort } from "../../../src/inet/port-block.ts";
import { prefixOf } from "../../../src/inet/prefix.ts";
import { isOurPolicy, selectorPriority, unprotectedPriority } from "../../../src/xfrm/priority.ts";
import type { XfrmSelector } from "../../../src/xfrm/selector.ts";
import { FOREIGN_REQID, policyLike, selectorOf } from "../../contract/xfrm-samples.ts";

test("a selector inside another one always wins, in whatever way it is narrower", () => {
  const wide = selectorOf("10.0.0.0/8", "192.168.0.0/16");
  const narrower: readonly Partial<XfrmSelector>[] = [
    { src: selectorOf("10.0.0.0/9", "0.0.0.0/0").src },
    { dst: selectorOf("10.0.0.0/9", "192.168.0.0/17").dst },
    { protocol: 17 },
    { protocol: 17, dstPort: onePort(53) },
    { protocol: 17, dstPort: { port: 1024, mask: 0xfc00 } },
    { protocol: 17, srcPort: onePort(53) },
    { dst: selectorOf("10.0.0.0/9", "192.168.1.7").dst, protocol: 6, srcPort: onePort(1) },
  ];
  for (const changes of narrower) {
    const narrow = { ...wide, ...changes };
    for (const direction of ["in", "out", "fwd"] as const) {
      const [inner, outer] = [narrow, wide].map((selector) => ({ selector, direction }));
      if (inner === undefined || outer === undefined) throw new Error("two selectors");
      expect(selectorPriority(inner)).toBeLessThan(selectorPriority(outer));
      expect(unprotectedPriority(inner)).toBeLessThan(selectorPriority(outer));
    }
  }
});

test("of two that overlap crosswise, the longer remote prefix wins in each direction", () => {
  const remoteNarrower = selectorOf("10.0.0.0/8", "192.168.3.0/24");
  const localNarrower = selectorOf("10.1.2.3", "192.168.2.0/23");
  const outward = (selector: XfrmSelector) => selectorPriority({ selector, direction: "out" });
  expect(outward(remoteNarrower)).toBeLessThan(outward(localNarrower));
  const turned = ({ src, dst, ...rest }: XfrmSelector) => ({ ...rest, src: dst, dst: src });
  for (const direction of ["in", "fwd"] as const) {
    const inward = (selector: XfrmSelector) =>
      selectorPriority({ selector: turned(selector), direction });
    expect(inward(remoteNarrower)).toBe(outward(remoteNarrower));
    expect(inward(remoteNarrower)).toBeLessThan(inward(localNarrower));
  }
});

test("at the same width, unprotected traffic ranks below protected traffic", () => {
  const policy = {
    selector: selectorOf("10.0.0.0/8", "192.168.0.0/16"),
    direction: "out",
  } as const;
  expect(unprotectedPriority(policy)).toBeGreaterThan(selectorPriority(policy));
});

test("all priorities lie in our range, from the widest selector to the narrowest", () => {
  const length = fc.integer({ min: 0, max: 128 });
  fc.assert(
    fc.property(length, length, fc.boolean(), (srcLength, dstLength, port) => {
      const any = { family: 6, value: 0n } as const;
      const selector = {
        src: prefixOf(any, srcLength),
        dst: prefixOf(any, dstLength),
        protocol: 6,
        srcPort: port ? onePort(1) : undefined,
        dstPort: undefined,
      };
      const policy = { selector, direction: "out" } as const;
      expect(selectorPriority(policy) >>> 24).toBe(0x45);
      expect(unprotectedPriority(policy) >>> 24).toBe(0x45);
    }),
  );
});

test("ours are known by reqid if they have a template, by priority if not", () => {
  const ours = policyLike({ src: "10.0.0.0/8", dst: "192.168.0.0/16" });
  expect(isOurPolicy(ours)).toBe(true);
  expect(isOurPolicy({ ...ours, action: "block", template: undefined })).toBe(true);
  expect(isOurPolicy({ ...ours, action: "block", template: undefined, priority: 0 })).toBe(false);
  if (ours.template === undefined) throw new Error("no template");
  const template = { ...ours.template, reqid: FOREIGN_REQID };
  expect(isOurPolicy({ ...ours, template })).toBe(false);
});
