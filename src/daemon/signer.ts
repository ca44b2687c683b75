/** Makes and verifies signatures: fast ones at once, slow ones in a thread of their own. */

import type { Precedence } from "../concentrator/precedence.ts";
import type { SignatureRequest, SignatureResult } from "../crypto/signature.ts";
import { isSlowSignature, performSignature } from "../crypto/signature-work.ts";
import { err } from "../octets/result.ts";
import type { SignatureJob } from "./signature-worker.ts";
import { createThread } from "./thread.ts";

export type Signer = {
  /** The result, if it is available at once; otherwise `onResult` gets it later. */
  perform(
    op: SignatureRequest,
    precedence: Precedence,
    onResult: (result: SignatureResult) => void,
  ): SignatureResult | undefined;
  close(): void;
};

/** `wallMs`: the time of day, ms since 1970, for the validity of certificates. */
export function openSigner(wallMs: () => number): Signer {
  const thread = createThread<SignatureJob, SignatureResult>({
    file: "signature-worker.ts",
    fault: (fault, detail) =>
      err({
        kind: fault === "overloaded" ? "signatures-waiting" : "signature-failed",
        detail: `slow signatures: ${detail}`,
      }),
    // The key belongs to the configuration, and is needed again.
    release: () => {},
  });
  return {
    perform(op, precedence, onResult) {
      if (!isSlowSignature(op)) return performSignature(op, wallMs());
      return thread.perform({ op, wallMs: wallMs() }, precedence, onResult);
    },
    close: thread.close,
  };
}
