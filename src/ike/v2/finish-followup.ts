/** Our additional key exchanges are done or have failed: what becomes of the new keys. */

import type { KeyExchangeResult } from "../../crypto/key-exchange.ts";
import type { Payload } from "../../wire/v2/message.ts";
import { keyExchangeRefusal } from "../busy.ts";
import type { IkeContext } from "../effect.ts";
import type { Refusal } from "../refusal.ts";
import type { Asking, Followup } from "./asking.ts";
import { onRefused, onWrongAnswer } from "./child-setback.ts";
import { dropDeleted, installGranted } from "./create-child-sa-request.ts";
import type { Established } from "./established-phase.ts";
import {
  beginFollowup,
  type Failed,
  onFollowupPublicValue,
  onFollowupResponse,
  wipeFollowup,
} from "./followup-request.ts";
import { finishIke, onRefusedIke, onWrongIkeAnswer } from "./rekey-ike-sa-request.ts";
import type { Step } from "./step.ts";

type Of<K extends Asking["kind"]> = Extract<Asking, { kind: K }>;

/** The next request goes out, or the new keys have failed. */
export function sendFollowup(
  sa: Established,
  asking: Of<"followup-public-value">,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  const sent = onFollowupPublicValue(sa, asking, result, context);
  return sent.ok ? sent.value : failFollowup(sa, asking.followup, wrong(sent.error), context);
}

/** The peer's answer. */
export function takeFollowup(
  sa: Established,
  asking: Of<"followup-response">,
  payloads: readonly Payload[],
  context: IkeContext,
): Step {
  const taken = onFollowupResponse(sa, asking, payloads, context);
  return taken.ok ? taken.value : failFollowup(sa, asking.followup, taken.error, context);
}

/** One more secret: the next exchange begins, or the new SA is made. */
export function onFollowupSharedSecret(
  sa: Established,
  { followup }: Of<"followup-shared-secret">,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  if (!result.ok) {
    return failFollowup(sa, followup, wrong(keyExchangeRefusal(result.error)), context);
  }
  const { grant, left, link } = followup;
  const secrets = [...followup.secrets, result.value.sharedSecret];
  if (left.length > 0) return beginFollowup(sa, { grant, left, secrets, link }, context);
  if (grant.of === "ike") return finishIke(sa, grant, secrets, context);
  const free: Established = { ...sa, asking: undefined };
  if (followup.isDeleted) {
    return dropDeleted(free, { ask: grant.ask, secrets }, context);
  }
  return installGranted(free, grant, { granted: grant.granted, secrets }, context);
}

function wrong(refusal: Refusal): Failed {
  return { setback: { kind: "wrong-answer" }, refusal };
}

/** The whole series has failed, as if CREATE_CHILD_SA had (RFC 9370 §2.2.4). */
export function failFollowup(
  sa: Established,
  followup: Followup,
  failed: Failed,
  context: IkeContext,
): Step {
  const { grant } = followup;
  const { setback, refusal } = failed;
  wipeFollowup(followup);
  if (grant.of === "ike") {
    return setback.kind === "refused"
      ? onRefusedIke(sa, grant.ask, failed, context)
      : onWrongIkeAnswer(sa, grant.ask, refusal, context);
  }
  const free: Established = { ...sa, asking: undefined };
  return setback.kind === "refused"
    ? onRefused(free, grant.ask, setback, context)
    : onWrongAnswer(free, grant.ask, refusal, context);
}
