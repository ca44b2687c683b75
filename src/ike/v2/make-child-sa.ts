/** Making a Child SA, as initiator or responder (RFC 7296 §1.2, §1.3.1, §2.9, §2.17). */

import type { Prf } from "../../crypto/prf.ts";
import type { EspSpi } from "../../inet/esp-spi.ts";
import { SUBNET_PAIRS_MAX, SUBNETS_MAX } from "../../inet/subnet-pairs.ts";
import { later } from "../../octets/instant.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { Writer } from "../../octets/writer.ts";
import {
  type CpPayload,
  type Payload,
  Protocol,
  type SaPayload,
  type TsPayload,
} from "../../wire/v2/message.ts";
import { NotifyType } from "../../wire/v2/notify-type.ts";
import { espAlgorithmsText } from "../algorithms.ts";
import type { ChildPolicy, ChildSa } from "../child-sa.ts";
import type { ChildKeys, IkeContext, IkeNote } from "../effect.ts";
import { jittered } from "../jitter.ts";
import { REKEY_SHARE_MIN } from "../limits.ts";
import type { Refusal } from "../refusal.ts";
import { selectorsText } from "../selector-text.ts";
import type { Ticket } from "../ticket.ts";
import type { GrantedChild } from "./asking.ts";
import type { ChildAnswer, ChildPlan } from "./established-phase.ts";
import { deriveEspKeys } from "./keys.ts";
import { narrow } from "./narrow.ts";
import { notify } from "./notify.ts";
import { chooseEsp, chosenProposal } from "./proposal.ts";
import type { IkeEffect } from "./step.ts";

/** What the peer asks for. */
export type ChildRequest = {
  readonly sa: SaPayload;
  readonly tsI: TsPayload;
  readonly tsR: TsPayload;
  readonly Ni: Uint8Array;
  /** The group of the KE payload; undefined if there is none. */
  readonly sentKe: number | undefined;
  /** False in IKE_AUTH, where a Child SA has no key exchange of its own. */
  readonly withKe: boolean;
  /** The peer sent USE_TRANSPORT_MODE, and there is no NAT. */
  readonly wantsTransport: boolean;
  readonly replaces: ChildSa | undefined;
  /** The CFG_REPLY at the beginning of the answer. */
  readonly reply: CpPayload | undefined;
};

/** Chooses algorithms and selectors, or says why there is no Child SA. */
export function planChild(request: ChildRequest, policy: ChildPolicy): Result<ChildPlan, Refusal> {
  const chosen = chooseEsp(request.sa.proposals, policy.suites, {
    withKe: request.withKe,
    sentKe: request.sentKe,
  });
  if (!chosen.ok) return chosen;
  const narrowed = narrow(
    { local: request.tsR.selectors, remote: request.tsI.selectors },
    { local: policy.local, remote: policy.remote },
  );
  if (!narrowed.ok) return err(narrowed.error);
  const { replaces, Ni, reply } = request;
  const mode = request.wantsTransport && policy.transport ? "transport" : "tunnel";
  return ok({ chosen: chosen.value, narrowed: narrowed.value, mode, replaces, Ni, reply });
}

export type ChildSecrets = {
  readonly prf: Prf;
  readonly SK_d: Uint8Array;
  /** Empty if the Child SA has no key exchange of its own. */
  readonly sharedSecret: Uint8Array;
  /** Those of additional key exchanges (RFC 9370 §2.2.4). */
  readonly additional?: readonly Uint8Array[];
  readonly Nr: Uint8Array;
};

/** The Child SA with its keys, and the payloads for the peer: [CP,] [N,] SA, TSi, TSr. */
export function makeChild(
  plan: ChildPlan,
  secrets: ChildSecrets,
  policy: ChildPolicy,
  context: IkeContext,
): { readonly answer: ChildAnswer; readonly keys: ChildKeys } {
  return { answer: prepareChild(plan, policy, context), keys: keysOf(plan, secrets) };
}

/** The keys of a Child SA that the peer asked for. */
export function keysOf({ chosen, Ni }: ChildPlan, secrets: ChildSecrets): ChildKeys {
  const { sharedSecret, additional = [], Nr } = secrets;
  const input = { sharedSecret, additional, Ni, Nr };
  const keys = deriveEspKeys(secrets, chosen.algorithms, input);
  return { in: keys.initiator, out: keys.responder };
}

/** The same without its keys. */
export function prepareChild(
  plan: ChildPlan,
  policy: ChildPolicy,
  context: IkeContext,
): ChildAnswer {
  const { chosen, narrowed, mode } = plan;
  const sa: ChildSa = {
    spiIn: context.espSpi(),
    spiOut: chosen.spi,
    algorithms: chosen.algorithms,
    mode,
    local: narrowed.local,
    remote: narrowed.remote,
    ...ages(policy, context),
    replaces: plan.replaces?.spiIn,
  };
  const payloads: Payload[] = [];
  if (plan.reply !== undefined) payloads.push(plan.reply);
  if (mode === "transport") payloads.push(notify(NotifyType.USE_TRANSPORT_MODE));
  payloads.push(
    { kind: "SA", proposals: [chosenProposal(Protocol.ESP, chosen, spiOctets(sa.spiIn))] },
    { kind: "TSi", selectors: narrowed.remote, unknown: 0 },
    { kind: "TSr", selectors: narrowed.local, unknown: 0 },
  );
  return { sa, payloads };
}

/** The Child SA that the peer granted us, with its keys. */
export function grantedChild(
  ours: {
    readonly granted: GrantedChild;
    readonly spiIn: EspSpi;
    readonly Ni: Uint8Array;
    readonly replaces: EspSpi | undefined;
  },
  secrets: Omit<ChildSecrets, "Nr">,
  policy: ChildPolicy,
  context: IkeContext,
): { readonly child: ChildSa; readonly keys: ChildKeys } {
  const { chosen, local, remote, mode, Nr } = ours.granted;
  const { sharedSecret, additional = [] } = secrets;
  const input = { sharedSecret, additional, Ni: ours.Ni, Nr };
  const keys = deriveEspKeys(secrets, chosen.algorithms, input);
  const { algorithms, spi: spiOut } = chosen;
  const { spiIn, replaces } = ours;
  const place = { spiIn, spiOut, algorithms, mode, local, remote };
  const child: ChildSa = { ...place, ...ages(policy, context), replaces };
  return { child, keys: { in: keys.responder, out: keys.initiator } };
}

/** Notes which subnets both ends allow but the Child SA does not carry: nothing else shows it. */
export function leftOutNotes(
  step: IkeNote["step"],
  { narrowed: { leftOut } }: ChildPlan,
): readonly IkeEffect[] {
  if (leftOut === undefined) return [];
  const detail =
    `the Child SA leaves out subnets that both ends allow, wholly or in part: ${leftOut}; ` +
    `it has room for ${SUBNETS_MAX} on each side and ${SUBNET_PAIRS_MAX} pairs of them`;
  const note = { level: "warning", step, outcome: "refused", reason: "subnets-left-out" } as const;
  return [
    { kind: "count", counter: "child_sas_narrowed_by_limit" },
    { kind: "note", note: { ...note, detail } },
  ];
}

/**
 * Asks to install the Child SA, without its outbound state if another one still sends. `isOurs`: it
 * was made in an exchange of ours that the next process repeats.
 */
export function childUp(
  ticket: Ticket,
  made: { readonly child: ChildSa; readonly keys: ChildKeys },
  { inboundOnly, isOurs }: { readonly inboundOnly: boolean; readonly isOurs: boolean },
): IkeEffect {
  return { kind: "child-up", ticket, child: made.child, keys: made.keys, inboundOnly, isOurs };
}

/** An ESP SPI as in proposals and notifies. */
export function spiOctets(spi: EspSpi): Uint8Array {
  return new Writer(4).u32(spi).done();
}

/** `10.0.0.0/16 === 192.168.1.0/24, AES_GCM_16_256`, for the journal. */
export function childText(child: ChildSa): string {
  return `${selectorsText(child.local, child.remote)}, ${espAlgorithmsText(child.algorithms)}`;
}

function ages(policy: ChildPolicy, context: IkeContext) {
  const rekeyMs = jittered(policy.lifetimeMs, REKEY_SHARE_MIN, context.random);
  const rekeyAt = later(context.now, rekeyMs);
  const fresh = { redundantUntil: undefined, struggle: undefined };
  return { createdAt: context.now, rekeyAt, ...fresh } as const;
}
