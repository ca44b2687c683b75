/** AUTH_LIFETIME: how long the responder accepts the initiator's authentication (RFC 4478). */

import { Reader } from "../../octets/reader.ts";
import type { Payload } from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import type { IkeContext } from "../effect.ts";
import type { IkeSaSettings } from "../settings.ts";
import { reauthAtOf } from "./established.ts";
import type { Established } from "./established-phase.ts";
import { notifyOf } from "./find-payload.ts";

/** The peer deletes the IKE SA unless we reauthenticate in time: the shorter time applies. */
export function withAuthLifetime(
  settings: IkeSaSettings,
  payloads: readonly Payload[],
): IkeSaSettings {
  const lifetime = notifyOf(payloads, NotifyType.AUTH_LIFETIME);
  if (lifetime?.data.length !== 4) return settings;
  const theirsMs = new Reader(lifetime.data, "AUTH_LIFETIME").u32() * 1000;
  const reauthMs = Math.max(REAUTH_MS_MIN, Math.min(theirsMs, settings.reauthMs ?? theirsMs));
  return { ...settings, reauthMs };
}

/** A shorter time is not accepted: it would make us reauthenticate every few seconds. */
const REAUTH_MS_MIN = 60_000;

/** The peer may announce it later, too: the time then starts anew (§3). */
export function onAuthLifetime(
  sa: Established,
  payloads: readonly Payload[],
  context: IkeContext,
): Established {
  const settings = withAuthLifetime(sa.settings, payloads);
  if (!sa.isCaller || settings === sa.settings) return sa;
  const reauthAt = reauthAtOf(settings, sa.isCaller, context);
  return { ...sa, settings, timers: { ...sa.timers, reauthAt } };
}
