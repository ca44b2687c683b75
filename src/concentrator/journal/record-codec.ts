/**
 * Records of the journal as octets, in memory: a record as an object is eleven cells of the heap,
 * which every collection marks. What is read equals what was written, to the last character.
 *
 * A head of fixed length, all texts in one, and what few records have as JSON. Words that repeat
 * are numbers, which only the codec that wrote them can read.
 */

import { Words } from "../../octets/words.ts";
import { EntryKinds } from "./entry-kinds.ts";
import type { JournalRecord } from "./journal.ts";

/** Where things are in the head, in octets. */
const FLAGS = 0;
const EROUTE = 2;
const KIND = 4;
const SEQUENCE = 8;
const WALL_MS = 16;
/** Four lengths, each with 1 added: 0 is a text that there is not. The rest is the detail. */
const IKE_SA_LENGTH = 24;
const REMOTE_LENGTH = 28;
const PEER_ID_LENGTH = 32;
const EROUTE_LENGTH = 36;
const REST_LENGTH = 40;
const HEAD_OCTETS = 44;

const IS_WIDE = 1;
const IS_INITIATOR = 2;
const IS_RESPONDER = 4;
/** The eroute's name ends with the peer ID. */
const IS_OF_PEER = 8;

/** In the place of the number of a word: the name stands among the texts. */
const NO_WORD = 0xffff;
/** Base eroutes; the names of all further ones are written in full. */
const EROUTES_MAX = 4_096;
const SCRATCH_OCTETS = 4_096;

/** What few records have. */
type Rest = Pick<JournalRecord, "folded" | "offered" | "wanted">;

export class RecordCodec {
  readonly #kinds = new EntryKinds();
  /** Names of eroutes without the peer ID at their end: `fleet/`. */
  readonly #eroutes = new Words<string>(EROUTES_MAX);
  readonly #encoder = new TextEncoder();
  readonly #decoder = new TextDecoder("latin1");
  #scratch = new Uint8Array(SCRATCH_OCTETS);
  #head = new DataView(this.#scratch.buffer);
  /** Views of it: of all texts, and of those that are not about the site. */
  #texts = this.#scratch.subarray(HEAD_OCTETS);
  #said: Uint8Array<ArrayBuffer> | undefined;
  /** Where the detail begins in what was written last; 0: other characters than ASCII came. */
  #siteEnd = 0;
  /** What was written last: a history often takes in what the journal has just taken in. */
  #lastRecord: JournalRecord | undefined;
  #lastOctets = this.#scratch;

  /** The record's octets, good until the next record is written. */
  write(record: JournalRecord): Uint8Array {
    if (this.#lastRecord === record) return this.#lastOctets;
    const { folded, offered, wanted, detail } = record;
    const hasRest = folded !== undefined || offered !== undefined || wanted !== undefined;
    const rest = hasRest ? JSON.stringify({ folded, offered, wanted }) : "";
    const isAsBefore = this.#lastRecord !== undefined && isOfSame(this.#lastRecord, record);
    const said = hasRest ? rest + detail : detail;
    const end = (isAsBefore ? this.#writeSaid(said) : undefined) ?? this.#writeAll(record, said);
    const head = this.#head;
    head.setUint32(KIND, this.#kinds.numberOf(record));
    head.setFloat64(SEQUENCE, record.sequence);
    head.setFloat64(WALL_MS, record.wallMs);
    head.setUint32(REST_LENGTH, rest.length);
    this.#lastRecord = record;
    this.#lastOctets = this.#scratch.subarray(0, end);
    return this.#lastOctets;
  }

  /** The record that this codec has written. */
  read(octets: Uint8Array): JournalRecord {
    const head = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
    const flags = head.getUint8(FLAGS);
    const text = this.#readText(octets.subarray(HEAD_OCTETS), (flags & IS_WIDE) !== 0);
    let at = 0;
    const next = (place: number): string | undefined => {
      const length = head.getUint32(place);
      if (length === 0) return undefined;
      at += length - 1;
      return text.slice(at - length + 1, at);
    };
    const ikeSa = next(IKE_SA_LENGTH);
    const remote = next(REMOTE_LENGTH);
    const peerId = next(PEER_ID_LENGTH);
    const name = next(EROUTE_LENGTH);
    const start = name ?? this.#eroutes.at(head.getUint16(EROUTE));
    const detailAt = at + head.getUint32(REST_LENGTH);
    const { level, step, outcome, reason } = this.#kinds.at(head.getUint32(KIND));
    const record: { -readonly [Key in keyof JournalRecord]: JournalRecord[Key] } = {
      level,
      step,
      outcome,
      reason,
      peerId,
      eroute: start === undefined || (flags & IS_OF_PEER) === 0 ? start : `${start}${peerId}`,
      remote,
      ikeSa,
      detail: text.slice(detailAt),
      sequence: head.getFloat64(SEQUENCE),
      wallMs: head.getFloat64(WALL_MS),
    };
    if ((flags & IS_INITIATOR) !== 0) record.role = "initiator";
    if ((flags & IS_RESPONDER) !== 0) record.role = "responder";
    return detailAt > at ? { ...record, ...restFrom(text.slice(at, detailAt)) } : record;
  }

  /** What the head says about the site; returns the texts about it. */
  #writeSite({ peerId, eroute, remote, ikeSa, role }: JournalRecord): string {
    const isOfPeer = eroute !== undefined && !!peerId && eroute.endsWith(peerId);
    const start = isOfPeer ? eroute.slice(0, -peerId.length) : eroute;
    const word = start === undefined ? undefined : this.#eroutes.numberOf(start);
    const name = word === undefined ? start : undefined;
    const head = this.#head;
    head.setUint8(FLAGS, (isOfPeer ? IS_OF_PEER : 0) | roleFlag(role));
    head.setUint16(EROUTE, word ?? NO_WORD);
    head.setUint32(IKE_SA_LENGTH, lengthOf(ikeSa));
    head.setUint32(REMOTE_LENGTH, lengthOf(remote));
    head.setUint32(PEER_ID_LENGTH, lengthOf(peerId));
    head.setUint32(EROUTE_LENGTH, lengthOf(name));
    return `${ikeSa ?? ""}${remote ?? ""}${peerId ?? ""}${name ?? ""}`;
  }

  /** What the head says stays. */
  #makeRoom(octets: number): void {
    if (octets <= this.#scratch.length) return;
    const head = this.#scratch.subarray(0, HEAD_OCTETS);
    this.#scratch = new Uint8Array(2 * octets);
    this.#scratch.set(head);
    this.#head = new DataView(this.#scratch.buffer);
    this.#texts = this.#scratch.subarray(HEAD_OCTETS);
  }

  /** About the site of the record before; undefined: all has to be written. */
  #writeSaid(said: string): number | undefined {
    if (this.#siteEnd === 0) return undefined;
    this.#said ??= this.#scratch.subarray(this.#siteEnd);
    const length = this.#writeText(said, this.#said);
    return length === undefined ? undefined : this.#siteEnd + length;
  }

  #writeAll(record: JournalRecord, said: string): number {
    const site = this.#writeSite(record);
    const text = site + said;
    this.#makeRoom(HEAD_OCTETS + 2 * text.length);
    const length = this.#writeText(text, this.#texts);
    this.#said = undefined;
    this.#siteEnd = length === undefined ? 0 : HEAD_OCTETS + site.length;
    return length === undefined ? this.#writeWide(text) : HEAD_OCTETS + length;
  }

  /** Returns how many octets it has; undefined: there are others in it than those of ASCII. */
  #writeText(text: string, to: Uint8Array<ArrayBuffer>): number | undefined {
    if (text.length > to.length) return undefined;
    const { written } = this.#encoder.encodeInto(text, to);
    return written === text.length ? written : undefined;
  }

  /** In UTF-8, halves of surrogate pairs would be lost, which a text that was cut may have. */
  #writeWide(text: string): number {
    for (let at = 0; at < text.length; at++) {
      this.#head.setUint16(HEAD_OCTETS + 2 * at, text.charCodeAt(at));
    }
    this.#head.setUint8(FLAGS, this.#head.getUint8(FLAGS) | IS_WIDE);
    return HEAD_OCTETS + 2 * text.length;
  }

  #readText(octets: Uint8Array, isWide: boolean): string {
    if (!isWide) return this.#decoder.decode(octets);
    const units: string[] = [];
    for (let at = 0; at < octets.length; at += 2) {
      units.push(String.fromCharCode(((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0)));
    }
    return units.join("");
  }
}

function roleFlag(role: JournalRecord["role"]): number {
  if (role === undefined) return 0;
  return role === "initiator" ? IS_INITIATOR : IS_RESPONDER;
}

function lengthOf(text: string | undefined): number {
  return text === undefined ? 0 : text.length + 1;
}

/** Whether they are about the same site, and say the same about it. */
function isOfSame(a: JournalRecord, b: JournalRecord): boolean {
  return (
    a.ikeSa === b.ikeSa &&
    a.peerId === b.peerId &&
    a.remote === b.remote &&
    a.eroute === b.eroute &&
    a.role === b.role
  );
}

/** What was written of a {@link Rest}. */
function restFrom(text: string): Rest {
  return JSON.parse(text);
}
