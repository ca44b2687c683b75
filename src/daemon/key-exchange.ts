/** Carries out key exchanges: fast ones at once, slow ones in threads of their own. */

import {
  isSlowKeyExchange,
  type KeyExchangeFault,
  type KeyExchangeRequest,
  type KeyExchangeResult,
  keyExchangeFor,
  performKeyExchange,
} from "../crypto/key-exchange.ts";
import type { KeyExchangeJob } from "./key-exchange-worker.ts";

type OnResult = (result: KeyExchangeResult) => void;

export type KeyExchanger = {
  /** The result, if it is there at once; otherwise `onResult` gets it later. */
  perform(op: KeyExchangeRequest, onResult: OnResult): KeyExchangeResult | undefined;
  close(): void;
};

/** Slow key exchanges that may wait for one thread; one takes 0.3 to 3 ms. */
const WAITING_MAX = 1024;

/**
 * A thread starts with the first slow key exchange of its kind. Curves do not wait behind the
 * preparation of a MODP group, which takes up to seconds once.
 */
export function openKeyExchanger(): KeyExchanger {
  const threads = new Map<string, Thread>();
  return {
    perform(op, onResult) {
      if (!isSlowKeyExchange(op.method)) return performKeyExchange(op);
      const kind = keyExchangeFor(op.method)?.kind ?? "";
      let thread = threads.get(kind);
      if (thread === undefined) {
        thread = createThread();
        threads.set(kind, thread);
      }
      return thread.perform(op, onResult);
    },
    close() {
      for (const thread of threads.values()) thread.close();
      threads.clear();
    },
  };
}

type Thread = {
  perform(op: KeyExchangeRequest, onResult: OnResult): KeyExchangeResult | undefined;
  close(): void;
};

/** A thread that is started when it is first needed, and again after a fault. */
function createThread(): Thread {
  const waiting = new Map<number, OnResult>();
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
    const started = new Worker(workerUrl());
    started.onmessage = (message: MessageEvent<{ number: number; result: KeyExchangeResult }>) => {
      const callback = waiting.get(message.data.number);
      waiting.delete(message.data.number);
      callback?.(message.data.result);
    };
    started.onerror = (event) => {
      const failed = fault("internal", `key exchange thread: ${event.message}`);
      for (const callback of stop()) callback(failed);
    };
    // The thread must not keep the process alive.
    started.unref();
    return started;
  };

  return {
    perform(op, onResult) {
      if (waiting.size >= WAITING_MAX) {
        return fault("overloaded", `${WAITING_MAX} slow key exchanges are waiting already`);
      }
      worker ??= start();
      number++;
      waiting.set(number, onResult);
      worker.postMessage({ number, op } satisfies KeyExchangeJob);
      return undefined;
    },
    close: () => {
      stop();
    },
  };
}

function fault(kind: KeyExchangeFault["kind"], detail: string): KeyExchangeResult {
  return { ok: false, error: { kind, detail } };
}

/**
 * Where the thread's code is. In the compiled executable all modules become one at its root, and
 * other entry points keep their path below `src`.
 */
function workerUrl(): string {
  const isCompiled = import.meta.url.includes("/$bunfs/");
  const path = isCompiled ? "./daemon/key-exchange-worker.ts" : "./key-exchange-worker.ts";
  return new URL(path, import.meta.url).href;
}
