/** How long the event loop was blocked: a timer measures how late it fires. */

/** Often enough to see what people would notice, rarely enough to cost nothing. */
const EVERY_MS = 100;
/** The longest of so many turns is kept: that of the last minute. */
const KEPT = 600;

export type LoopWatch = {
  /** The longest delay of the last minute, in seconds. */
  longestSeconds(): number;
  stop(): void;
};

/** Watches until it is stopped; the timer alone does not keep the process alive. */
export function watchLoop(nowMs: () => number): LoopWatch {
  const delaysMs = new Float64Array(KEPT);
  let at = 0;
  let due = nowMs() + EVERY_MS;
  const timer = setInterval(() => {
    const now = nowMs();
    delaysMs[at] = Math.max(0, now - due);
    at = (at + 1) % KEPT;
    due = now + EVERY_MS;
  }, EVERY_MS);
  timer.unref();
  return {
    longestSeconds: () => Math.max(...delaysMs) / 1000,
    stop: () => clearInterval(timer),
  };
}
