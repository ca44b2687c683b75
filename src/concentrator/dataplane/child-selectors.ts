/**
 * The traffic selectors of a Child SA in the kernel's form: pairs of subnets with blocks of ports.
 */

import type { ChildSa } from "../../ike/child-sa.ts";
import { isIcmp } from "../../inet/ip-protocol.ts";
import { onePort, type PortBlock, portBlocks } from "../../inet/port-block.ts";
import type { Prefix } from "../../inet/prefix.ts";
import { rangePrefixes } from "../../inet/range.ts";
import { assert } from "../../octets/assert.ts";
import { isAnyPort, type TrafficSelector } from "../../wire/traffic-selector.ts";
import type { XfrmSelector } from "../../xfrm/selector.ts";

/** The same traffic in both directions. */
export type SelectorPair = { readonly inward: XfrmSelector; readonly outward: XfrmSelector };

/** One pair for each combination of local and remote subnets and blocks of ports. */
export function childSelectors({ local, remote }: ChildSa): SelectorPair[] {
  const theirs = subnetsOf(remote);
  const pairs: SelectorPair[] = [];
  for (const here of subnetsOf(local)) {
    for (const there of theirs) pairs.push(...pairsOf(here, there));
  }
  return pairs;
}

/** A part of a selector that is one subnet: the kernel has no other ranges. */
type Subnet = { readonly selector: TrafficSelector; readonly prefix: Prefix };

function subnetsOf(selectors: readonly TrafficSelector[]): readonly Subnet[] {
  const subnets: Subnet[] = [];
  for (const selector of selectors) {
    for (const prefix of rangePrefixes(selector.range)) subnets.push({ selector, prefix });
  }
  return subnets;
}

function pairsOf(ours: Subnet, theirs: Subnet): SelectorPair[] {
  const { selector: here, prefix: local } = ours;
  const { selector: there, prefix: remote } = theirs;
  const protocol = here.protocol === 0 ? there.protocol : here.protocol;
  const apart = there.protocol !== 0 && there.protocol !== protocol;
  if (here.range.family !== there.range.family || apart) return [];
  if (isIcmp(protocol)) {
    const types = isAnyPort(here) ? there : here;
    const contradict = !isAnyPort(there) && !equalPorts(types, there);
    if (contradict) return [];
    // Type and code keep their fields in both directions.
    return icmpBlocks(types).map((ports) => ({
      inward: { src: remote, dst: local, protocol, ...ports },
      outward: { src: local, dst: remote, protocol, ...ports },
    }));
  }
  const pairs: SelectorPair[] = [];
  for (const mine of blocksOf(here)) {
    for (const its of blocksOf(there)) {
      pairs.push({
        inward: { src: remote, dst: local, protocol, srcPort: its, dstPort: mine },
        outward: { src: local, dst: remote, protocol, srcPort: mine, dstPort: its },
      });
    }
  }
  return pairs;
}

type Ports = Pick<TrafficSelector, "startPort" | "endPort">;
type Block = PortBlock | undefined;

function equalPorts(a: Ports, b: Ports): boolean {
  return a.startPort === b.startPort && a.endPort === b.endPort;
}

function blocksOf(ports: Ports): readonly Block[] {
  return isAnyPort(ports) ? [undefined] : portBlocks(ports.startPort, ports.endPort);
}

/** Type in the upper octet, code in the lower (RFC 7296 §3.13.1); the kernel has two fields. */
function icmpBlocks(ports: Ports): { readonly srcPort: Block; readonly dstPort: Block }[] {
  if (isAnyPort(ports)) return [{ srcPort: undefined, dstPort: undefined }];
  const [firstType, lastType] = [ports.startPort >>> 8, ports.endPort >>> 8];
  const [firstCode, lastCode] = [ports.startPort & 0xff, ports.endPort & 0xff];
  if (firstCode === 0 && lastCode === 0xff) {
    return portBlocks(firstType, lastType).map((srcPort) => ({ srcPort, dstPort: undefined }));
  }
  assert(firstType === lastType, "a narrowed ICMP selector is whole types, or codes of one");
  const srcPort = onePort(firstType);
  return portBlocks(firstCode, lastCode).map((dstPort) => ({ srcPort, dstPort }));
}
