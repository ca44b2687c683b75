/** A thread that answers with its name. */

import type { Job } from "../../../src/daemon/thread.ts";

declare const self: Worker;

const NAME = crypto.randomUUID();

self.onmessage = (message: MessageEvent<Job<unknown>>) => {
  self.postMessage({ number: message.data.number, result: { thread: NAME } });
};
