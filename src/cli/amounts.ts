/** Times and amounts as people read them: two digits that count, or two units. */

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

/** `512 B`, `1.5 kB`, `20 MB`: decimal units, as on the status page. */
export function formatOctets(octets: number): string {
  let value = octets;
  let unit = 0;
  while (value >= 1000 && unit < OCTET_UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value.toFixed(unit === 0 || value >= 10 ? 0 : 1)} ${OCTET_UNITS[unit]}`;
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
const OCTET_UNITS = ["B", "kB", "MB", "GB", "TB", "PB"] as const;
