/**
 * Documents in memory that outlives the process: segments of slabs, each slab with slots of one
 * size. A document is never changed where it stands: its next version goes to free slots, and then
 * the former ones are wiped. So whatever instruction the process ends at, one version is whole.
 */

import { assert } from "../../octets/assert.ts";
import { concat } from "../../octets/concat.ts";
import { textKeys } from "../../octets/key-column.ts";
import { LongMap } from "../../octets/long-map.ts";
import {
  AT,
  begin,
  contentAt,
  getU64,
  HEAD,
  placesIn,
  SIZE_MAX,
  SIZES,
  SLAB_OCTETS,
  type Slab,
  setU64,
  slabsIn,
} from "./slab.ts";

const PARTS_MAX = 65_535;

/** What the slots need of the system. */
export type Memory = {
  /** Another segment, all zero; undefined: there is no room. */
  grow(): Uint8Array | undefined;
  checksum(octets: Uint8Array): number;
};

/** A document that an earlier process has left; `content` is a copy, which the caller wipes. */
export type Found = { readonly number: number; readonly content: Uint8Array };

/** The number of its slab, and where it is there: an object for each would be one to collect. */
type Slot = number;
/** Nearly always one. */
type Document = Slot | readonly Slot[];

type Part = {
  readonly slot: Slot;
  readonly version: number;
  readonly part: number;
  readonly parts: number;
};

export class Slots {
  readonly #memory: Memory;
  readonly #named = new LongMap<string, Document>(textKeys);
  readonly #found = new Map<number, Document>();
  /** Slabs with free slots, by the size of these. */
  readonly #open = new Map<number, Set<Slab>>();
  readonly #freeSlabs: Slab[] = [];
  /** By their numbers. */
  readonly #slabs: Slab[] = [];
  #lastNumber = 0;
  #lastVersion = 0;
  /** Numbers in slots whose content is not as it was written. */
  readonly #spoilt = new Set<number>();
  #octets = 0;

  /** `segments`: what an earlier process has left. Slots that are not whole are wiped. */
  constructor(memory: Memory, segments: readonly Uint8Array[] = []) {
    this.#memory = memory;
    const parts = new Map<number, Part[]>();
    for (const segment of segments) {
      for (const slab of this.#slabsOf(segment)) this.#scan(slab, parts);
    }
    for (const [number, all] of parts) this.#choose(number, all);
    for (const number of this.#found.keys()) this.#spoilt.delete(number);
  }

  /**
   * Documents of the earlier process that begin with `mark`, in the order in which they were first
   * put.
   */
  *found(mark: Uint8Array = EVERY): Generator<Found> {
    for (const number of this.numbers()) {
      const document = this.#found.get(number);
      if (document === undefined || !this.#beginsWith(document, mark)) continue;
      yield { number, content: this.#contentOf(document) };
    }
  }

  /** Of all of them, in the same order. */
  numbers(): readonly number[] {
    return [...this.#found.keys()].sort((a, b) => a - b);
  }

  /** The first octets of such a document, where they stand: not to be changed, nor to be kept. */
  beginning(number: number): Uint8Array | undefined {
    const [slot] = slotsOf(this.#found.get(number));
    return slot === undefined ? undefined : this.#octetsIn(slot);
  }

  /** A copy of such a document, which the caller wipes; undefined: it has been adopted, or none. */
  content(number: number): Uint8Array | undefined {
    const document = this.#found.get(number);
    return document === undefined ? undefined : this.#contentOf(document);
  }

  /** Wipes such a document. */
  discard(number: number): void {
    const document = this.#found.get(number);
    if (document === undefined) return;
    this.#found.delete(number);
    this.#release(document);
  }

  /** Documents of the earlier process that nobody has adopted. */
  get left(): number {
    return this.#found.size;
  }

  /** Documents of which no version is as it was written. */
  get damaged(): number {
    return this.#spoilt.size;
  }

  /** Octets in use, without what is free. */
  get octets(): number {
    return this.#octets;
  }

  get documents(): number {
    return this.#named.size;
  }

  /** From now on a document that was found has this name. */
  adopt(number: number, name: string): void {
    const document = this.#found.get(number);
    if (document === undefined) return;
    this.#found.delete(number);
    this.#named.set(name, document);
  }

  /** Wipes what was found and not adopted. */
  forget(): void {
    for (const number of this.numbers()) this.discard(number);
  }

  /** Stores a document, or its next version; false: there is no room, and the former one stays. */
  put(name: string, content: Uint8Array): boolean {
    const slots = this.#take(content.length);
    if (slots === undefined) return false;
    const former = this.#named.get(name);
    const number = former === undefined ? ++this.#lastNumber : this.#numberOf(former);
    const version = ++this.#lastVersion;
    for (const [part, slot] of slots.entries()) {
      const from = part * (SIZE_MAX - HEAD);
      const octets = slots.length === 1 ? content : content.subarray(from, from + SIZE_MAX - HEAD);
      this.#write(slot, octets, { number, version, part, parts: slots.length });
    }
    this.#named.set(name, documentOf(slots));
    if (former !== undefined) this.#release(former);
    return true;
  }

  /** Wipes a document, if there is one. */
  remove(name: string): void {
    const document = this.#named.get(name);
    if (document === undefined) return;
    this.#named.delete(name);
    this.#release(document);
  }

  #write(
    slot: Slot,
    content: Uint8Array,
    { number, version, part, parts }: Omit<Part, "slot"> & { readonly number: number },
  ): void {
    const [slab, at] = this.#find(slot);
    const { memory, view } = slab;
    memory.set(content, at + HEAD);
    view.setUint32(at + AT.length, content.length);
    setU64(view, at + AT.number, number);
    setU64(view, at + AT.version, version);
    view.setUint16(at + AT.part, part);
    view.setUint16(at + AT.parts, parts);
    view.setUint32(at + AT.checksum, this.#checksumOf(slab, at, content.length));
    this.#octets += HEAD + content.length;
  }

  #checksumOf({ memory }: Slab, at: number, length: number): number {
    return this.#memory.checksum(memory.subarray(at + AT.length, at + HEAD + length)) || 1;
  }

  /** Slots for so many octets: all of them or none. */
  #take(octets: number): readonly Slot[] | undefined {
    const whole = SIZE_MAX - HEAD;
    const parts = Math.max(1, Math.ceil(octets / whole));
    if (parts > PARTS_MAX) return undefined;
    const slots: Slot[] = [];
    for (let part = 0; part < parts; part++) {
      const slot = this.#takeOne(HEAD + Math.min(whole, octets - part * whole));
      if (slot === undefined) {
        for (const taken of slots) this.#free(...this.#find(taken));
        return undefined;
      }
      slots.push(slot);
    }
    return slots;
  }

  #takeOne(octets: number): Slot | undefined {
    const size = SIZES.find((one) => one >= octets) ?? SIZE_MAX;
    const open = this.#open.get(size) ?? new Set<Slab>();
    this.#open.set(size, open);
    let [slab] = open;
    if (slab === undefined) {
      slab = this.#freeSlabs.pop() ?? this.#grow();
      if (slab === undefined) return undefined;
      begin(slab, size);
      open.add(slab);
    }
    const at = slab.free.pop();
    if (at === undefined) return undefined;
    slab.used++;
    if (slab.free.length === 0) open.delete(slab);
    return slotAt(slab, at);
  }

  /** Its slab, and where it is there. */
  #find(slot: Slot): [Slab, number] {
    const slab = this.#slabs[Math.floor(slot / SLAB_OCTETS)];
    assert(slab !== undefined, "a slot is in a slab");
    return [slab, slot % SLAB_OCTETS];
  }

  #grow(): Slab | undefined {
    const segment = this.#memory.grow();
    if (segment === undefined) return undefined;
    this.#freeSlabs.push(...this.#slabsOf(segment).reverse());
    return this.#freeSlabs.pop();
  }

  #slabsOf(segment: Uint8Array): Slab[] {
    const slabs = [...slabsIn(segment, this.#slabs.length)];
    this.#slabs.push(...slabs);
    return slabs;
  }

  #release(document: Document): void {
    for (const slot of slotsOf(document)) {
      const [slab, at] = this.#find(slot);
      const { memory, view } = slab;
      const octets = HEAD + view.getUint32(at + AT.length);
      // First of all the slot no longer counts; then its secrets go.
      view.setUint32(at + AT.checksum, 0);
      memory.fill(0, at, at + octets);
      this.#octets -= octets;
      this.#free(slab, at);
    }
  }

  #free(slab: Slab, at: number): void {
    const open = this.#open.get(slab.size) ?? new Set<Slab>();
    this.#open.set(slab.size, open);
    slab.free.push(at);
    open.add(slab);
    if (--slab.used > 0) return;
    // Nothing is in it any more: documents of another size may have it.
    open.delete(slab);
    slab.free.length = 0;
    slab.view.setUint32(0, 0);
    this.#freeSlabs.push(slab);
  }

  /** Reads a slab that an earlier process has left, and wipes what does not count. */
  #scan(slab: Slab, parts: Map<number, Part[]>): void {
    const { memory, view } = slab;
    const size = view.getUint32(0);
    if (!SIZES.some((one) => one === size)) {
      memory.fill(0);
      this.#freeSlabs.push(slab);
      return;
    }
    slab.size = size;
    for (const at of placesIn(size)) {
      const part = this.#partAt(slab, at);
      if (part === undefined) {
        memory.fill(0, at, at + size);
        slab.free.push(at);
        continue;
      }
      slab.used++;
      const { number, ...rest } = part;
      this.#lastNumber = Math.max(this.#lastNumber, number);
      this.#lastVersion = Math.max(this.#lastVersion, part.version);
      const known = parts.get(number) ?? [];
      known.push(rest);
      parts.set(number, known);
    }
    if (slab.used === 0) {
      slab.free.length = 0;
      view.setUint32(0, 0);
      this.#freeSlabs.push(slab);
    } else if (slab.free.length > 0) {
      const open = this.#open.get(size) ?? new Set<Slab>();
      this.#open.set(size, open.add(slab));
    }
  }

  #partAt(slab: Slab, at: number): (Part & { readonly number: number }) | undefined {
    const { view } = slab;
    const checksum = view.getUint32(at + AT.checksum);
    if (checksum === 0) return undefined;
    const length = view.getUint32(at + AT.length);
    if (HEAD + length > slab.size || this.#checksumOf(slab, at, length) !== checksum) {
      this.#spoilt.add(getU64(view, at + AT.number));
      return undefined;
    }
    this.#octets += HEAD + length;
    const [part, parts] = [view.getUint16(at + AT.part), view.getUint16(at + AT.parts)];
    const [number, version] = [getU64(view, at + AT.number), getU64(view, at + AT.version)];
    return { slot: slotAt(slab, at), number, version, part, parts };
  }

  /** The newest version of which all parts are there; slots of others are wiped. */
  #choose(number: number, all: readonly Part[]): void {
    const versions = Map.groupBy(all, ({ version }) => version);
    const newest = [...versions.keys()].sort((a, b) => b - a);
    const whole = newest.find((version) => isWhole(versions.get(version) ?? []));
    if (whole === undefined) this.#spoilt.add(number);
    for (const [version, parts] of versions) {
      const slots = parts.toSorted((a, b) => a.part - b.part).map(({ slot }) => slot);
      if (version === whole) this.#found.set(number, documentOf(slots));
      else this.#release(slots);
    }
  }

  /** Without a copy: most documents are another one. */
  #beginsWith(document: Document, mark: Uint8Array): boolean {
    const [slot] = slotsOf(document);
    if (slot === undefined) return false;
    const octets = this.#octetsIn(slot);
    return mark.length <= octets.length && mark.every((octet, i) => octets[i] === octet);
  }

  #contentOf(document: Document): Uint8Array {
    return concat(...slotsOf(document).map((slot) => this.#octetsIn(slot)));
  }

  #octetsIn(slot: Slot): Uint8Array {
    return contentAt(...this.#find(slot));
  }

  /** It is written in each of its slots. */
  #numberOf(document: Document): number {
    const [slot = 0] = slotsOf(document);
    const [{ view }, at] = this.#find(slot);
    return getU64(view, at + AT.number);
  }
}

function slotAt({ number }: Slab, at: number): Slot {
  return number * SLAB_OCTETS + at;
}

function documentOf(slots: readonly Slot[]): Document {
  const [first] = slots;
  return first === undefined || slots.length > 1 ? slots : first;
}

function slotsOf(document: Document | undefined): readonly Slot[] {
  if (document === undefined) return [];
  return typeof document === "number" ? [document] : document;
}

function isWhole(parts: readonly Part[]): boolean {
  const seen = new Set(parts.map(({ part }) => part));
  return (
    parts.every((one) => one.parts === parts.length && one.part < one.parts) &&
    seen.size === parts.length
  );
}

const EVERY = new Uint8Array(0);
