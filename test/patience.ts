/**
 * How long tests wait. They wait for events; a limit only ends what will never happen. On a machine
 * that is busy with other things everything takes longer, so limits are as many times as long as
 * the machine is slower than one that is idle: `build/test.ts` measures that, guests are told.
 */

/** The environment variable with the factor. */
export const SLOWNESS_VARIABLE = "EROUTED_TEST_SLOWNESS";

/** How many times slower than an idle machine this one was when the tests began; 1 or more. */
export function slowness(): number {
  const told = Number(process.env[SLOWNESS_VARIABLE] ?? 1);
  return Number.isFinite(told) ? Math.min(Math.max(told, 1), SLOWNESS_MAX) : 1;
}

/** A limit on a machine that is idle, in ms: how long it is on this one. */
export function patient(ms: number): number {
  return Math.round(ms * slowness());
}

/** Beyond that no limit would end anything. */
export const SLOWNESS_MAX = 12;

const LOOK_EVERY_MS = 100;
/** A look may start a program, which is slow in a guest: most of the time is left to the tested. */
const PAUSE_PER_LOOK = 3;
const PAUSE_MS_MAX = 2_000;
/** What one look counts at the most, however long it took: the machine was at something else. */
const LOOK_COUNTS_MS_MAX = 1_000;

/**
 * Looks until `holds`. The limit is one of looks, not of the clock: where each of them takes long
 * because the machine is busy, there are as many as ever. An error says what was waited for.
 */
export async function lookUntil(
  what: string,
  holds: () => boolean | Promise<boolean>,
  msMax: number,
): Promise<void> {
  const began = performance.now();
  let counted = 0;
  let looks = 0;
  while (true) {
    const from = performance.now();
    if (await holds()) return;
    looks++;
    const lookMs = performance.now() - from;
    await Bun.sleep(Math.max(LOOK_EVERY_MS, Math.min(PAUSE_PER_LOOK * lookMs, PAUSE_MS_MAX)));
    counted += Math.min(performance.now() - from, LOOK_COUNTS_MS_MAX);
    if (counted <= msMax) continue;
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const behind = ((performance.now() - began) / counted).toFixed(1);
    throw new Error(`not in ${looks} looks within ${seconds} s (${behind} times behind): ${what}`);
  }
}
