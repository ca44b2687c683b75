/** Runs of octets: concatenated and compared. */

/** One new array that holds all `parts` in order. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Whether two runs of octets are equal. Not for secrets: see `equalConstantTime`. */
export function equalOctets(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Whether `octets` begin with all of `begin`. */
export function startsWith(octets: Uint8Array, begin: Uint8Array): boolean {
  if (octets.length < begin.length) return false;
  for (let i = 0; i < begin.length; i++) if (octets[i] !== begin[i]) return false;
  return true;
}

/**
 * Octet-wise order; if one is the beginning of the other, the shorter is lower (RFC 7296 §2.8.1).
 */
export function compareOctets(a: Uint8Array, b: Uint8Array): number {
  const common = Math.min(a.length, b.length);
  for (let i = 0; i < common; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
