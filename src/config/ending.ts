/** How a configuration file ends: this shows whether a file was cut off on its way here. */

export type FileEnding = {
  /** Whether its last line ends with a line break, as editors and programs write it. */
  readonly hasLineEnd: boolean;
  /** Whether its last line is `# end`. */
  readonly hasMark: boolean;
};

/** The ending of the whole text. Blank lines at the end do not count. */
export function fileEndingOf(text: string): FileEnding {
  const lines = text.slice(-TAIL_LENGTH).trimEnd().split("\n");
  return { hasLineEnd: text.endsWith("\n"), hasMark: /^#[ \t]*end$/i.test(lines.at(-1) ?? "") };
}

/** What the file lacks that the file in force has; undefined: it seems to be complete. */
export function whyCutOff(inForce: FileEnding, next: FileEnding): string | undefined {
  if (inForce.hasMark && !next.hasMark) {
    return 'its last line is not "# end" as in the file in force: it seems to be cut off';
  }
  if (inForce.hasLineEnd && !next.hasLineEnd) {
    return "its last line does not end as in the file in force: it seems to be cut off";
  }
  return undefined;
}

/** More than the length of any last line that matters. */
const TAIL_LENGTH = 1_000;
