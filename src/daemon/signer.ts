/** Makes and judges signatures: fast ones at once, slow ones in a thread of their own. */

import type { SignatureRequest, SignatureResult } from "../crypto/signature.ts";
import { isSlowSignature, performSignature } from "../crypto/signature-work.ts";
import { err } from "../octets/result.ts";
import type { SignatureJob } from "./signature-worker.ts";
import { createThread } from "./thread.ts";

export type Signer = {
  /** The result, if it is there at once; otherwise `onResult` gets it later. */
  perform(
    op: SignatureRequest,
    onResult: (result: SignatureResult) => void,
  ): SignatureResult | undefined;
  close(): void;
};

/** Slow signatures that may wait for the thread; one takes 0.7 to 10 ms. */
const WAITING_MAX = 1024;

/** `wallMs`: the time of day, ms since 1970, for the validity of certificates. */
export function openSigner(wallMs: () => number): Signer {
  const thread = createThread<SignatureJob, SignatureResult>({
    file: "signature-worker.ts",
    waitingMax: WAITING_MAX,
    fault: (_, detail) => err({ kind: "signature-failed", detail: `slow signatures: ${detail}` }),
  });
  return {
    perform(op, onResult) {
      if (!isSlowSignature(op)) return performSignature(op, wallMs());
      return thread.perform({ op, wallMs: wallMs() }, onResult);
    },
    close: thread.close,
  };
}
