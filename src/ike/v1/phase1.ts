/** What Main Mode and Aggressive Mode have in common (RFC 2409 §5). */

import { later } from "../../octets/instant.ts";
import { ExchangeType, PHASE_1_MESSAGE_ID } from "../../wire/v1/header.ts";
import type { Payload } from "../../wire/v1/message.ts";
import { emitMessage } from "../../wire/v1/payload-chain.ts";
import { type Vendor, vendorPayload } from "../../wire/v1/vendor-id.ts";
import type { IkeContext } from "../effect.ts";
import type { Credentials } from "../event.ts";
import type { Refusal } from "../refusal.ts";
import type { SaId } from "../sa-id.ts";
import { failedNote } from "./answer.ts";
import { errorNotify } from "./notify.ts";
import type { ChosenIsakmp } from "./proposal.ts";
import { type AfterProof, modeOf, type ResponderPhase } from "./responder-phase.ts";
import { wipeSecrets } from "./secrets.ts";
import type { Sent } from "./sent.ts";
import type { Step } from "./step.ts";
import { AuthMethod } from "./transform-numbers.ts";

/** A longer message of Phase 1 is not accepted where no certificates are expected. */
export const MESSAGE_OCTETS_MAX = 4_096;

/** A message of ours is repeated so often, and not more often than this. */
const REPEATS_MAX = 4;
const REPEAT_MS_MIN = 500;

/** The header of a message of Phase 1 that is not encrypted. */
export function phase1Head(
  { spiI, spiR }: SaId,
  exchangeType: number,
): Parameters<typeof emitMessage>[0] {
  const flags = { encryption: false, commit: false, authenticationOnly: false };
  return { spiI, spiR, exchangeType, messageId: PHASE_1_MESSAGE_ID, flags };
}

/** The negotiation has failed. `isTold`: the site gets a notify, where there is one. */
export function endPhase1(sa: ResponderPhase, refusal: Refusal, isTold = false): Step {
  wipeSecrets(sa);
  const ended = { kind: "ended", reason: { kind: "refused", refusal } } as const;
  const note = failedNote(modeOf(sa), refusal);
  const notify = isTold ? errorNotify(refusal) : undefined;
  if (notify === undefined) return { sa: undefined, effects: [note, ended] };
  const octets = emitMessage(phase1Head(sa.id, ExchangeType.INFORMATIONAL), [notify]);
  return { sa: undefined, effects: [{ kind: "send", octets, path: sa.path }, note, ended] };
}

/** Its proof is wrong, or cannot be read because its keys differ from ours. */
export function wrongPsk(sa: ResponderPhase): Step {
  return counted(endPhase1(sa, { kind: "wrong-psk" }));
}

/** A negotiation has failed because the peer has not proved who it is. */
export function counted(failed: Step): Step {
  return {
    sa: failed.sa,
    effects: [{ kind: "count", counter: "authentication_failures" }, ...failed.effects],
  };
}

/** A message of ours, which answers the one with this digest. */
export function sentNow(digest: Uint8Array, octets: Uint8Array, { now }: IkeContext): Sent {
  return { digest, octets, left: REPEATS_MAX, from: later(now, REPEAT_MS_MIN) };
}

/** Answers a repeat: a few times, and not at once, because the sender's address may be forged. */
export function repeatLast(
  sa: Extract<ResponderPhase, { readonly last: Sent }>,
  { now }: IkeContext,
): Step {
  const { digest, octets, left, from } = sa.last;
  if (left === 0 || now < from) return { sa, effects: [] };
  const last = { digest, octets, left: left - 1, from: later(now, REPEAT_MS_MIN) };
  return {
    sa: { ...sa, last },
    effects: [
      { kind: "count", counter: "messages_repeated" },
      { kind: "send", octets, path: sa.path },
    ],
  };
}

/** What is left of the credentials once the keys are derived. */
export function termsAfter(credentials: Credentials): AfterProof {
  const { policy, settings, obstacle, childMethod, ikev1 } = credentials;
  return {
    policy,
    settings,
    ...(obstacle === undefined ? {} : { obstacle }),
    ...(childMethod === undefined ? {} : { childMethod }),
    ...(ikev1 === undefined ? {} : { ikev1 }),
  };
}

/** What both ends understand, and what this site needs (RFC 3706 §5.1). */
export function vendorPayloads(
  vendors: ReadonlySet<Vendor>,
  { ikev1, settings }: Credentials,
): readonly Payload[] {
  const withFragments = vendors.has("fragmentation") && settings.fragmentation;
  return [
    ...(withFragments ? [vendorPayload("fragmentation")] : []),
    ...(vendors.has("dpd") ? [vendorPayload("dpd")] : []),
    ...(ikev1?.xauth === true ? [vendorPayload("xauth")] : []),
  ];
}

/**
 * How the site has to authenticate: with a key, and its user with a password where asked for. A
 * site whose user is known may leave the password out.
 */
export function authMethodsOf({ ikev1 }: Credentials): readonly number[] {
  const { PRE_SHARED_KEY, XAUTH_INIT_PRE_SHARED } = AuthMethod;
  if (ikev1?.xauth !== true) return [PRE_SHARED_KEY];
  return ikev1.isUserKnown ? [XAUTH_INIT_PRE_SHARED, PRE_SHARED_KEY] : [XAUTH_INIT_PRE_SHARED];
}

/** Whether the site's user still has to authenticate: both ends have agreed on XAUTH. */
export function needsUser({ ikev1 }: AfterProof, { authMethod }: ChosenIsakmp): boolean {
  return ikev1?.xauth === true && authMethod !== AuthMethod.PRE_SHARED_KEY;
}

/** Our pre-shared key; the callers have checked that there is one. */
export function pskOf({ own }: Credentials): Uint8Array {
  return own.kind === "psk" ? own.psk : new Uint8Array(0);
}

/** A lifetime in milliseconds. */
export function msOf(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1_000;
}
