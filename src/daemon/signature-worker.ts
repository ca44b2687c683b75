/** A thread for slow signatures: signing with RSA keys, and the larger curves. */

import type { SignatureRequest } from "../crypto/signature.ts";
import { performSignature } from "../crypto/signature-work.ts";
import type { Job } from "./thread.ts";

declare const self: Worker;

/** A signature, and the time of day at which certificates have to be valid, ms since 1970. */
export type SignatureJob = { readonly op: SignatureRequest; readonly wallMs: number };

self.onmessage = (message: MessageEvent<Job<SignatureJob>>) => {
  const { number, request } = message.data;
  self.postMessage({ number, result: performSignature(request.op, request.wallMs) });
};
