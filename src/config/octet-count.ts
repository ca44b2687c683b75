/** Amounts of data as people write them: `500MB`, `2GiB`. */

/** In order: each is 1000 or 1024 times the previous one. */
const UNITS = "kMGT";

/** Octets of `1000`, `500MB` (powers of 1000) or `2GiB` (of 1024); undefined for anything else. */
export function parseOctetCount(text: string): bigint | undefined {
  const parts = /^([0-9]{1,15}) ?(?:([kKMGT])(i?)B|B)?$/.exec(text);
  if (parts === null) return undefined;
  const [, digits = "", unit = "", binary] = parts;
  const power = unit === "" ? 0 : UNITS.indexOf(unit.replace("K", "k")) + 1;
  return BigInt(digits) * (binary === "i" ? 1024n : 1000n) ** BigInt(power);
}
