/** Breaks text into lines that fit their terminal. */

/** Breaks at blanks; what follows is indented. A word that is too long stays whole. */
export function wrapped(
  text: string,
  indent: number,
  columns: number | undefined,
): readonly string[] {
  if (columns === undefined || text.length <= columns) return [text];
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/(?<=\S)(?= )/)) {
    const isTooLong = (line + word).length > columns;
    if (isTooLong && line.trim() !== "") {
      lines.push(line);
      line = " ".repeat(indent) + word.trimStart();
    } else line += word;
  }
  return [...lines, line];
}
