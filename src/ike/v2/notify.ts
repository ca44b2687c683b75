/** Which notify tells the peer about a refusal (RFC 7296 §3.10.1). */

import { never } from "../../octets/assert.ts";
import { Writer } from "../../octets/writer.ts";
import { type NotifyPayload, Protocol } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import { unreadableType } from "../message-fault.ts";
import type { Refusal } from "../refusal.ts";

/** The notify for a refusal; undefined: no answer. Only this function chooses notifies. */
export function notifyFor(refusal: Refusal): NotifyPayload | undefined {
  switch (refusal.kind) {
    case "malformed":
    case "missing-payload":
    case "too-long":
      return notify(NotifyType.INVALID_SYNTAX);
    case "unreadable-payload":
      return notify(unreadableType(refusal.payloadType));
    case "unsupported-critical":
      return notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, Uint8Array.of(refusal.payloadType));
    case "no-proposal-chosen":
      return notify(NotifyType.NO_PROPOSAL_CHOSEN);
    case "invalid-ke":
      return notify(NotifyType.INVALID_KE_PAYLOAD, new Writer(2).u16(refusal.wantedMethod).done());
    case "key-exchange":
      return notify(NotifyType.INVALID_SYNTAX);
    case "wrong-psk":
    case "ppk":
    case "auth-method":
    case "auth-methods-unfit":
    case "certificate":
    case "id-not-in-certificate":
    case "no-credentials":
      // The same answer for all of them, so that it reveals no IDs (RFC 7296 §2.21.2).
      return notify(NotifyType.AUTHENTICATION_FAILED);
    case "ts-unacceptable":
    case "subnet-in-use":
    case "too-many-selectors":
      return notify(NotifyType.TS_UNACCEPTABLE);
    case "no-internal-address":
      return notify(NotifyType.INTERNAL_ADDRESS_FAILURE);
    case "no-additional-sas":
    case "no-additional-pairs":
      return notify(NotifyType.NO_ADDITIONAL_SAS);
    case "child-sa-not-found":
      return {
        kind: "NOTIFY",
        protocol: refusal.protocol,
        spi: new Writer(4).u32(refusal.spi).done(),
        type: NotifyType.CHILD_SA_NOT_FOUND,
        data: NO_OCTETS,
      };
    case "state-not-found":
      return notify(NotifyType.STATE_NOT_FOUND);
    case "temporary-failure":
    case "busy":
    // The proposal was right, and no other would succeed: the peer should try again with another
    // SPI (§2.25).
    case "kernel":
    case "spi-in-use":
      return notify(NotifyType.TEMPORARY_FAILURE);
    case "wrong-peer":
      return notify(NotifyType.AUTHENTICATION_FAILED);
    case "half-open-timeout":
    case "our-id":
    case "fragments-refused":
    case "peer-refused":
    case "peer-refused-ikev1":
    case "no-answer":
    case "ikev1-unsupported":
    case "xauth-failed":
    case "mode-config-failed":
    case "bad-icv":
      return undefined;
    default:
      return never(refusal);
  }
}

/** A notify about the whole IKE SA: without protocol and SPI. */
export function notify(type: number, data: Uint8Array = NO_OCTETS): NotifyPayload {
  return { kind: "NOTIFY", protocol: Protocol.NONE, spi: NO_OCTETS, type, data };
}

/** Nothing in it can be changed, so that all may share it. */
const NO_OCTETS = new Uint8Array(0);
