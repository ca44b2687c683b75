/**
 * Records of the journal as octets, in memory: a record as an object is eleven cells of the heap,
 * which every collection marks. What is read equals what was written, to the last character.
 *
 * A head of fixed length, all texts in one, and what few records have as JSON. Words that repeat
 * are numbers, which only the codec that wrote them can read.
 */

import { ClosedWords, Words } from "../../octets/words.ts";
import type { Reason } from "../../reason/reason.ts";
import type { JournalRecord } from "./journal.ts";

/** Where things are in the head, in octets. */
const FLAGS = 0;
const LEVEL = 1;
const STEP = 2;
const OUTCOME = 3;
const REASON = 4;
const EROUTE = 6;
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
/** For words of a closed union, which has fewer. */
const CLOSED_MAX = 256;
const SCRATCH_OCTETS = 4_096;

/** What few records have. */
type Rest = Pick<JournalRecord, "folded" | "offered" | "wanted">;

export class RecordCodec {
  readonly #levels = new ClosedWords<JournalRecord["level"]>(CLOSED_MAX);
  readonly #steps = new ClosedWords<JournalRecord["step"]>(CLOSED_MAX);
  readonly #outcomes = new ClosedWords<JournalRecord["outcome"]>(CLOSED_MAX);
  readonly #reasons = new ClosedWords<Reason>(NO_WORD);
  /** Names of eroutes without the peer ID at their end: `fleet/`. */
  readonly #eroutes = new Words<string>(EROUTES_MAX);
  readonly #encoder = new TextEncoder();
  readonly #decoder = new TextDecoder("latin1");
  #scratch = new Uint8Array(SCRATCH_OCTETS);
  #head = new DataView(this.#scratch.buffer);
  /** Where the detail begins in what was written last; 0: other characters than ASCII came. */
  #siteEnd = 0;
  /** What was written last: a history often takes in what the journal has just taken in. */
  #last: { readonly record: JournalRecord; readonly octets: Uint8Array } | undefined;

  /** The record's octets, good until the next record is written. */
  write(record: JournalRecord): Uint8Array {
    if (this.#last?.record === record) return this.#last.octets;
    const { folded, offered, wanted, detail } = record;
    const hasRest = folded !== undefined || offered !== undefined || wanted !== undefined;
    const rest = hasRest ? JSON.stringify({ folded, offered, wanted }) : "";
    const isAsBefore = this.#last !== undefined && isOfSame(this.#last.record, record);
    let start = isAsBefore ? this.#siteEnd : 0;
    let end = start === 0 ? undefined : this.#writeText(hasRest ? rest + detail : detail, start);
    if (end === undefined) {
      const site = this.#writeSite(record);
      const text = `${site}${rest}${detail}`;
      this.#makeRoom(HEAD_OCTETS + 2 * text.length);
      start = HEAD_OCTETS;
      end = this.#writeText(text, start);
      this.#siteEnd = end === undefined ? 0 : start + site.length;
      end ??= this.#writeWide(text);
    }
    const head = this.#head;
    head.setUint8(LEVEL, this.#levels.numberOf(record.level));
    head.setUint8(STEP, this.#steps.numberOf(record.step));
    head.setUint8(OUTCOME, this.#outcomes.numberOf(record.outcome));
    head.setUint16(REASON, this.#reasons.numberOf(record.reason));
    head.setFloat64(SEQUENCE, record.sequence);
    head.setFloat64(WALL_MS, record.wallMs);
    head.setUint32(REST_LENGTH, rest.length);
    const octets = this.#scratch.subarray(0, end);
    this.#last = { record, octets };
    return octets;
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
    const record: { -readonly [Key in keyof JournalRecord]: JournalRecord[Key] } = {
      level: this.#levels.at(head.getUint8(LEVEL)),
      step: this.#steps.at(head.getUint8(STEP)),
      outcome: this.#outcomes.at(head.getUint8(OUTCOME)),
      reason: this.#reasons.at(head.getUint16(REASON)),
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
  }

  /** Returns its end; undefined: there are other characters in it than those of ASCII. */
  #writeText(text: string, from: number): number | undefined {
    if (text.length > this.#scratch.length - from) return undefined;
    const { written } = this.#encoder.encodeInto(text, this.#scratch.subarray(from));
    return written === text.length ? from + written : undefined;
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
