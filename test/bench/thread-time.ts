/**
 * The CPU time of this thread: without what a busy machine takes, and without compiler and garbage
 * collector where they have threads of their own.
 */

import { dlopen, FFIType, ptr } from "bun:ffi";

/** CLOCK_THREAD_CPUTIME_ID of <time.h>. */
const THREAD_CPU_TIME = 3;

const libc = dlopen("libc.so.6", {
  clock_gettime: { args: [FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
});
const timespec = new BigInt64Array(2);
const place = ptr(timespec);

/** In µs, since the thread began. */
export function cpuUs(): number {
  libc.symbols.clock_gettime(THREAD_CPU_TIME, place);
  const [seconds = 0n, nanoseconds = 0n] = timespec;
  return Number(seconds) * 1e6 + Number(nanoseconds) / 1e3;
}
