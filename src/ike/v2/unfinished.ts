/** New keys for the peer that need additional key exchanges, as responder (RFC 9370 §2.2.4). */

import { equalOctets } from "../../octets/concat.ts";
import { later } from "../../octets/instant.ts";
import { wipe } from "../../octets/secret.ts";
import type { NotifyPayload, Payload } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import type { IkeContext } from "../effect.ts";
import { retryMs } from "../jitter.ts";
import { FOLLOWUP_MS } from "../limits.ts";
import type { Established, Unfinished } from "./established-phase.ts";
import { notifyOf } from "./find-payload.ts";
import { notify } from "./notify.ts";

/** Octets of the value that connects the exchanges. */
const LINK_OCTETS = 8;

/** The state after one more exchange, which waits for the next one. */
export function awaitNext(
  { grant, left, secrets }: Pick<Unfinished, "grant" | "left" | "secrets">,
  context: IkeContext,
): Unfinished {
  const link = context.random(LINK_OCTETS);
  return { grant, left, secrets, link, until: later(context.now, FOLLOWUP_MS) };
}

/** The notify that announces the next exchange. */
export function linkNotify({ link }: Pick<Unfinished, "link">): NotifyPayload {
  return notify(NotifyType.ADDITIONAL_KEY_EXCHANGE, link);
}

/** The link in a message, copied; longer ones are cut off, and fit nothing. */
export function linkOf(payloads: readonly Payload[]): Uint8Array | undefined {
  const found = notifyOf(payloads, NotifyType.ADDITIONAL_KEY_EXCHANGE)?.data;
  return found === undefined || found.length > LINK_OCTETS_MAX ? undefined : found.slice();
}

/** The peer may put what it likes in it: more than this is not kept. */
const LINK_OCTETS_MAX = 1_024;

/** What a request of the peer continues; undefined: nothing that we know. */
export function continuedBy(
  { unfinished }: Pick<Established, "unfinished">,
  payloads: readonly Payload[],
): Unfinished | undefined {
  const link = linkOf(payloads);
  if (unfinished === undefined || link === undefined) return undefined;
  return equalOctets(link, unfinished.link) ? unfinished : undefined;
}

/** The IKE SA ends: wipes the secrets of new keys that are under way, at either end. */
export function wipeUnderWay({
  unfinished,
  serving,
  asking,
}: Pick<Established, "unfinished" | "serving" | "asking">): void {
  wipe(...(unfinished?.secrets ?? []));
  if (serving?.kind === "followup-key-exchange") wipe(...serving.unfinished.secrets);
  if (asking !== undefined && "followup" in asking) {
    const { secrets, privateOctets } = asking.followup;
    wipe(...secrets, privateOctets);
  }
}

/** Without it; its secrets are wiped. */
export function withoutUnfinished(sa: Established): Established {
  wipe(...(sa.unfinished?.secrets ?? []));
  return { ...sa, unfinished: undefined };
}

/** The peer has not gone on: what it was about to rekey is rekeyed by us, after a while. */
export function forgetUnfinished(sa: Established, context: IkeContext): Established {
  const { unfinished } = sa;
  const left = withoutUnfinished(sa);
  if (unfinished === undefined) return left;
  const { grant } = unfinished;
  if (grant.of === "ike") {
    const { rekeyAt = later(context.now, retryMs(sa.settings.lifetimeMs, context.random)) } =
      sa.timers;
    return { ...left, timers: { ...sa.timers, rekeyAt } };
  }
  const spiIn = grant.child.replaces;
  const rekeyAt = later(context.now, retryMs(sa.policy.lifetimeMs, context.random));
  const children = sa.children.map((child) => {
    const isIt = child.spiIn === spiIn && child.redundantUntil === undefined;
    return isIt && child.rekeyAt === undefined ? { ...child, rekeyAt } : child;
  });
  return { ...left, children };
}
