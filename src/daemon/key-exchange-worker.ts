/** A thread for the slow key exchanges: MODP groups, whose preparation takes seconds. */

import { type KeyExchangeRequest, performKeyExchange } from "../crypto/key-exchange.ts";

declare const self: Worker;

/** What the worker is sent; it answers with the same number. */
export type KeyExchangeJob = { readonly number: number; readonly op: KeyExchangeRequest };

self.onmessage = (message: MessageEvent<KeyExchangeJob>) => {
  const { number, op } = message.data;
  self.postMessage({ number, result: performKeyExchange(op) });
};
