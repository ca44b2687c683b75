/**
 * Ranges of ports as blocks that share their upper bits, which is what the kernel's selectors can
 * hold.
 */

/** All ports whose bits under the mask equal those of `port`. */
export type PortBlock = { readonly port: number; readonly mask: number };

const ALL_BITS = 0xffff;

/** One port. */
export function onePort(port: number): PortBlock {
  return { port, mask: ALL_BITS };
}

/** The fewest blocks that cover a range, in order: at most 30. */
export function portBlocks(first: number, last: number): PortBlock[] {
  const blocks: PortBlock[] = [];
  for (let at = first; at <= last; ) {
    let size = 1;
    // As large as the alignment of its first port and the end of the range allow.
    while (at % (size * 2) === 0 && at + size * 2 - 1 <= last) size *= 2;
    blocks.push({ port: at, mask: ALL_BITS & ~(size - 1) });
    at += size;
  }
  return blocks;
}

/** Whether two blocks have a port in common; undefined is any port. */
export function sharePorts(a: PortBlock | undefined, b: PortBlock | undefined): boolean {
  if (a === undefined || b === undefined) return true;
  return ((a.port ^ b.port) & a.mask & b.mask) === 0;
}

/** How many blocks {@link portBlocks} makes from a range, without making them. */
export function countPortBlocks(first: number, last: number): number {
  const end = last + 1;
  // All of them are on one side of the place in the range with the most trailing zeros.
  const bits = 31 - Math.clz32(first ^ end);
  const middle = (end >>> bits) << bits;
  return countOnes(middle - first) + countOnes(end - middle);
}

function countOnes(value: number): number {
  let ones = 0;
  for (let rest = value; rest !== 0; rest &= rest - 1) ones++;
  return ones;
}

/** `53`, or `1024-2047`. */
export function formatPortBlock({ port, mask }: PortBlock): string {
  const last = port | (ALL_BITS & ~mask);
  return last === port ? `${port}` : `${port}-${last}`;
}
