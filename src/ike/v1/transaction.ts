/** Transaction exchanges that the peer begins: Mode Config (draft-dukes-ike-mode-cfg-02 §2). */

import { CfgType } from "../../wire/v1/cfg-attribute.ts";
import { ExchangeType } from "../../wire/v1/header.ts";
import type { AttributePayload } from "../../wire/v1/message.ts";
import type { IkeContext } from "../effect.ts";
import { okNote, refusedNote } from "./answer.ts";
import type { Established } from "./established-phase.ts";
import { payloadOf } from "./find-payload.ts";
import { modeConfigAck, modeConfigReply, modeConfigText } from "./mode-config.ts";
import { type Decrypted, hashed, sealMessage } from "./protect.ts";
import { endPush } from "./push.ts";
import type { IkeEffect, Step } from "./step.ts";

// Initiator                       Responder
// HDR*, HASH, ATTR(REQUEST) -->
//                             <-- HDR*, HASH, ATTR(REPLY)

/**
 * Answers an authentic message; a repeat gets the same answer once more. A peer that may not have
 * what it asks for gets an empty answer, so that it does not wait. One that asks for the address
 * that it is being told has it with our answer.
 */
export function onTransaction(
  sa: Established,
  messageId: number,
  { received, iv }: Decrypted,
  context: IkeContext,
): Step {
  const asked = payloadOf(received.payloads, "ATTRIBUTE");
  if (asked === undefined) return { sa, effects: [] };
  const { answer, effects, isAddressGiven } = answerTo(asked, sa);
  if (answer === undefined) return { sa, effects };
  const head = { exchangeType: ExchangeType.TRANSACTION, messageId, iv };
  const { octets } = sealMessage(sa, head, hashed(sa, messageId, [answer]), context);
  return {
    sa: isAddressGiven ? endPush(sa) : sa,
    effects: [...effects, { kind: "send", octets, path: sa.path }],
  };
}

type Answer = {
  readonly answer: AttributePayload | undefined;
  readonly effects: readonly IkeEffect[];
  readonly isAddressGiven: boolean;
};

function answerTo(asked: AttributePayload, { policy }: Established): Answer {
  switch (asked.cfgType) {
    case CfgType.REQUEST: {
      // Only what it asks for is in the reply: so it knows Cisco's attributes if they are.
      const reply = modeConfigReply(asked, { ...policy, isUnity: true });
      if (reply.ok) {
        const { payload, addresses } = reply.value;
        const given = `given ${modeConfigText(reply.value)}`;
        const note = okNote("Transaction", "inner-address", given);
        const isAddressGiven = addresses.length > 0;
        return { answer: payload, effects: isAddressGiven ? [note] : [], isAddressGiven };
      }
      const { identifier } = asked;
      const empty = { kind: "ATTRIBUTE", cfgType: CfgType.REPLY, identifier } as const;
      return {
        answer: { ...empty, attributes: [] },
        effects: [refusedNote("Transaction", reply.error)],
        isAddressGiven: false,
      };
    }
    case CfgType.SET:
      return { answer: modeConfigAck(asked), effects: [], isAddressGiven: false };
    default:
      return { answer: undefined, effects: [], isAddressGiven: false };
  }
}
