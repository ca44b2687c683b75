/** A thread for slow signatures: signing with RSA keys, and the larger curves. */

import type { SignatureRequest } from "../crypto/signature.ts";
import { performSignature } from "../crypto/signature-work.ts";
import type { Job } from "./thread.ts";

declare const self: Worker;

/**
 * A signature, the time of day at which certificates have to be valid, ms since 1970, and whether
 * its key is kept for others.
 */
export type SignatureJob = {
  readonly op: SignatureRequest;
  readonly wallMs: number;
  readonly keepsKey: boolean;
};

self.onmessage = (message: MessageEvent<Job<SignatureJob>>) => {
  const { number, request } = message.data;
  const { op, wallMs, keepsKey } = request;
  self.postMessage({ number, result: performSignature(op, wallMs, keepsKey) });
};
