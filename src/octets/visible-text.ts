/** Texts from outside in which every character can be seen: what else is there is not shown. */

/** Control and format characters (line ends, direction marks), unassigned ones, separators. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]/u;

/** Whether a reader would miss a character of the text, or be misled by one. */
export function hasUnseen(text: string): boolean {
  return UNSEEN.test(text);
}
