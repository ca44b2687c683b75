/**
 * Performs key exchanges: fast ones at once, those that the runtime only promises at the end of the
 * turn, slow ones in threads of their own.
 */

import type { Precedence } from "../concentrator/precedence.ts";
import {
  isSlowKeyExchange,
  type KeyExchangeRequest,
  type KeyExchangeResult,
  performKeyExchange,
} from "../crypto/key-exchange.ts";
import { wipe } from "../octets/secret.ts";
import { beginMlKem } from "./ml-kem.ts";
import { createThread, type Thread } from "./thread.ts";

type OnResult = (result: KeyExchangeResult) => void;

export type KeyExchanger = {
  /**
   * The result, if it is available at once; otherwise `onResult` gets it later. The caller wipes
   * `op.random` in any case: a request that has to wait has its own copy.
   */
  perform(
    op: KeyExchangeRequest,
    precedence: Precedence,
    onResult: OnResult,
  ): KeyExchangeResult | undefined;
  close(): void;
};

/**
 * A thread starts with the first slow key exchange of its group. No group waits for the preparation
 * of another one, which takes seconds for the larger MODP groups, once.
 */
export function openKeyExchanger(): KeyExchanger {
  const threads = new Map<number, Thread<KeyExchangeRequest, KeyExchangeResult>>();
  let isOpen = true;
  return {
    perform(op, precedence, onResult) {
      if (!isSlowKeyExchange(op.method)) return performKeyExchange(op);
      const promised = beginMlKem(op);
      if (promised !== undefined) {
        void promised.then((result) => isOpen && onResult(result));
        return undefined;
      }
      let thread = threads.get(op.method);
      if (thread === undefined) {
        thread = createThread({
          file: "key-exchange-worker.ts",
          fault: (fault, detail) => ({
            ok: false,
            error: { kind: fault, detail: `slow key exchanges: ${detail}` },
          }),
          release: ({ random }) => wipe(random),
        });
        threads.set(op.method, thread);
      }
      return thread.perform({ ...op, random: op.random.slice() }, precedence, onResult);
    },
    close() {
      isOpen = false;
      for (const thread of threads.values()) thread.close();
      threads.clear();
    },
  };
}
