/** IKE_FOLLOWUP_KE as responder: the additional key exchanges of new keys (RFC 9370 §2.2.4). */

import { type KeyExchangeResult, privateOctets } from "../../crypto/key-exchange.ts";
import type { IkeHeader } from "../../wire/header.ts";
import { ExchangeType } from "../../wire/v2/exchange-type.ts";
import type { Payload } from "../../wire/v2/message.ts";
import { keyExchangeRefusal } from "../busy.ts";
import type { IkeContext } from "../effect.ts";
import { answer, refuse } from "./answer.ts";
import { installPrepared } from "./create-child-sa.ts";
import type { Established, Serving } from "./established-phase.ts";
import { keOf } from "./intermediate.ts";
import { replaceIke } from "./rekey-ike-sa.ts";
import type { Step } from "./step.ts";
import { awaitNext, continuedBy, linkNotify, withoutUnfinished } from "./unfinished.ts";

// Initiator                        Responder
// HDR, SK {KEi(n), N(ADDITIONAL_KEY_EXCHANGE)} -->
//                             <--  HDR, SK {KEr(n), [N(ADDITIONAL_KEY_EXCHANGE)]}

/** The peer's next public value. */
export function onFollowupRequest(
  sa: Established,
  header: IkeHeader,
  payloads: readonly Payload[],
  context: IkeContext,
): Step {
  const unfinished = continuedBy(sa, payloads);
  if (unfinished === undefined) {
    const detail = "an additional key exchange belongs to no new keys that we know (any more)";
    return refuse(sa, header, { kind: "state-not-found", detail }, context);
  }
  const [method = 0] = unfinished.left;
  const ke = keOf(payloads, method, "IKE_FOLLOWUP_KE");
  if (!ke.ok) return refuse(withoutUnfinished(sa), header, ke.error, context);
  const ticket = context.ticket();
  const { messageId } = header;
  const random = context.random(privateOctets(method));
  const op = { op: "respond", method, random, peerPublic: ke.value.data.slice() } as const;
  const serving = { kind: "followup-key-exchange", messageId, ticket, unfinished } as const;
  // As long as it is being worked on, its time does not run out.
  return {
    sa: { ...sa, serving, unfinished: undefined },
    effects: [{ kind: "key-exchange", ticket, op }],
  };
}

/** Our public value and the shared secret are ready: the next exchange follows, or the new SA. */
export function onFollowupKeyExchange(
  sa: Established,
  { messageId, unfinished }: Extract<Serving, { kind: "followup-key-exchange" }>,
  result: KeyExchangeResult,
  context: IkeContext,
): Step {
  const to = { exchangeType: ExchangeType.IKE_FOLLOWUP_KE, messageId };
  if (!result.ok) {
    const refusal = keyExchangeRefusal(result.error);
    return refuse(withoutUnfinished({ ...sa, unfinished }), to, refusal, context);
  }
  const { publicValue, sharedSecret } = result.value;
  const { grant, left } = unfinished;
  const [method = 0, ...more] = left;
  const secrets = [...unfinished.secrets, sharedSecret];
  const ke: Payload = { kind: "KE", method, data: publicValue };
  if (more.length > 0) {
    const next = awaitNext({ grant, left: more, secrets }, context);
    const answered = answer({ ...sa, unfinished: next }, to, [ke, linkNotify(next)], context);
    return { sa: answered.sa, effects: answered.effects };
  }
  return grant.of === "child"
    ? installPrepared(sa, to, { grant, secrets, payloads: [ke] }, context)
    : replaceIke(sa, to, { grant, secrets, payloads: [ke] }, context);
}
