/** What both modes of Phase 1 have in common when we begin it (RFC 2408 §5.1, RFC 2409 §5). */

import type { Path } from "../../inet/endpoint.ts";
import { later } from "../../octets/instant.ts";
import { IKE_HEADER_OCTETS } from "../../wire/header.ts";
import { ExchangeType, isakmpFlags, PHASE_1_MESSAGE_ID } from "../../wire/v1/header.ts";
import type {
  IdPayload,
  NotifyPayload,
  Payload,
  Received,
  SaPayload,
} from "../../wire/v1/message.ts";
import { isErrorNotify, NotifyType } from "../../wire/v1/notify-type.ts";
import { parsePayloads } from "../../wire/v1/payload-chain.ts";
import { type Vendor, vendorPayload } from "../../wire/v1/vendor-id.ts";
import type { IkeContext } from "../effect.ts";
import type { Call, IkeEvent } from "../event.ts";
import { AUTH_OCTETS_MAX, CALL_ATTEMPTS_MAX, KEY_EXCHANGE_MS } from "../limits.ts";
import type { Nat } from "../nat.ts";
import type { Refusal } from "../refusal.ts";
import type { SaId } from "../sa-id.ts";
import { failedNote } from "./answer.ts";
import {
  hasCertificate,
  type InitiatorPhase,
  type MainProving,
  type MainSigned,
  type MainVerifying,
  modeOfCall,
} from "./initiator-phase.ts";
import { cookieOctets } from "./keys.ts";
import { offeredIsakmp } from "./none-chosen.ts";
import { notify } from "./notify.ts";
import { MESSAGE_OCTETS_MAX } from "./phase1.ts";
import { isakmpOffer } from "./proposal.ts";
import type { Copies } from "./quick-mode-phase.ts";
import { copyWaitMs } from "./retransmit.ts";
import { wipeSecrets } from "./secrets.ts";
import { seenPayloads } from "./seen-message.ts";
import { deleteIsakmp } from "./send-informational.ts";
import { idOf } from "./signatures.ts";
import type { Step } from "./step.ts";
import { AuthMethod } from "./transform-numbers.ts";

export type MessageEvent = Extract<IkeEvent, { kind: "message" }>;

/** Our offer; in Aggressive Mode with one group only (RFC 2409 §5.2). */
export function offerOf(call: Call, group: number | undefined): SaPayload {
  const { policy, settings } = call.credentials;
  const { lifetimeMs, reauthMs = lifetimeMs } = settings;
  const seconds = Math.floor(Math.min(lifetimeMs, reauthMs) / 1_000);
  const lifetime = { seconds, kilobytes: undefined };
  return isakmpOffer(policy.ikeSuites, { authMethod: authMethodOf(call), lifetime, group });
}

/** The method of both ends: signatures if we have a certificate (RFC 2409 §5.1), else our key. */
export function authMethodOf(call: Call): number {
  return hasCertificate(call) ? AuthMethod.RSA_SIGNATURES : AuthMethod.PRE_SHARED_KEY;
}

/** What we understand: NAT traversal by the RFC and by its drafts, liveness checks, fragments. */
export function callVendors({ credentials: { settings } }: Call): readonly Payload[] {
  const all = settings.fragmentation ? [...ANNOUNCED, "fragmentation" as const] : ANNOUNCED;
  return all.map(vendorPayload);
}

const ANNOUNCED: readonly Vendor[] = [
  "nat-t",
  "nat-t-draft-03",
  "nat-t-draft-02-line-feed",
  "nat-t-draft-02",
  "dpd",
];

/** Our ID, for any protocol and port. */
export function ourId({ credentials }: Call): IdPayload {
  return idOf(credentials.ourIdentity);
}

/** INITIAL-CONTACT, if there is no other IKE SA with the site (RFC 2407 §4.6.3.3). */
export function initialContact({ initialContact: isFirst }: Call, id: SaId): readonly Payload[] {
  return isFirst ? [notify(NotifyType.INITIAL_CONTACT, { spi: cookieOctets(id) })] : [];
}

/** The path of our messages from the moment a NAT is found (RFC 3947 §4). */
export function floated({ path, natPorts }: Call, nat: Nat): Path {
  const { local, remote } = path;
  if (nat === "none") return path;
  return {
    local: { address: local.address, port: natPorts.local },
    remote: { address: remote.address, port: natPorts.remote },
  };
}

/** An answer that changes our offer, or grants more than one transform of it. */
export const WRONG_ANSWER: Refusal = {
  kind: "malformed",
  where: "answer to our offer",
  detail: "it is not one proposal with one transform as it was offered",
};

/** When we stop waiting for our own work. */
export function workUntil({ now }: IkeContext) {
  return later(now, KEY_EXCHANGE_MS);
}

/** A message of ours goes out for the first time. */
export function firstCopy({ credentials }: Call, octets: Uint8Array, context: IkeContext): Copies {
  const waitMs = copyWaitMs(credentials.settings, 1, context);
  return { octets, attempts: 1, retransmitAt: later(context.now, waitMs) };
}

/** The next copy of the message in flight; undefined: there have been enough. */
export function nextCopy(
  { credentials: { settings } }: Call,
  { octets, attempts }: Copies,
  context: IkeContext,
): Copies | undefined {
  if (attempts >= Math.min(settings.retransmission.attemptsMax, CALL_ATTEMPTS_MAX)) {
    return undefined;
  }
  const waitMs = copyWaitMs(settings, attempts + 1, context);
  return { octets, attempts: attempts + 1, retransmitAt: later(context.now, waitMs) };
}

/** The call has failed. */
export function endCall(sa: InitiatorPhase, refusal: Refusal): Step {
  wipeSecrets(sa);
  const ended = { kind: "ended", reason: { kind: "refused", refusal } } as const;
  return { sa: undefined, effects: [failedNote(modeOfCall(sa), refusal), ended] };
}

/** The call has failed, but to the site we are up: it has to forget us. `lastBlock`: of Phase 1. */
export function endCallTelling(
  sa: MainProving | MainSigned | MainVerifying,
  lastBlock: Uint8Array,
  refusal: Refusal,
  context: IkeContext,
): Step {
  const { id, path, chosen, keys } = sa;
  const secured = { id, algorithms: chosen.algorithms, keys, lastBlock };
  const told = deleteIsakmp({ ...secured, path, quickModes: [] }, context);
  const failed = endCall(sa, refusal);
  return { sa: failed.sa, effects: [told, ...failed.effects] };
}

type Waiting = Extract<InitiatorPhase, { readonly sent: Copies }>;

/** An answer that leads nowhere is remembered: it may be forged, so the right one is awaited. */
export function hinted(sa: Waiting, hint: Refusal): Step {
  return { sa: { ...sa, hint }, effects: [] };
}

/** Whether a message is worth reading: one of this exchange, or an Informational one in clear. */
export function isReadable(
  { header, octets }: MessageEvent,
  exchangeType: number,
  call: Call,
): boolean {
  if (octets.length > phase1OctetsMax(call)) return false;
  const { INFORMATIONAL } = ExchangeType;
  if (header.exchangeType === INFORMATIONAL) return !isakmpFlags(octets).encryption;
  return header.exchangeType === exchangeType && header.messageId === PHASE_1_MESSAGE_ID;
}

/**
 * The longest message of Phase 1 that is read. The sixth one has a chain of certificates, and the
 * fourth one names as many authorities as the site trusts.
 */
export function phase1OctetsMax(call: Call): number {
  return hasCertificate(call) ? AUTH_OCTETS_MAX : MESSAGE_OCTETS_MAX;
}

/** Whether a message of Main Mode has the site's cookie, once that is known. */
export function isNextOfMain(
  { id }: Pick<InitiatorPhase, "id">,
  { header }: Pick<MessageEvent, "header">,
): boolean {
  if (header.exchangeType !== ExchangeType.MAIN_MODE || header.spiR === 0n) return false;
  return id.spiR === 0n || id.spiR === header.spiR;
}

/** An error that the site reports. */
export type ReportedError = { readonly type: number; readonly refusal: Refusal };

/** An error that the site reports without protection; undefined: this message reports none. */
export function errorIn(
  sa: Waiting,
  { header, octets }: MessageEvent,
  { onMessage }: IkeContext,
): ReportedError | undefined {
  if (header.exchangeType !== ExchangeType.INFORMATIONAL) return undefined;
  const mode = modeOfCall(sa);
  const parsed = parsePayloads(header.nextPayload, octets, mode, IKE_HEADER_OCTETS);
  if (!parsed.ok) return undefined;
  const { payloads } = parsed.value;
  onMessage?.(seenPayloads("received", header, payloads));
  return reportedError(sa, payloads);
}

/** The error among the payloads of an Informational message. */
export function reportedError(
  sa: Waiting,
  payloads: readonly Received[],
): ReportedError | undefined {
  const error = payloads.find(
    (one): one is NotifyPayload & typeof one => one.kind === "NOTIFY" && isErrorNotify(one.type),
  );
  if (error === undefined) return undefined;
  const { type } = error;
  const isAboutOffer = type === NotifyType.NO_PROPOSAL_CHOSEN;
  const offered = isAboutOffer ? { offered: offeredIsakmp(offerOf(sa.call, undefined)) } : {};
  const asked = modeOfCall(sa);
  const proof = sa.call.credentials.own.kind;
  return { type, refusal: { kind: "peer-refused-ikev1", notify: type, asked, proof, ...offered } };
}
