/**
 * Octets of a document that is being written, which may be secret. Its fields are open, because
 * written functions (`codec-code.ts`) put most octets in by themselves.
 */

/** Appends what several documents in turn need: the buffer stays, and grows where it has to. */
export class Draft {
  octets: Uint8Array;
  view: DataView;
  length = 0;

  constructor(capacity: number) {
    this.octets = new Uint8Array(capacity);
    this.view = new DataView(this.octets.buffer);
  }

  /** There is room for so many more octets. What was read of the fields before may be old. */
  room(count: number): void {
    const length = this.length + count;
    if (length <= this.octets.length) return;
    const larger = new Uint8Array(Math.max(length, this.octets.length * 2));
    larger.set(this.octets);
    this.octets.fill(0);
    this.octets = larger;
    this.view = new DataView(larger.buffer);
  }

  /** A number of `width` octets: one, two or four. */
  number(value: number, width: 1 | 2 | 4): void {
    this.room(width);
    if (width === 1) this.view.setUint8(this.length, value);
    else if (width === 2) this.view.setUint16(this.length, value);
    else this.view.setUint32(this.length, value);
    this.length += width;
  }

  append(value: Uint8Array): void {
    this.room(value.length);
    this.octets.set(value, this.length);
    this.length += value.length;
  }

  /** Characters of one octet each. */
  appendAscii(value: string): void {
    this.room(value.length);
    const { octets, length } = this;
    for (let at = 0; at < value.length; at++) octets[length + at] = value.charCodeAt(at);
    this.length += value.length;
  }

  /** A copy of what was written; the draft is empty then, and wiped. */
  taken(): Uint8Array {
    const content = this.octets.slice(0, this.length);
    this.clear();
    return content;
  }

  /** Wipes what was written. */
  clear(): void {
    this.octets.fill(0, 0, this.length);
    this.length = 0;
  }
}
