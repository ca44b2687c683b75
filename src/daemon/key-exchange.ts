/** Carries out key exchanges: fast ones at once, slow ones in a thread of their own. */

import {
  isSlowKeyExchange,
  type KeyExchangeFault,
  type KeyExchangeRequest,
  type KeyExchangeResult,
  performKeyExchange,
} from "../crypto/key-exchange.ts";
import type { KeyExchangeJob } from "./key-exchange-worker.ts";

export type KeyExchanger = {
  /** The result, if it is there at once; otherwise `onResult` gets it later. */
  perform(
    op: KeyExchangeRequest,
    onResult: (result: KeyExchangeResult) => void,
  ): KeyExchangeResult | undefined;
  close(): void;
};

/** Slow key exchanges that may wait; at 0.3 ms each the last one waits some 300 ms. */
const WAITING_MAX = 1024;

/** Starts the thread only when the first slow key exchange comes. */
export function openKeyExchanger(): KeyExchanger {
  const waiting = new Map<number, (result: KeyExchangeResult) => void>();
  let worker: Worker | undefined;
  let number = 0;

  const failAll = (detail: string): void => {
    worker?.terminate();
    worker = undefined;
    const callbacks = [...waiting.values()];
    waiting.clear();
    for (const callback of callbacks) callback(fault("internal", detail));
  };
  const start = (): Worker => {
    const started = new Worker(workerUrl());
    started.onmessage = (message: MessageEvent<{ number: number; result: KeyExchangeResult }>) => {
      const callback = waiting.get(message.data.number);
      waiting.delete(message.data.number);
      callback?.(message.data.result);
    };
    started.onerror = (event) => failAll(`key exchange thread: ${event.message}`);
    // The thread must not keep the process alive.
    started.unref();
    return started;
  };

  return {
    perform(op, onResult) {
      if (!isSlowKeyExchange(op.method)) return performKeyExchange(op);
      if (waiting.size >= WAITING_MAX) {
        return fault("overloaded", `${WAITING_MAX} slow key exchanges are waiting already`);
      }
      worker ??= start();
      number++;
      waiting.set(number, onResult);
      worker.postMessage({ number, op } satisfies KeyExchangeJob);
      return undefined;
    },
    close() {
      worker?.terminate();
      worker = undefined;
      waiting.clear();
    },
  };
}

function fault(kind: KeyExchangeFault["kind"], detail: string): KeyExchangeResult {
  return { ok: false, error: { kind, detail } };
}

/** Beside this file, also inside the compiled executable (an entry point of its own there). */
function workerUrl(): string {
  return new URL("./key-exchange-worker.ts", import.meta.url).href;
}
