/** Performs key exchanges: fast ones at once, slow ones in threads of their own. */

import type { Precedence } from "../concentrator/precedence.ts";
import {
  isSlowKeyExchange,
  type KeyExchangeRequest,
  type KeyExchangeResult,
  keyExchangeFor,
  performKeyExchange,
} from "../crypto/key-exchange.ts";
import { wipe } from "../octets/secret.ts";
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
 * A thread starts with the first slow key exchange of its kind. Curves do not wait for the
 * preparation of a MODP group, which takes up to seconds, once.
 */
export function openKeyExchanger(): KeyExchanger {
  const threads = new Map<string, Thread<KeyExchangeRequest, KeyExchangeResult>>();
  return {
    perform(op, precedence, onResult) {
      if (!isSlowKeyExchange(op.method)) return performKeyExchange(op);
      const kind = keyExchangeFor(op.method)?.kind ?? "";
      let thread = threads.get(kind);
      if (thread === undefined) {
        thread = createThread({
          file: "key-exchange-worker.ts",
          fault: (fault, detail) => ({
            ok: false,
            error: { kind: fault, detail: `slow key exchanges: ${detail}` },
          }),
          release: ({ random }) => wipe(random),
        });
        threads.set(kind, thread);
      }
      return thread.perform({ ...op, random: op.random.slice() }, precedence, onResult);
    },
    close() {
      for (const thread of threads.values()) thread.close();
      threads.clear();
    },
  };
}
