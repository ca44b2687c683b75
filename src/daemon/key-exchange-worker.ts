/** A thread for the slow key exchanges: MODP groups, whose preparation takes seconds. */

import { type KeyExchangeRequest, performKeyExchange } from "../crypto/key-exchange.ts";
import type { Job } from "./thread.ts";

declare const self: Worker;

self.onmessage = (message: MessageEvent<Job<KeyExchangeRequest>>) => {
  const { number, request } = message.data;
  self.postMessage({ number, result: performKeyExchange(request) });
};
