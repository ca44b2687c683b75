/** Chance in times, so that sites that came together do not do everything together. */

/** `ms` times a factor from `share` to 1, drawn from `random`. */
export function jittered(ms: number, share: number, random: (count: number) => Uint8Array): number {
  const [high = 0, low = 0] = random(2);
  return Math.round(ms * (share + ((1 - share) * (high * 256 + low)) / 0xffff));
}
