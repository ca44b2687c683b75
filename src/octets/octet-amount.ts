/** Amounts of octets as people read them. */

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"] as const;

/** `512 B`, `1.5 kB`, `20 MB`: decimal units, two digits that count. */
export function formatOctets(octets: number | bigint): string {
  let value = Number(octets);
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 10 ? 0 : 1;
  const text = value.toFixed(digits);
  // 999,960 is not 1000 kB.
  if (Number(text) >= 1000 && unit < UNITS.length - 1) return `1.0 ${UNITS[unit + 1]}`;
  return `${text} ${UNITS[unit]}`;
}
