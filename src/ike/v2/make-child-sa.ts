/** Making a Child SA as responder of an exchange (RFC 7296 §1.2, §1.3.1, §2.9, §2.17). */

import type { Prf } from "../../crypto/prf.ts";
import { err, ok, type Result } from "../../octets/result.ts";
import { Writer } from "../../octets/writer.ts";
import { type Payload, Protocol, type SaPayload, type TsPayload } from "../../wire/message.ts";
import { espAlgorithmsText } from "../algorithms.ts";
import type { ChildPolicy, ChildSa } from "../child-sa.ts";
import type { ChildKeys, IkeContext, IkeEffect } from "../effect.ts";
import { deriveEspKeys } from "../keys.ts";
import type { ChildAnswer, ChildPlan, Ticket } from "../phase.ts";
import type { Refusal } from "../refusal.ts";
import { narrow, selectorsText } from "./narrow.ts";
import { chooseEsp, chosenProposal } from "./proposal.ts";

/** What the peer asks for. */
export type ChildRequest = {
  readonly sa: SaPayload;
  readonly tsI: TsPayload;
  readonly tsR: TsPayload;
  readonly Ni: Uint8Array;
  /** Group of the KE payload sent along; undefined without one. */
  readonly sentKe: number | undefined;
  /** IKE_AUTH has no key exchange of its own for the Child SA. */
  readonly withKe: boolean;
  readonly replaces: ChildSa | undefined;
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
    { local: policy.localSubnets, remote: policy.remoteSubnets },
  );
  if (!narrowed.ok) return err(narrowed.error);
  const { replaces, Ni } = request;
  return ok({ chosen: chosen.value, narrowed: narrowed.value, replaces, Ni });
}

export type ChildSecrets = {
  readonly prf: Prf;
  readonly SK_d: Uint8Array;
  /** Empty without a key exchange of its own. */
  readonly sharedSecret: Uint8Array;
  readonly Nr: Uint8Array;
};

/** The Child SA with its keys, and the payloads that tell the peer: SA, TSi, TSr. */
export function makeChild(
  plan: ChildPlan,
  secrets: ChildSecrets,
  context: IkeContext,
): { readonly answer: ChildAnswer; readonly keys: ChildKeys } {
  const { chosen, narrowed } = plan;
  const keys = deriveEspKeys(secrets, chosen.algorithms, {
    sharedSecret: secrets.sharedSecret,
    Ni: plan.Ni,
    Nr: secrets.Nr,
  });
  const sa: ChildSa = {
    spiIn: context.espSpi(),
    spiOut: chosen.spi,
    algorithms: chosen.algorithms,
    mode: "tunnel",
    local: narrowed.local,
    remote: narrowed.remote,
    createdAt: context.now,
    replaces: plan.replaces?.spiIn,
  };
  const spi = new Writer(4).u32(sa.spiIn).done();
  const payloads: Payload[] = [
    { kind: "SA", proposals: [chosenProposal(Protocol.ESP, chosen, spi)] },
    { kind: "TSi", selectors: narrowed.remote, unknown: 0 },
    { kind: "TSr", selectors: narrowed.local, unknown: 0 },
  ];
  return { answer: { sa, payloads }, keys: { in: keys.initiator, out: keys.responder } };
}

/** Asks for the Child SA to be installed. */
export function childUp(
  ticket: Ticket,
  made: { readonly answer: ChildAnswer; readonly keys: ChildKeys },
): IkeEffect {
  const child = made.answer.sa;
  const inboundOnly = child.replaces !== undefined;
  return { kind: "child-up", ticket, child, keys: made.keys, inboundOnly };
}

/** `10.0.0.0/16 === 192.168.1.0/24, AES_GCM_16_256`: for the journal. */
export function childText(child: ChildSa): string {
  return `${selectorsText(child.local, child.remote)}, ${espAlgorithmsText(child.algorithms)}`;
}
