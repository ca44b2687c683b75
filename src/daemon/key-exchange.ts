/** Carries out key exchanges: fast ones at once, slow ones in threads of their own. */

import {
  isSlowKeyExchange,
  type KeyExchangeRequest,
  type KeyExchangeResult,
  keyExchangeFor,
  performKeyExchange,
} from "../crypto/key-exchange.ts";
import { createThread, type Thread } from "./thread.ts";

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
  const threads = new Map<string, Thread<KeyExchangeRequest, KeyExchangeResult>>();
  return {
    perform(op, onResult) {
      if (!isSlowKeyExchange(op.method)) return performKeyExchange(op);
      const kind = keyExchangeFor(op.method)?.kind ?? "";
      let thread = threads.get(kind);
      if (thread === undefined) {
        thread = createThread({
          file: "key-exchange-worker.ts",
          waitingMax: WAITING_MAX,
          fault: (fault, detail) => ({
            ok: false,
            error: { kind: fault, detail: `slow key exchanges: ${detail}` },
          }),
        });
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
