/** The layout of memory that outlives the process: slabs, and slots of one size in each. */

//  0                   1                   2                   3
// +---------------------------------------------------------------+
// | checksum over all that follows: written last; 0: a free slot  |
// +---------------------------------------------------------------+
// | octets of content                                             |
// +---------------------------------------------------------------+
// | number of the document, 64 bits: in the order of their making |
// |                                                               |
// +---------------------------------------------------------------+
// | version, 64 bits: the higher one of a document counts         |
// |                                                               |
// +-------------------------------+-------------------------------+
// | part                          | parts                         |
// +-------------------------------+-------------------------------+
// ~ content                                                       ~

export const HEAD = 28;
export const AT = { checksum: 0, length: 4, number: 8, version: 16, part: 24, parts: 26 } as const;

export const SEGMENT_OCTETS = 1024 * 1024;
export const SLAB_OCTETS = 65_536;
/** At the start of a slab: the size of its slots; 0: the slab is free. */
const SLAB_HEAD = 64;
/** What is larger takes several slots. */
export const SIZES = [
  ...[128, 256, 384, 512, 640, 768, 896, 1024, 1152, 1280, 1408, 1536, 1792, 2048],
  ...[2560, 3072, 4096, 8192],
] as const;
export const SIZE_MAX = 8_192;

export type Slab = {
  readonly number: number;
  readonly memory: Uint8Array;
  readonly view: DataView;
  size: number;
  /** Offsets of its free slots. */
  readonly free: number[];
  used: number;
};

/** An empty slab with slots of one size. */
export function begin(slab: Slab, size: number): void {
  slab.view.setUint32(0, size);
  slab.size = size;
  slab.free.length = 0;
  slab.free.push(...placesIn(size).reverse());
}

export function placesIn(size: number): number[] {
  const places: number[] = [];
  for (let at = SLAB_HEAD; at + size <= SLAB_OCTETS; at += size) places.push(at);
  return places;
}

/** The slabs in a segment, numbered from `first` on. */
export function slabsIn(segment: Uint8Array, first: number): readonly Slab[] {
  const slabs: Slab[] = [];
  for (let at = 0; at + SLAB_OCTETS <= segment.length; at += SLAB_OCTETS) {
    const memory = segment.subarray(at, at + SLAB_OCTETS);
    const view = new DataView(memory.buffer, memory.byteOffset, SLAB_OCTETS);
    slabs.push({ number: first + slabs.length, memory, view, size: 0, free: [], used: 0 });
  }
  return slabs;
}

/** The content of a slot, where it stands. */
export function contentAt({ memory, view }: Slab, at: number): Uint8Array {
  const from = at + HEAD;
  return memory.subarray(from, from + view.getUint32(at + AT.length));
}

export function setU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, Math.floor(value / 2 ** 32));
  view.setUint32(at + 4, value % 2 ** 32);
}

export function getU64(view: DataView, at: number): number {
  return view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
}
