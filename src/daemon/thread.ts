/** A worker thread that answers numbered requests; started when needed, and again after a fault. */

import { ANSWER_MS_MAX } from "../concentrator/answer-times.ts";
import type { Precedence } from "../concentrator/precedence.ts";
import { createWorkQueue } from "./work-queue.ts";

/** What is sent to the thread; it answers with the same number. */
export type Job<Request> = { readonly number: number; readonly request: Request };

export type Thread<Request, Result> = {
  /** A fault at once; otherwise `onResult` gets the result in a later turn. */
  perform(
    request: Request,
    precedence: Precedence,
    onResult: (result: Result) => void,
  ): Result | undefined;
  /** Another thread serves later requests; this one ends once it has answered what it has. */
  renew(): void;
  close(): void;
};

export type ThreadSettings<Request, Result> = {
  /** File of the thread's code in this folder, an entry point of the compiled executable. */
  readonly file: string;
  /** A job counts as hung after so long; left out: {@link HUNG_MS}. */
  readonly hungMs?: number;
  /** What has waited so long is given up; left out: {@link WAIT_MS}. */
  readonly waitMs?: number;
  /** The result for requests that find no place, or whose thread has died. */
  fault(kind: "overloaded" | "internal", detail: string): Result;
  /** Called once a request is no longer needed here: its secrets can be wiped. */
  release(request: Request): void;
};

/**
 * Requests that the thread was sent and has not answered. A few, so that it is never idle, but no
 * more, because established sites would wait behind them: the rest stays in the queue, in order of
 * precedence.
 */
const AT_THREAD_MAX = 3;

/**
 * A job that takes so long has hung, or its answer is lost: the thread is ended, and another one
 * begins with the next request. Preparing a MODP group takes seconds on a slow machine.
 */
const HUNG_MS = 40_000;

/** A request that has waited this long is not carried out: its answer is no longer awaited. */
const WAIT_MS = Math.min(ANSWER_MS_MAX["key-exchange"], ANSWER_MS_MAX.signature);

type Waiting<Request, Result> = {
  readonly request: Request;
  /** When it was asked for, ms of the monotonic clock. */
  readonly at: number;
  readonly onResult: (result: Result) => void;
};

/** Nothing runs until the first request. */
export function createThread<Request, Result>(
  settings: ThreadSettings<Request, Result>,
): Thread<Request, Result> {
  const queue = createWorkQueue<Waiting<Request, Result>>();
  const atThread = new Map<number, (result: Result) => void>();
  let worker: Worker | undefined;
  /** It gets no more requests. */
  let isLeaving = false;
  let number = 0;
  let watch: ReturnType<typeof setTimeout> | undefined;

  const end = () => {
    worker?.terminate();
    worker = undefined;
    isLeaving = false;
  };
  const stop = () => {
    clearTimeout(watch);
    watch = undefined;
    end();
    const left = queue.clear();
    for (const { request } of left) settings.release(request);
    const callbacks = [...atThread.values(), ...left.map(({ onResult }) => onResult)];
    atThread.clear();
    return callbacks;
  };
  const start = (): Worker => {
    const started = new Worker(workerUrl(settings.file));
    started.onmessage = (message: MessageEvent<{ number: number; result: Result }>) => {
      const callback = atThread.get(message.data.number);
      atThread.delete(message.data.number);
      if (isLeaving && atThread.size === 0) end();
      watchAnew();
      feed();
      callback?.(message.data.result);
    };
    started.onerror = (event) => giveUp(event.message);
    // The thread must not keep the process alive.
    started.unref();
    return started;
  };
  const giveUp = (why: string) => {
    const failed = settings.fault("internal", why);
    for (const callback of stop()) callback(failed);
  };
  /** The thread has taken up the next job of those that it has: its time begins. */
  const watchAnew = () => {
    clearTimeout(watch);
    watch = undefined;
    if (atThread.size === 0) return;
    const hungMs = settings.hungMs ?? HUNG_MS;
    watch = setTimeout(() => giveUp(`no answer within ${hungMs} ms`), hungMs);
    watch.unref();
  };
  const feed = () => {
    while (atThread.size < AT_THREAD_MAX && !isLeaving) {
      const next = queue.take();
      if (next === undefined) return;
      if (performance.now() - next.at > (settings.waitMs ?? WAIT_MS)) {
        settings.release(next.request);
        next.onResult(settings.fault("overloaded", "others took precedence over it for too long"));
        continue;
      }
      worker ??= start();
      number++;
      atThread.set(number, next.onResult);
      if (watch === undefined) watchAnew();
      worker.postMessage({ number, request: next.request } satisfies Job<Request>);
      settings.release(next.request);
    }
  };
  const overloaded = () => settings.fault("overloaded", "too many are waiting already");

  return {
    perform(request, precedence, onResult) {
      const own = { request, onResult, at: performance.now() };
      const left = queue.add(own, precedence);
      if (left !== undefined) settings.release(left.request);
      if (left === own) return overloaded();
      left?.onResult(overloaded());
      feed();
      return undefined;
    },
    renew() {
      if (worker === undefined) return;
      if (atThread.size === 0) end();
      else isLeaving = true;
    },
    close: () => void stop(),
  };
}

/**
 * The path of the thread's code. In the compiled executable all modules are merged into one at its
 * root, while other entry points keep their path below `src`.
 */
function workerUrl(file: string): string {
  const isCompiled = import.meta.url.includes("/$bunfs/");
  return new URL(isCompiled ? `./daemon/${file}` : `./${file}`, import.meta.url).href;
}
