/** Dead Peer Detection (RFC 3706): either end may ask whether the other is there. */

import { type Instant, later } from "../../octets/instant.ts";
import { Writer } from "../../octets/writer.ts";
import type { NotifyPayload } from "../../wire/v1/message.ts";
import { NotifyType } from "../../wire/v1/notify-type.ts";
import type { Vendor } from "../../wire/v1/vendor-id.ts";
import type { IkeContext } from "../effect.ts";
import { childrenDown, failedNote } from "./answer.ts";
import type { Dpd, Established } from "./established-phase.ts";
import { cookieOctets } from "./keys.ts";
import { notify } from "./notify.ts";
import { copyWaitMs } from "./retransmit.ts";
import { wipeSecrets } from "./secrets.ts";
import { sendInformational } from "./send-informational.ts";
import type { IkeEffect, Step } from "./step.ts";

/** Its first number is random and below 2^31 (§6.2). */
export function newDpd(vendors: ReadonlySet<Vendor>, { random }: Pick<IkeContext, "random">): Dpd {
  const octets = random(4);
  const sequence = new DataView(octets.buffer, octets.byteOffset, 4).getUint32(0) >>> 1;
  const isSupported = vendors.has("dpd");
  return { isSupported, sequence, asked: undefined, peerSequence: undefined };
}

/** When to see whether a silent peer is there; undefined: never, or it is being asked. */
export function livenessAt(sa: Established): Instant | undefined {
  const { settings, dpd, usage, heardAt, heir } = sa;
  const { livenessMs } = settings;
  // One that a newer one has replaced is about to go, whether its peer answers or not.
  if (livenessMs === undefined || !dpd.isSupported || heir !== undefined) return undefined;
  if (dpd.asked !== undefined || usage.ticket !== undefined) return undefined;
  return later(heardAt, livenessMs);
}

/**
 * Whether the last message of Phase 1 is ours, and the peer, which can be asked, has said nothing
 * since: it may not have it, and then it knows of no such ISAKMP SA.
 */
export function awaitsSign({ lastOfPhase1, dpd }: Established): boolean {
  return lastOfPhase1 !== undefined && dpd.isSupported;
}

/**
 * The third message of our Aggressive Mode may have been lost: without it the site cannot read what
 * follows, and it need not repeat its own message.
 */
export function lastOfOurPhase1({ id, lastOfPhase1, path }: Established): readonly IkeEffect[] {
  if (id.role === "responder" || lastOfPhase1 === undefined) return [];
  return [{ kind: "send", octets: lastOfPhase1.octets, path }];
}

/** Whether the peer has been silent for so long that it has to be asked. */
export function isSilent({ settings, dpd, heardAt }: Established, now: Instant): boolean {
  const { livenessMs } = settings;
  if (livenessMs === undefined || !dpd.isSupported) return false;
  return now >= later(heardAt, livenessMs);
}

/** Asks the peer, unless it is being asked. */
export function sendProbe(sa: Established, context: IkeContext): Step {
  const { dpd } = sa;
  if (!dpd.isSupported || dpd.asked !== undefined) return { sa, effects: [] };
  const sequence = (dpd.sequence + 1) >>> 0;
  const asked = { attempts: 1, againAt: later(context.now, copyWaitMs(sa.settings, 1, context)) };
  const { isSupported, peerSequence } = dpd;
  const asking: Established = { ...sa, dpd: { isSupported, sequence, asked, peerSequence } };
  return sendInformational(asking, [question(asking)], context);
}

/** Asks once more, or gives the peer up: it gets no Delete, which it would not receive. */
export function askAgain(sa: Established, context: IkeContext): Step {
  const { dpd, settings } = sa;
  const { asked, isSupported, sequence, peerSequence } = dpd;
  if (asked === undefined) return { sa, effects: [] };
  const attempts = asked.attempts + 1;
  if (attempts > settings.retransmission.attemptsMax) return giveUpPeer(sa);
  const againAt = later(context.now, copyWaitMs(settings, attempts, context));
  const next = { isSupported, sequence, asked: { attempts, againAt }, peerSequence };
  const asking: Established = { ...sa, dpd: next };
  const sent = sendInformational(asking, [question(asking)], context);
  return {
    sa: sent.sa,
    effects: [
      { kind: "count", counter: "retransmissions" },
      ...lastOfOurPhase1(sa),
      ...sent.effects,
    ],
  };
}

function giveUpPeer(sa: Established): Step {
  const isUnknown = awaitsSign(sa);
  const down = childrenDown(sa, isUnknown ? "timeout" : "peer-silent");
  wipeSecrets(sa);
  if (!isUnknown) {
    const reason = { kind: "we-deleted", why: "peer-silent" } as const;
    return { sa: undefined, effects: [...down, { kind: "ended", reason }] };
  }
  // A former one of the site goes on.
  const detail = "our last message of Phase 1 went out, and the site did not go on";
  const refusal = { kind: "half-open-timeout", detail } as const;
  const note = failedNote(sa.id.role === "initiator" ? "Aggressive Mode" : "Main Mode", refusal);
  const ended = { kind: "ended", reason: { kind: "refused", refusal } } as const;
  return { sa: undefined, effects: [...down, note, ended] };
}

function question({ id, dpd }: Established): NotifyPayload {
  const data = new Writer(4).u32(dpd.sequence).done();
  return notify(NotifyType.R_U_THERE, { spi: cookieOctets(id), data });
}

/** R-U-THERE: always answered. A number that does not rise shows nothing: it may be a replay. */
export function onQuestion(sa: Established, asked: NotifyPayload, context: IkeContext): Step {
  const sequence = sequenceOf(asked);
  if (sequence === undefined) return { sa, effects: [] };
  const { dpd } = sa;
  const isNew = dpd.peerSequence === undefined || sequence > dpd.peerSequence;
  const answer = notify(NotifyType.R_U_THERE_ACK, { spi: cookieOctets(sa.id), data: asked.data });
  const heard: Established = isNew
    ? { ...sa, heardAt: context.now, dpd: { ...dpd, peerSequence: sequence } }
    : sa;
  return sendInformational(heard, [answer], context);
}

/** R-U-THERE-ACK: counts only for the question under way. */
export function onAcknowledged(sa: Established, answer: NotifyPayload, now: Instant): Established {
  const { dpd } = sa;
  if (dpd.asked === undefined || sequenceOf(answer) !== dpd.sequence) return sa;
  return { ...sa, heardAt: now, dpd: { ...dpd, asked: undefined } };
}

function sequenceOf({ data }: NotifyPayload): number | undefined {
  if (data.length !== 4) return undefined;
  return new DataView(data.buffer, data.byteOffset, 4).getUint32(0);
}
