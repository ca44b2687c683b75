/** Times and counts as people read them. */

/** `12s`, `4m 5s`, `3h 12m`, `17d 3h`. */
export function formatSeconds(seconds: number): string {
  let rest = Math.max(0, Math.floor(seconds));
  const parts: string[] = [];
  for (const [unit, size] of UNIT_SECONDS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (parts.length > 0 || count > 0) parts.push(`${count}${unit}`);
    if (parts.length === 2) break;
  }
  const [first = "0s", second = ""] = parts;
  return second === "" || /^0/.test(second) ? first : `${first} ${second}`;
}

/** `1 tunnel`, `2 tunnels`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

const UNIT_SECONDS = [
  ["d", 86_400],
  ["h", 3_600],
  ["m", 60],
  ["s", 1],
] as const;
