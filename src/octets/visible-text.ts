/** Texts from outside are shown only if every character in them is visible. */

/** Control and format characters (line ends, direction marks), unassigned ones, separators. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]/u;

/** Whether the text has a character that a reader would miss, or that would mislead him. */
export function hasUnseen(text: string): boolean {
  return UNSEEN.test(text);
}
