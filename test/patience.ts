/**
 * How long tests wait. They wait for events; a limit only ends what will never happen. On a busy
 * machine everything takes longer, so limits are multiplied by how much slower the machine is than
 * an idle one: `build/test.ts` measures that, and passes it to guests.
 */

/** The environment variable with the factor. */
export const SLOWNESS_VARIABLE = "EROUTED_TEST_SLOWNESS";

/** How many times slower than an idle machine this one was when the tests began; 1 or more. */
export function slowness(): number {
  const told = Number(process.env[SLOWNESS_VARIABLE] ?? 1);
  return Number.isFinite(told) ? Math.min(Math.max(told, 1), SLOWNESS_MAX) : 1;
}

/** A limit for an idle machine, in ms, converted to this one. */
export function patient(ms: number): number {
  return Math.round(ms * slowness());
}

/** Beyond that no limit would end anything. */
export const SLOWNESS_MAX = 12;

const LOOK_EVERY_MS = 100;
/** A look may start a program, which is slow in a guest: most of the time is left to the tested. */
const PAUSE_PER_LOOK = 3;
const PAUSE_MS_MAX = 2_000;
/** What has been awaited for seconds is not looked for ten times a second: it comes 5 % later. */
const PAUSE_OF_WAIT = 0.05;
const PAUSE_OF_WAIT_MS_MAX = 400;
/**
 * The most that one check counts for, however long it took: the machine was busy with something
 * else.
 */
const LOOK_COUNTS_MS_MAX = 1_000;

/**
 * What work results in, if it ends before a timer that is set now. On a busy machine timers of the
 * work are as late as this one, so that it says of them what it says on an idle machine.
 */
export async function endsWithin<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Checks until `holds`. The limit is a number of checks, not a time: if each takes long because the
 * machine is busy, their number stays the same. An error says what was awaited.
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
    const ofWait = Math.min(PAUSE_OF_WAIT * (from - began), PAUSE_OF_WAIT_MS_MAX);
    const ofLook = Math.min(PAUSE_PER_LOOK * lookMs, PAUSE_MS_MAX);
    await Bun.sleep(Math.max(LOOK_EVERY_MS, ofWait, ofLook));
    counted += Math.min(performance.now() - from, LOOK_COUNTS_MS_MAX);
    if (counted <= msMax) continue;
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const behind = ((performance.now() - began) / counted).toFixed(1);
    throw new Error(`not in ${looks} looks within ${seconds} s (${behind} times behind): ${what}`);
  }
}
