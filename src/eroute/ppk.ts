/**
 * Post-quantum pre-shared keys: what a row or a user has, and which sites have to use one (RFC
 * 8784).
 */

import { err, ok, type Result } from "../octets/result.ts";
import { pskOf } from "./psk.ts";
import type { PeerRow } from "./row.ts";
import { filled, type RowFault, rowFault } from "./row-fault.ts";

/**
 * Whether an eroute's sites use PPKs: a site that has one must use it, or may do without it, or
 * every site must have one; or no PPK is used, whatever the rows say.
 */
export type PpkRule = "if-set" | "optional" | "required" | "off";

/** A PPK and the identifier that both ends know it by (RFC 8784 §5.1.1, PPK_ID_FIXED). */
export type Ppk = { readonly id: Uint8Array; readonly key: Uint8Array };

/** Octets of a PPK_ID, without its type. */
const PPK_ID_OCTETS_MAX = 255;

/**
 * Makes a PPK from two texts; without an identifier of its own it uses the peer ID. The fault says
 * what is wrong, in words that follow "ppk" or "ppk_id", and quotes nothing.
 */
export function ppkOf(
  text: string,
  idText: string | undefined,
  peerId: string,
): Result<Ppk, { readonly at: "ppk" | "ppk_id"; readonly what: string }> {
  const key = pskOf(text);
  if (!key.ok) return err({ at: "ppk", what: key.error });
  const id = idText === undefined ? ok(new TextEncoder().encode(peerId)) : pskOf(idText);
  if (!id.ok) return err({ at: "ppk_id", what: id.error });
  if (id.value.length > PPK_ID_OCTETS_MAX) {
    const what = `has ${id.value.length} octets, at most ${PPK_ID_OCTETS_MAX} are expected`;
    return err({ at: "ppk_id", what });
  }
  return ok({ id: id.value, key: key.value });
}

/** The row's PPK; undefined if it has none. With "off", nothing about it is a fault. */
export function rowPpk(row: PeerRow, rule: PpkRule): Result<Ppk | undefined, RowFault> {
  const text = row.ppk ?? "";
  const id = filled(row.ppk_id);
  if (text.trim() === "") {
    if (rule === "off") return ok(undefined);
    if (rule !== "required" && id === undefined) return ok(undefined);
    const why = rule === "required" ? 'ppk = "required" of its eroute asks for one' : "a ppk_id";
    const has = rule === "required" ? `no ppk, and ${why}` : `${why}, but no ppk`;
    const detail = `the row of ${row.peerid} has ${has}: write its post-quantum key there`;
    return rowFault("no-ppk", "ppk", detail);
  }
  const ppk = ppkOf(text, id, row.peerid);
  if (ppk.ok) return ppk;
  if (rule === "off") return ok(undefined);
  const { at, what } = ppk.error;
  const detail = `${at} of ${row.peerid} ${what}: write ${PPK_FORMS}`;
  return rowFault("bad-ppk", at, detail);
}

export const PPK_FORMS = "0x and hex digits, 0s and base64, or a text that begins with neither";

/** Whether a site, which has a PPK or none, must not connect without one (RFC 8784 §3). */
export function isPpkRequired(rule: PpkRule, hasPpk: boolean): boolean {
  return rule === "required" || (rule === "if-set" && hasPpk);
}

/**
 * A warning about a PPK that cannot hold 256 bits, of which half remain against a quantum computer
 * (RFC 8784 §6); undefined if it may. A text counts as letters and digits.
 */
export function ppkWeakness(text: string): string | undefined {
  const key = pskOf(text);
  if (!key.ok) return undefined;
  const isText = !/^0[xs]/.test(text);
  if (isText && text.length < TEXT_LENGTH_MIN) {
    const makes = `256 bits need ${TEXT_LENGTH_MIN} random letters and digits`;
    return `has ${text.length} characters: ${makes}`;
  }
  if (!isText && key.value.length < OCTETS_MIN) {
    return `has ${key.value.length * 8} bits: 256 random ones are expected`;
  }
  return undefined;
}

const OCTETS_MIN = 32;
/** 62 letters and digits make 5.95 bits each. */
const TEXT_LENGTH_MIN = 43;
