/**
 * The first Child SA, which the site asks for in IKE_AUTH (RFC 7296 §1.2), from the plan to the
 * kernel. If our kernel refuses it, the site gets no answer: each repeat of its request tries again
 * until the negotiation's time is over (R6).
 */

import { sha256 } from "../../crypto/hash.ts";
import { equalOctets } from "../../octets/concat.ts";
import type { IkeHeader } from "../../wire/header.ts";
import { ExchangeType } from "../../wire/v2/exchange-type.ts";
import type { Payload } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import type { IkeContext } from "../effect.ts";
import type { Refusal } from "../refusal.ts";
import { answer, failedNote } from "./answer.ts";
import type { Established, FirstChild, Serving } from "./established-phase.ts";
import { hold, notTheRepeat, unansweredEffects } from "./hold-auth.ts";
import { wipeIkeKeys } from "./keys.ts";
import { childUp, makeChild } from "./make-child-sa.ts";
import { notify, notifyFor } from "./notify.ts";
import type { Opened } from "./protect.ts";
import type { Step } from "./step.ts";
import { addTask } from "./tasks.ts";

type Making = Extract<Serving, { kind: "ike-auth" }>;
type Waiting = Extract<Serving, { kind: "ike-auth-held" }>;

/**
 * Asks the kernel to install the Child SA. A further attempt uses another SPI of ours and the same
 * keys, which is safe: the kernel draws a new salt for the IVs of each state.
 */
export function makeFirstChild(
  sa: Established,
  messageId: number,
  first: FirstChild,
  context: IkeContext,
): Step {
  const { prf } = sa.algorithms;
  const { SK_d } = sa.keys;
  const secrets = { prf, SK_d, sharedSecret: new Uint8Array(0), Nr: first.Nr };
  const made = makeChild(first.plan, secrets, sa.policy, context);
  const ticket = context.ticket();
  return {
    sa: { ...sa, serving: { kind: "ike-auth", messageId, ticket, first, child: made.answer } },
    effects: [
      childUp(
        ticket,
        { child: made.answer.sa, keys: made.keys },
        { inboundOnly: false, isOurs: false },
      ),
    ],
  };
}

/** There is no first Child SA: the site gets no answer yet, or an IKE SA without it. */
export function refusedFirstChild(
  sa: Established,
  serving: Making,
  refusal: Refusal,
  context: IkeContext,
): Step {
  const { messageId, first, child } = serving;
  if (refusal.kind === "kernel") {
    const { held, effects } = hold(first, refusal, context);
    const waiting = { kind: "ike-auth-held", messageId, first, held } as const;
    return { sa: { ...sa, serving: waiting }, effects };
  }
  const to = { exchangeType: ExchangeType.IKE_AUTH, messageId };
  const answered = answer(sa, to, [...first.head, ...noticeOf(refusal)], context);
  // If only its SPI was in use, we ask for the Child SA: the site then chooses another SPI.
  const { local, remote } = child.sa;
  const asking =
    refusal.kind === "spi-in-use"
      ? addTask(answered.sa, { kind: "new-child", local, remote })
      : answered.sa;
  return { sa: asking, effects: [...answered.effects, failedNote("IKE_AUTH", refusal)] };
}

/**
 * TEMPORARY_FAILURE would suit an SPI in use, but in this exchange strongSwan takes it for the end
 * of the IKE SA, and does not call again.
 */
function noticeOf(refusal: Refusal): readonly Payload[] {
  if (refusal.kind === "spi-in-use") return [notify(NotifyType.NO_ADDITIONAL_SAS)];
  const notice = notifyFor(refusal);
  return notice === undefined ? [] : [notice];
}

/** Whether the peer still waits for the answer to its IKE_AUTH: before that we ask nothing. */
export function awaitsAuthResponse({ serving }: Pick<Established, "serving">): boolean {
  return serving?.kind === "ike-auth" || serving?.kind === "ike-auth-held";
}

/** Repeats that follow each other too fast are not even decrypted. */
export function isTooEarly({ serving }: Established, header: IkeHeader, now: number): boolean {
  return serving?.kind === "ike-auth-held" && !header.flags.response && now < serving.held.againAt;
}

/** The next attempt. */
export function onHeldRequest(
  sa: Established,
  { messageId, first, held }: Waiting,
  { header, opened }: { readonly header: IkeHeader; readonly opened: Opened },
  context: IkeContext,
): Step {
  const isRepeat =
    opened.kind === "whole" &&
    header.exchangeType === ExchangeType.IKE_AUTH &&
    equalOctets(sha256(opened.inner), first.digest);
  return isRepeat ? makeFirstChild(sa, messageId, { ...first, held }, context) : notTheRepeat(sa);
}

/** The negotiation's time is over. */
export function endHeld(sa: Established, { held }: Waiting): Step {
  wipeIkeKeys(sa.keys);
  return { sa: undefined, effects: unansweredEffects(held) };
}
