/** How a configuration file ends: by it a file that was cut off on its way here is told. */

export type FileEnding = {
  /** Whether a line end stands behind its last line, as editors and programs put it there. */
  readonly hasLineEnd: boolean;
  /** Whether its last line is `# end`. */
  readonly hasMark: boolean;
};

/** Of the whole text. Blank lines at the end do not count. */
export function fileEndingOf(text: string): FileEnding {
  const lines = text.slice(-TAIL_LENGTH).trimEnd().split("\n");
  return { hasLineEnd: text.endsWith("\n"), hasMark: /^#[ \t]*end$/i.test(lines.at(-1) ?? "") };
}

/** What the file lacks that the one in force has; undefined: it seems to be whole. */
export function whyCutOff(inForce: FileEnding, next: FileEnding): string | undefined {
  if (inForce.hasMark && !next.hasMark) {
    return 'its last line is not "# end" as in the file in force: it seems to be cut off';
  }
  if (inForce.hasLineEnd && !next.hasLineEnd) {
    return "its last line does not end as in the file in force: it seems to be cut off";
  }
  return undefined;
}

/** A last line that matters is shorter. */
const TAIL_LENGTH = 1_000;
