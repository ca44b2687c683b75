/** Makes and verifies signatures: fast ones at once, slow ones in a thread of their own. */

import type { Precedence } from "../concentrator/precedence.ts";
import type { SignatureRequest, SignatureResult, SigningKey } from "../crypto/signature.ts";
import { forgetKeysBut, isSlowSignature, performSignature } from "../crypto/signature-work.ts";
import type { EroutePlan } from "../eroute/eroute.ts";
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
  /**
   * Another configuration is in force, which has these keys: no other is kept any more. Whoever
   * still signs with a former one may do so.
   */
  useKeys(keys: readonly Pick<SigningKey, "id">[]): void;
  close(): void;
};

/** The keys with which eroutes of a plan sign. */
export function signingKeysOf({ eroutes }: Pick<EroutePlan, "eroutes">): readonly SigningKey[] {
  return eroutes.flatMap(({ auth: { own } }) => (own.kind === "signature" ? own.key : []));
}

/** `wallMs`: the time of day, ms since 1970, for the validity of certificates. */
export function openSigner(wallMs: () => number, first: Parameters<Signer["useKeys"]>[0]): Signer {
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
  let ids: ReadonlySet<string> = new Set(first.map(({ id }) => id));
  return {
    perform(op, precedence, onResult) {
      const keepsKey = op.op === "sign" && ids.has(op.key.id);
      if (!isSlowSignature(op)) return performSignature(op, wallMs(), keepsKey);
      return thread.perform({ op, wallMs: wallMs(), keepsKey }, precedence, onResult);
    },
    useKeys(keys) {
      const before = ids;
      ids = new Set(keys.map(({ id }) => id));
      forgetKeysBut(ids);
      // With the thread go the keys that it keeps, and all copies of them.
      if ([...before].some((id) => !ids.has(id))) thread.renew();
    },
    close: thread.close,
  };
}
