/** Peer ID patterns: `*` is any run of characters or none; `?` is exactly one (R1). */

import { err, ok, type Result } from "../octets/result.ts";
import { PEER_ID_LENGTH_MAX } from "./peer-id.ts";

/** A pattern, compiled once. */
export type Pattern = { readonly text: string };

/** Text as a pattern; or what is wrong with it, in words that follow "the pattern". */
export function parsePattern(text: string): Result<Pattern, string> {
  if (text.length === 0) return err("is empty");
  if (text.length > PEER_ID_LENGTH_MAX) {
    return err(`has ${text.length} characters, more than ${PEER_ID_LENGTH_MAX}`);
  }
  if (hasControlCharacter(text)) return err("holds a control character");
  return ok({ text });
}

/**
 * Whether the whole of `peerId` matches; the case of ASCII letters is ignored. An ID longer than
 * {@link PEER_ID_LENGTH_MAX} matches nothing. It backtracks only to the last `*`, so it takes at
 * most pattern length × ID length steps, whatever a stranger sends.
 */
export function matchesPattern(pattern: Pattern, peerId: string): boolean {
  const { text } = pattern;
  if (peerId.length > PEER_ID_LENGTH_MAX) return false;
  let at = 0;
  let idAt = 0;
  let afterStar = -1;
  let starEnd = 0;
  while (idAt < peerId.length) {
    const code = peerId.codePointAt(idAt) ?? 0;
    const wanted = text.codePointAt(at);
    if (wanted === STAR) {
      afterStar = ++at;
      starEnd = idAt;
    } else if (wanted !== undefined && (wanted === QUESTION || folded(wanted) === folded(code))) {
      at += unitsOf(wanted);
      idAt += unitsOf(code);
    } else if (afterStar >= 0) {
      // The last star matches one character more, and what follows it is tried again.
      starEnd += unitsOf(peerId.codePointAt(starEnd) ?? 0);
      at = afterStar;
      idAt = starEnd;
    } else return false;
  }
  while (text.codePointAt(at) === STAR) at++;
  return at === text.length;
}

/** Whether it matches more than one ID. */
export function isWild({ text }: Pattern): boolean {
  return /[*?]/.test(text);
}

/** C0 and C1 control characters, and DEL: no ID, name or host name contains one. */
export function hasControlCharacter(text: string): boolean {
  return /\p{Cc}/u.test(text);
}

const STAR = 0x2a;
const QUESTION = 0x3f;

/** Converts ASCII capitals to small letters. */
function folded(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
}

/** UTF-16 code units of a character. */
function unitsOf(code: number): 1 | 2 {
  return code > 0xffff ? 2 : 1;
}
