/** A worker thread that answers numbered requests; started when needed, and again after a fault. */

/** What the thread is sent; it answers with the same number. */
export type Job<Request> = { readonly number: number; readonly request: Request };

export type Thread<Request, Result> = {
  /** What is wrong at once; otherwise `onResult` gets the result later. */
  perform(request: Request, onResult: (result: Result) => void): Result | undefined;
  close(): void;
};

export type ThreadSettings<Result> = {
  /** File of the thread's code in this folder, an entry point of the compiled executable. */
  readonly file: string;
  /** Requests that may wait at the same time. */
  readonly waitingMax: number;
  /** What those get that find no place, or whose thread has died. */
  fault(kind: "overloaded" | "internal", detail: string): Result;
};

/** Nothing runs until the first request. */
export function createThread<Request, Result>(
  settings: ThreadSettings<Result>,
): Thread<Request, Result> {
  const waiting = new Map<number, (result: Result) => void>();
  let worker: Worker | undefined;
  let number = 0;

  const stop = () => {
    worker?.terminate();
    worker = undefined;
    const callbacks = [...waiting.values()];
    waiting.clear();
    return callbacks;
  };
  const start = (): Worker => {
    const started = new Worker(workerUrl(settings.file));
    started.onmessage = (message: MessageEvent<{ number: number; result: Result }>) => {
      const callback = waiting.get(message.data.number);
      waiting.delete(message.data.number);
      callback?.(message.data.result);
    };
    started.onerror = (event) => {
      const failed = settings.fault("internal", event.message);
      for (const callback of stop()) callback(failed);
    };
    // The thread must not keep the process alive.
    started.unref();
    return started;
  };

  return {
    perform(request, onResult) {
      if (waiting.size >= settings.waitingMax) {
        return settings.fault("overloaded", `${settings.waitingMax} are waiting already`);
      }
      worker ??= start();
      number++;
      waiting.set(number, onResult);
      worker.postMessage({ number, request } satisfies Job<Request>);
      return undefined;
    },
    close: () => {
      stop();
    },
  };
}

/**
 * Where the thread's code is. In the compiled executable all modules become one at its root, and
 * other entry points keep their path below `src`.
 */
function workerUrl(file: string): string {
  const isCompiled = import.meta.url.includes("/$bunfs/");
  return new URL(isCompiled ? `./daemon/${file}` : `./${file}`, import.meta.url).href;
}
