/** The last lines of a world's log. Nearly none is read, so each is put into words only then. */

export type Log = {
  /** `line` must say the same whenever it is called. */
  add(line: () => string): void;
  /** The last of them, oldest first. */
  lines(): readonly string[];
  clear(): void;
};

/** Keeps the last `max` lines. */
export function createLog(max: number): Log {
  let kept: (() => string)[] = [];
  return {
    add(line) {
      kept.push(line);
      // Seldom: to move all of them for each line would take longer than the lines.
      if (kept.length >= 2 * max) kept = kept.slice(-max);
    },
    lines: () => kept.slice(-max).map((line) => line()),
    clear() {
      kept = [];
    },
  };
}
